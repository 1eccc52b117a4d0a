package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/storage"

	"customer360/topology/engine"
)

// disk is one that can be full, or read-only.
type disk struct{ fault atomic.Pointer[syscall.Errno] }

func (d *disk) set(e syscall.Errno) { d.fault.Store(&e) }
func (d *disk) clear()              { d.fault.Store(nil) }

func (d *disk) err(op, path string) error {
	if e := d.fault.Load(); e != nil {
		return &os.PathError{Op: op, Path: path, Err: *e}
	}
	return nil
}

func (d *disk) files(dir string) (storage.Storage, error) {
	if err := d.err("open", dir); err != nil && errors.Is(err, syscall.EROFS) {
		return nil, err
	}
	s, err := storage.OpenFile(dir, false)
	return diskFiles{s, d}, err
}

type diskFiles struct {
	storage.Storage
	d *disk
}

func (f diskFiles) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := f.Storage.Create(fd)
	return diskWriter{w, f.d, fd.String()}, err
}

func (f diskFiles) SetMeta(fd storage.FileDesc) error {
	if err := f.d.err("write", fd.String()); err != nil {
		return err
	}
	return f.Storage.SetMeta(fd)
}

type diskWriter struct {
	storage.Writer
	d    *disk
	name string
}

// Write: a full disk takes a part.
func (w diskWriter) Write(b []byte) (int, error) {
	if err := w.d.err("write", w.name); err != nil {
		n, werr := w.Writer.Write(b[:len(b)/2])
		return n, errors.Join(err, werr)
	}
	return w.Writer.Write(b)
}

// A disk that cannot be written ends the group, with what to do; afterwards it
// goes on where Kafka is. A short fault it gets over by itself.
func TestDiskThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault  syscall.Errno
		remedy string
		stays  bool
	}{{syscall.ENOSPC, "make space there", true}, {syscall.EROFS, "make it writable", true}, {syscall.ENOSPC, "", false}} {
		t.Run(fmt.Sprint(c.fault, ", stays ", c.stays), func(t *testing.T) {
			t.Parallel()
			b, dir, d := startBroker(t), t.TempDir(), new(disk)
			generate(t, b.Addr, 0, 1000, 50, 0)
			w := startWatched(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil), engine.Deps{Files: d.files}, engine.Hooks{})
			awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
			d.set(c.fault)
			began := time.Now()
			generate(t, b.Addr, 1000, 2000, 50, 500)
			eventually(t, 30*time.Second, func() bool { return w.Status().LastError != nil }, func() string { return "nobody notices" })
			if c.stays {
				eventually(t, 60*time.Second, func() bool { return w.Status().State == engine.Stopped }, func() string { return fmt.Sprintf("it goes on: %+v", w.Status()) })
				t.Logf("it ended %v after the fault", time.Since(began).Round(time.Millisecond))
				err := w.stop()
				if err == nil {
					t.Fatal("no error")
				}
				wants(t, err, "local state", filepath.Join(dir, "a", jobGroup), c.fault.Error(), c.remedy, "nothing is lost")
				w = nil
			}
			d.clear()
			if w == nil {
				w = startWatched(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil), engine.Deps{Files: d.files}, engine.Hooks{})
			}
			conclude(t, b, dir, 3000, 50, w.running)
		})
	}
}

// What happened to a folder while nobody, or the group itself, used it.
func TestLocalStateThatIsNotWhatItWas(t *testing.T) {
	t.Parallel()
	const keys = 50
	turn := func(pattern string) func(string, string) error {
		return func(folder, _ string) error {
			files, _ := filepath.Glob(filepath.Join(folder, pattern))
			if len(files) == 0 {
				return fmt.Errorf("no %s in %s", pattern, folder)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				for i := len(b) % 7; i < len(b); i += 16 {
					b[i] ^= 4
				}
				if err := os.WriteFile(f, b, 0o600); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		change  func(folder, copied string) error
		reason  string // "": the folder is used
		running bool   // done while the group runs
	}{
		"table turned": {change: func(folder, copied string) error {
			db, err := leveldb.OpenFile(folder, nil) // what the journal has becomes a table: no older one is read where that is whole
			if err != nil {
				return err
			}
			return errors.Join(db.Close(), turn("*.ldb")(folder, copied))
		}, reason: "damaged"},
		"journal turned":  {change: turn("*.log")}, // what was whole before the damage is kept
		"manifest turned": {change: turn("MANIFEST-*"), reason: "damaged"},
		"CURRENT turned":  {change: turn("CURRENT"), reason: "damaged"},
		"other partition's": {change: func(folder, _ string) error {
			other := strings.TrimRight(folder, "0123456789") + map[bool]string{true: "1", false: "0"}[strings.HasSuffix(folder, "0")]
			return errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(other)))
		}, reason: "belongs to partition"},
		"an older copy": {change: func(folder, copied string) error {
			return errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(copied)))
		}},
		"gone while running": {change: func(folder, _ string) error { return os.RemoveAll(folder) }, running: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dir, copies := startBroker(t), t.TempDir(), t.TempDir()
			total := 0
			work := func() *watched {
				generate(t, b.Addr, total, 1000, keys, 0)
				total += 1000
				w := startWatched(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil), engine.Deps{}, engine.Hooks{})
				awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
				return w
			}
			folder := func(p int) string { return filepath.Join(dir, "a", jobGroup, fmt.Sprint(jobTable, ".", p)) }
			run := func() *watched {
				w := work()
				if err := w.stop(); err != nil {
					t.Fatal(err)
				}
				return w
			}
			run()
			for p := range jobParts {
				if err := os.CopyFS(filepath.Join(copies, fmt.Sprint(p)), os.DirFS(folder(p))); err != nil {
					t.Fatal(err)
				}
			}
			run() // so that there are tables too
			w := work()
			if !c.running {
				if err := w.stop(); err != nil {
					t.Fatal(err)
				}
			}
			for p := range jobParts {
				if err := c.change(folder(p), filepath.Join(copies, fmt.Sprint(p))); err != nil {
					t.Fatal(err)
				}
			}
			if c.running {
				generate(t, b.Addr, total, 1000, keys, 0)
				total += 1000
				awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
				_ = w.stop() // the folder cannot be closed well
			}
			w = run()
			lines := w.book.said(dropped)
			for _, l := range lines {
				if c.reason == "" || !strings.Contains(fmt.Sprint(l["reason"]), c.reason) || !strings.Contains(fmt.Sprint(l["folder"]), jobTable) {
					t.Errorf("unexpected: %v", l)
				}
			}
			if c.reason != "" && len(lines) == 0 {
				t.Error("nothing was dropped")
			}
			verify(t, b.Addr, dir, total, keys)
		})
	}
}
