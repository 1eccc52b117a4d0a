package engine

import (
	"io"
	"testing"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// counting counts what is synced.
type counting struct {
	storage.Storage
	syncs *int
}

func (c counting) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := c.Storage.Create(fd)
	return countingWriter{w, c.syncs}, err
}

type countingWriter struct {
	storage.Writer
	syncs *int
}

func (w countingWriter) Sync() error {
	*w.syncs++
	return w.Writer.Sync()
}

func TestTablesOfARecoveryAreSyncedLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := osFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	b := files.(buffered)
	syncs := 0
	b.Storage = counting{b.Storage, &syncs}
	write := func(kind storage.FileType, number int64) int {
		t.Helper()
		w, err := b.Create(storage.FileDesc{Type: kind, Num: number})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		before := syncs
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		after := syncs
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(storage.FileDesc{Type: kind, Num: number})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if text, err := io.ReadAll(r); err != nil || string(text) != "text" {
			t.Errorf("%v %d holds %q, %v", kind, number, text, err)
		}
		return after - before
	}
	for i, late := range []bool{true, false} {
		b.late.Store(late)
		for _, kind := range []storage.FileType{storage.TypeTable, storage.TypeManifest, storage.TypeJournal} {
			want := 1
			if late && kind != storage.TypeJournal {
				want = 0
			}
			if got := write(kind, int64(i+1)); got != want {
				t.Errorf("late %v: %v is synced %d times, want %d", late, kind, got, want)
			}
		}
	}
	if err := syncFolder(dir); err != nil {
		t.Error(err)
	}
}
