package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// progress is all that the world keeps on disk. It is written after the work it
// counts is done: after kill -9 a little is done twice, nothing is left out.
type progress struct {
	Version   int   `json:"version"`
	Seed      int64 `json:"seed"`
	Customers int   `json:"customers"`

	// Snapshot is the first row id that the snapshot has not written yet.
	Snapshot int64 `json:"snapshot_next_id"`
	Loaded   bool  `json:"snapshot_complete"`
	// Step counts what happened in Home Delivery and Online Store since.
	Step int64 `json:"step"`
	// Night counts Loyalty's exports.
	Night int64 `json:"night"`
	// Exports are the last files Loyalty wrote, oldest first.
	Exports []string `json:"exports"`
}

const progressVersion = 1

// progressFile keeps the progress in a folder.
type progressFile struct{ dir string }

func (f progressFile) path() string { return filepath.Join(f.dir, "progress.json") }

// load returns the folder's progress, or a new one. A folder of another world is
// refused: its Kafka topic holds other people.
func (f progressFile) load(seed int64, customers int) (progress, error) {
	fresh := progress{Version: progressVersion, Seed: seed, Customers: customers, Snapshot: firstRowID}
	data, err := os.ReadFile(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return progress{}, fmt.Errorf("reading the simulator's progress: %w", err)
	}
	var p progress
	if err := json.Unmarshal(data, &p); err != nil {
		return progress{}, fmt.Errorf("reading the simulator's progress in %s: %w", f.path(), err)
	}
	if p.Version != progressVersion {
		return progress{}, fmt.Errorf("%s was written by another version of the simulator (format %d, this one reads %d): start with a fresh folder",
			f.path(), p.Version, progressVersion)
	}
	if p.Seed != seed || p.Customers != customers {
		return progress{}, fmt.Errorf("%s holds a world of seed %d with %d customers, not seed %d with %d: start it with those values, or with a fresh folder",
			f.dir, p.Seed, p.Customers, seed, customers)
	}
	return p, nil
}

// save replaces the file in one step and makes it durable.
func (f progressFile) save(p progress) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing the simulator's progress: %w", err)
	}
	if err := writeFile(f.path(), func(file *os.File) error {
		_, err := file.Write(data)
		return err
	}); err != nil {
		return fmt.Errorf("writing the simulator's progress: %w", err)
	}
	return nil
}

// writeFile writes beside path under a hidden name, syncs, and renames: a reader
// sees the whole file or none, also after a crash.
func writeFile(path string, write func(*os.File) error) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	file, err := os.Create(temporary)
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
