package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// slowTables are files that let nobody begin a table while held: what was
// written lies in two journals then.
type slowTables struct {
	storage.Storage
	held chan struct{} // nil: not held
}

func (s *slowTables) Create(fd storage.FileDesc) (storage.Writer, error) {
	if fd.Type == storage.TypeTable && s.held != nil {
		<-s.held
	}
	return s.Storage.Create(fd)
}

// history is a table after each of its commits.
type history []map[string]string

// write makes a folder of small files, as a process that is killed leaves them:
// tables, and one journal or two.
func (h *history) write(t *testing.T, dir string, twoJournals bool) {
	t.Helper()
	inner, err := osFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := &slowTables{Storage: inner}
	open := func() *leveldb.DB {
		o := levelOptions(1, 0)
		o.WriteBuffer, o.CompactionTableSize = 6<<10, 4<<10
		db, err := leveldb.Open(files, o)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	state := map[string]string{}
	commit := func(n int) {
		var batch leveldb.Batch
		for i := range 6 {
			k, v := fmt.Sprintf("key-%d", (n*5+i*7)%40), fmt.Sprintf("%d-%s", n, strings.Repeat("x", 40+n%9))
			if i == 5 {
				delete(state, k)
				batch.Delete([]byte(k))
			} else {
				state[k] = v
				batch.Put([]byte(k), []byte(v))
			}
		}
		batch.Put([]byte(metaKey), meta{topic: testFacts.tableID, offset: int64(n), asOf: time.Now()}.encode())
		write := func() error { return db.Write(&batch, nil) }
		if n%7 == 3 && n < 60 { // a table of its own, without a journal
			write = func() error {
				tr, err := db.OpenTransaction()
				if err == nil {
					err = errors.Join(tr.Write(&batch, nil), tr.Commit())
				}
				return err
			}
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
		*h = append(*h, maps.Clone(state))
	}
	for n := range 60 {
		commit(n)
	}
	if err := db.CompactRange(util.Range{}); err != nil {
		t.Fatal(err)
	}
	n := 60
	if twoJournals {
		files.held = make(chan struct{})
		for ; len(glob(dir, "*.log")) < 2; n++ {
			commit(n)
		}
	}
	for end := n + 4; n < end; n++ {
		commit(n)
	}
	killed := filepath.Join(inMemory(t), "killed")
	for { // compaction may be under way
		before := sizes(dir)
		_ = os.RemoveAll(killed)
		if err := os.CopyFS(killed, os.DirFS(dir)); err == nil && maps.Equal(before, sizes(killed)) && maps.Equal(before, sizes(dir)) {
			break
		}
	}
	if files.held != nil {
		close(files.held)
	}
	_ = db.Close()
	_ = inner.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, killed, dir)
}

// inMemory is a folder without a disk below it, where there is one: leveldb syncs
// at each opening, and these tests open it thousands of times.
func inMemory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "customer360-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func sizes(dir string) map[string]int64 {
	all := map[string]int64{}
	for _, f := range glob(dir, "*") {
		if i, err := os.Stat(f); err == nil {
			all[filepath.Base(f)] = i.Size()
		}
	}
	return all
}

func glob(dir, pattern string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, pattern))
	return files
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// outcome opens the folder twice, as two incarnations do, and says what came of
// it: "dropped", or the commit whose state it has.
func (h history) outcome(dir string) string {
	for range 2 {
		db, m, why, err := openFolder(osFiles, dir, testFacts, 0, 1<<20, 0, time.Now())
		if err != nil {
			return "error: " + err.Error()
		}
		s := newStore("t.0", 0, dir, db, m)
		s.limit = 1000
		result := "dropped"
		if why == "" {
			result = h.read(s, m.offset)
		}
		_ = s.Close()
		if result != "" {
			return result
		}
	}
	return "opened twice, and read by none"
}

// read compares what the store shows; "" where it says itself that it cannot.
func (h history) read(s *store, offset int64) string {
	if offset < 0 || offset >= int64(len(h)) {
		return fmt.Sprintf("wrong: offset %d", offset)
	}
	want := h[offset]
	for i := range 40 {
		k := fmt.Sprintf("key-%d", i)
		v, err := s.Get(k)
		if err != nil {
			return ""
		}
		if string(v) != want[k] {
			return fmt.Sprintf("wrong: %s is %.8q at %d, want %.8q", k, v, offset, want[k])
		}
	}
	got := map[string]string{}
	if err := s.each(func(k string, v []byte) error { got[k] = string(v); return nil }); err != nil {
		return ""
	}
	if !maps.Equal(got, want) {
		return fmt.Sprintf("wrong: %d keys at %d, want %d", len(got), offset, len(want))
	}
	return fmt.Sprint("state of ", offset)
}

// Whatever happens to the bytes of a folder, it has the state of a commit, that
// which it says it has, or it is dropped. A sample of bytes is turned and of
// lengths tried, another one each time.
func TestDamagedFoldersAreNeverWrong(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, two := range []bool{false, true} {
		var h history
		whole, dir := filepath.Join(inMemory(t), "whole"), filepath.Join(inMemory(t), "s")
		h.write(t, whole, two)
		if n := len(glob(whole, "*.log")); n != map[bool]int{false: 1, true: 2}[two] {
			t.Fatalf("%d journals", n)
		}
		counts := map[string]int{}
		try := func(what string, damage func() error) {
			t.Helper()
			copyFolder(t, whole, dir)
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			result := h.outcome(dir)
			counts[strings.Fields(result)[0]]++
			if !strings.HasPrefix(result, "dropped") && !strings.HasPrefix(result, "state") {
				t.Errorf("seed %d, two journals %t, %s: %s", seed, two, what, result)
			}
		}
		last := fmt.Sprint("state of ", len(h)-1)
		copyFolder(t, whole, dir)
		if got := h.outcome(dir); got != last {
			t.Fatalf("undamaged: %s, want %s", got, last)
		}
		for _, file := range glob(whole, "*") {
			name := filepath.Base(file)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if name == "LOG" || name == "LOCK" {
				continue
			}
			try(name+" removed", func() error { return os.Remove(filepath.Join(dir, name)) })
			places := rnd.Perm(len(b))
			for _, at := range places[:min(len(places), 25)] {
				try(fmt.Sprintf("%s turned at %d", name, at), func() error {
					c := bytes.Clone(b)
					c[at] ^= 1 << rnd.IntN(8)
					return os.WriteFile(filepath.Join(dir, name), c, 0o600)
				})
			}
			cuts := places[:min(len(places), 25)]
			if strings.HasPrefix(name, "MANIFEST") {
				cuts = places[:min(len(places), 150)] // some at the edge of a record
			}
			for _, at := range cuts {
				try(fmt.Sprintf("%s cut at %d", name, at), func() error { return os.Truncate(filepath.Join(dir, name), int64(at)) })
			}
		}
		for _, pattern := range []string{"*.log", "*.ldb", "MANIFEST*", "CURRENT*"} {
			try("no "+pattern, func() error {
				for _, f := range glob(dir, pattern) {
					if err := os.Remove(f); err != nil {
						return err
					}
				}
				return nil
			})
		}
		t.Logf("two journals %t: %v of folders with %v", two, counts, sizes(whole))
		if counts["state"] == 0 || counts["dropped"] == 0 {
			t.Errorf("the sample is one-sided: %v", counts)
		}
	}
}
