package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Free space and inodes below which a warning, and an error, is due.
const (
	spareBytes, leastBytes   = 2 << 30, 256 << 20
	spareInodes, leastInodes = 20_000, 2_000
)

// disk: where local state lies.
func (d *doctor) disk(ctx context.Context) ([]Finding, error) {
	dir := d.conf.StateDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{ok(dir, "not there yet: the first run makes it")}, nil
	case err != nil:
		return []Finding{failure(dir, "cannot be looked at: "+err.Error(), "let this user read and write it, or choose another state_dir")}, nil
	case !info.IsDir():
		return []Finding{failure(dir, "is no folder", "choose another state_dir")}, nil
	}
	var found []Finding
	if err := writable(dir); err != nil {
		found = append(found, failure(dir, "cannot be written: "+err.Error(), "let this user write it (mount it read-write), or choose another state_dir"))
	}
	bytes, inodes, err := free(dir)
	if err != nil {
		return found, err
	}
	found = append(found, space(dir, bytes, inodes))
	size, damaged, err := state(ctx, dir)
	if err != nil {
		return found, err
	}
	for _, folder := range damaged {
		found = append(found, warning(folder, "its leveldb was found damaged", "nothing: the next start drops it and recovers it from Kafka; look at the disk's health"))
	}
	return append(found, ok(dir, "local state has %d MiB", size>>20)), nil
}

// space judges what is free.
func space(dir string, bytes, inodes int64) Finding {
	what := fmt.Sprintf("%d MiB and %d inodes free", bytes>>20, inodes)
	if inodes < 0 {
		what, inodes = fmt.Sprintf("%d MiB free", bytes>>20), spareInodes
	}
	remedy := "make space there, or choose another state_dir: what lies there can be recovered from Kafka"
	switch {
	case bytes < leastBytes || inodes < leastInodes:
		return failure(dir, what, remedy)
	case bytes < spareBytes || inodes < spareInodes:
		return warning(dir, what, remedy)
	}
	return ok(dir, "%s", what)
}

// state sums up files, and finds folders that the engine has marked. A running
// instance changes them meanwhile.
func state(ctx context.Context, dir string) (size int64, damaged []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e.Name() == "CONDEMNED" {
			damaged = append(damaged, filepath.Dir(path))
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size, damaged, err
}
