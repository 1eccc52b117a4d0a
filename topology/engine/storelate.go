package engine

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// buffered collects what leveldb writes to a table block by block. A table counts
// only once it is synced; journals and manifests are written through.
//
// A recovery into an empty folder would wait for the disk a third of its time, and
// so it does without: while late is set nothing is synced, and all of it after the
// recovery (syncFolder). Nothing is lost by that: a folder that the machine's end
// leaves with a table cut off is dropped when it is opened or, since every block has
// a checksum, read; and the changelog has it all.
type buffered struct {
	storage.Storage
	late *atomic.Bool
}

func (b buffered) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := b.Storage.Create(fd)
	if err != nil || fd.Type != storage.TypeTable && fd.Type != storage.TypeManifest {
		return w, err
	}
	w = lateWriter{w, b.late}
	if fd.Type == storage.TypeTable {
		w = &bufferedWriter{bufio.NewWriterSize(w, 128<<10), w}
	}
	return w, nil
}

type bufferedWriter struct {
	*bufio.Writer
	file storage.Writer
}

func (w *bufferedWriter) Sync() error  { return errors.Join(w.Flush(), w.file.Sync()) }
func (w *bufferedWriter) Close() error { return errors.Join(w.Flush(), w.file.Close()) }

type lateWriter struct {
	storage.Writer
	late *atomic.Bool
}

func (w lateWriter) Sync() error {
	if w.late.Load() {
		return nil
	}
	return w.Writer.Sync()
}

// syncFolder syncs the tables and manifests that are there, while leveldb goes on.
func syncFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".ldb" && !strings.HasPrefix(e.Name(), "MANIFEST-") {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) { // compacted
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
