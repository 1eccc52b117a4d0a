package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// filling is a disk that is full from a moment on.
type filling struct {
	storage.Storage
	full atomic.Bool
}

func (f *filling) files(dir string) (_ storage.Storage, err error) {
	f.Storage, err = osFiles(dir)
	return f, err
}

func (f *filling) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := f.Storage.Create(fd)
	return &fillingWriter{w, f}, err
}

type fillingWriter struct {
	storage.Writer
	disk *filling
}

func (w *fillingWriter) Write(b []byte) (int, error) {
	if w.disk.full.Load() {
		return 0, syscall.ENOSPC
	}
	return w.Writer.Write(b)
}

// A large write that finds the disk full leaves leveldb locked: Close says so, and
// does not wait for it for ever. What waits does so until the process ends: this is
// another one.
func TestCloseOfALockedLevel(t *testing.T) {
	const child = "ENGINE_LOCKED_LEVEL"
	if os.Getenv(child) == "" {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCloseOfALockedLevel$")
		c.Env = append(os.Environ(), child+"="+t.TempDir())
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.Exit(0)
		}
	})
	f := new(filling)
	db, _, err := openFiles(f.files, filepath.Join(os.Getenv(child), "s"), 1<<20, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Put([]byte("k"), []byte("v"), nil); err != nil { // something to flush
		t.Fatal(err)
	}
	f.full.Store(true)
	if tr, err := db.OpenTransaction(); err == nil {
		tr.Discard()
		t.Fatal("a full disk takes a table")
	}
	levelPatience = time.Second
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	select {
	case err := <-closed:
		if !errors.Is(err, errHangs) {
			t.Errorf("closed with %v: leveldb has mended this, and level.Close may wait again", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
}

// What a broker that lost the end of a log answers is no outage.
func TestALogThatLostItsEnd(t *testing.T) {
	lost := &kgo.ErrDataLoss{Topic: "t", ConsumedTo: 1000, ResetTo: 900}
	cfg := Config{Expendable: []string{"t"}}
	if err := cfg.fetchError("other", 0, lost); classify(err) != fatal {
		t.Errorf("%v is %v", err, classify(err))
	}
	if err := cfg.fetchError("t", 0, lost); classify(err) == fatal {
		t.Errorf("of an expendable input: %v is %v", err, classify(err))
	}
}
