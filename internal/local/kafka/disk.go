package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"customer360/internal/filesystem"
)

// lookEvery is how often the free space is read: the disk must not fill up by
// MinFreeBytes in between.
const lookEvery = 200 * time.Millisecond

// warnEvery keeps the warning of a disk that is filling up readable.
const warnEvery = time.Minute

// disk is the data folder's disk.
type disk struct {
	dir    string
	free   func(dir string) (uint64, error)
	warned time.Time
}

// prepare makes the folder and proves that it can be written to and is not full.
func (d *disk) prepare(minFree uint64) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("the embedded Kafka broker cannot make its folder: %w", explained(err))
	}
	probe := filepath.Join(d.dir, ".probe")
	file, err := os.Create(probe)
	if err != nil {
		return fmt.Errorf("the embedded Kafka broker cannot write to its folder: %w", explained(err))
	}
	_, err = file.Write(make([]byte, 4096))
	if err := errors.Join(err, file.Sync(), file.Close(), os.Remove(probe)); err != nil {
		return fmt.Errorf("the embedded Kafka broker cannot write to its folder: %w", explained(err))
	}
	free, err := d.free(d.dir)
	if err != nil {
		return err
	}
	if free < minFree {
		return d.full(free, minFree)
	}
	return nil
}

// look returns an error when there is too little space to go on.
func (d *disk) look(log *slog.Logger, minFree uint64) error {
	free, err := d.free(d.dir)
	if err != nil {
		return err
	}
	if free < minFree {
		return d.full(free, minFree)
	}
	if free < 4*minFree && time.Since(d.warned) >= warnEvery {
		d.warned = time.Now()
		log.Warn("the disk of the embedded Kafka broker is nearly full", "dir", d.dir, "free_bytes", free, "stops_below_bytes", minFree)
	}
	return nil
}

func (d *disk) full(free, minFree uint64) error {
	return fmt.Errorf("%w: the disk of %s has %d MiB free, and it needs %d; make space, or choose another folder",
		errDisk, d.dir, free>>20, minFree>>20)
}

func explained(err error) error {
	switch {
	case filesystem.ReadOnly(err):
		return fmt.Errorf("%w: choose a folder on a disk that can be written to", err)
	case filesystem.NoSpace(err):
		return fmt.Errorf("%w: make space, or choose another folder", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: this user may not write there", err)
	}
	return err
}

// lockFolder keeps a second broker out of the folder. The system releases the
// lock when the process ends, however it ends.
func lockFolder(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the embedded Kafka broker's folder: %w", explained(err))
	}
	if err := filesystem.Lock(file); err != nil {
		file.Close() //nolint:errcheck // nothing was written
		return nil, fmt.Errorf("the folder %s is in use by another embedded Kafka broker", dir)
	}
	return func() { file.Close() }, nil //nolint:errcheck // closing releases the lock
}
