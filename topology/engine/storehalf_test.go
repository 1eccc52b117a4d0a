package engine

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// valve is a disk on which writes wait while it is shut.
type valve struct {
	storage.Storage
	mu sync.RWMutex
}

func (v *valve) files(dir string) (_ storage.Storage, err error) {
	v.Storage, err = osFiles(dir)
	return v, err
}

func (v *valve) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := v.Storage.Create(fd)
	return &valveWriter{w, v}, err
}

type valveWriter struct {
	storage.Writer
	valve *valve
}

func (w *valveWriter) Write(b []byte) (int, error) {
	w.valve.mu.RLock()
	defer w.valve.mu.RUnlock()
	return w.Writer.Write(b)
}

// A commit can be half in the cache, as it waits for room. Neither a flush that
// is due then nor a Close writes that half.
func TestHalfACommitIsNeverWritten(t *testing.T) {
	t.Parallel()
	for round := range 20 { // who comes first when the disk answers again is chance
		for _, closes := range []bool{false, true} {
			halfACommit(t, closes)
			if t.Failed() {
				t.Fatalf("round %d, closes: %v", round, closes)
			}
		}
	}
}

// halfACommit brings a store there: the ring of its cache is full, its oldest
// entries are being written, and the disk does not answer.
func halfACommit(t *testing.T, closes bool) {
	dir, copied, v := filepath.Join(inMemory(t), "s"), filepath.Join(inMemory(t), "killed"), new(valve)
	db, m, _, err := openFolder(v.files, dir, testFacts, 0, 1<<24, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore("t.0", 0, dir, db, m)
	s.limit = 1000
	defer func() { _ = s.Close() }()
	var h history
	state := map[string]string{}
	write := func(keys string, n int) {
		for i := range n {
			k := fmt.Sprint(keys, i)
			state[k] = fmt.Sprintf("%d-%s", len(h), strings.Repeat("x", 250))
			if err := s.Set(k, []byte(state[k])); err != nil {
				t.Fatal(err)
			}
		}
		s.reached(int64(len(h)))
		h = append(h, maps.Clone(state))
	}
	commit := func() {
		s.seal()
		s.acknowledged()
		if err := s.committed(); err != nil {
			t.Error(err)
		}
	}
	is := func(what string, ok func() bool) {
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
			s.mu.Lock()
			there := ok()
			s.mu.Unlock()
			if there {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the store is never %s", what)
			}
		}
	}
	write("old", 100)
	if err := s.MarkRecovered(); err != nil {
		t.Fatal(err)
	}
	s.cache = newCache(32 << 10)
	for _, keys := range []string{"a", "b"} {
		write(keys, 30)
		commit()
	}
	for i := 0; s.cache.write < len(s.cache.ring)-1000; i++ { // what is read fills it up
		value(t, s, fmt.Sprint("old", i))
	}

	v.mu.Lock()
	answer := sync.OnceFunc(v.mu.Unlock)
	defer answer()
	s.flushDue()
	is("writing", func() bool { return s.busy })
	write("c", 35) // the room that the flush has made, and what is clean
	commit()
	write("d", 20)
	committed, closed := make(chan struct{}), make(chan error, 1)
	go func() { commit(); close(committed) }()
	is("absorbing", func() bool { return s.absorbing })
	if closes {
		go func() { closed <- s.Close() }()
	} else {
		s.flushDue()
		closed <- nil
	}
	answer()
	<-committed
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if !closes {
		killed(t, s, copied)
		dir = copied
	}
	if db, m, _, err = openFolder(osFiles, dir, testFacts, 0, 1<<20, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	after := newStore("t.0", 0, dir, db, m)
	defer func() { _ = after.Close() }()
	if got := h.read(after, m.offset); got != fmt.Sprint("state of ", m.offset) {
		t.Errorf("at %d: %s", m.offset, got)
	}
	if newest := int64(len(h)) - 1; closes && m.offset != newest {
		t.Errorf("closed at %d, and the newest commit is %d", m.offset, newest)
	}
}

// goka tells of a recovery also where the end of the session broke it off, and beside
// Close: the folder is not opened again, and not taken for as new as the changelog.
func TestARecoveryBrokenOffByClose(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(inMemory(t), "s")
	db, m, _, err := openFolder(osFiles, dir, testFacts, 0, 1<<24, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore("t.0", 0, dir, db, m)
	s.limit, s.fresh, s.goal = 1000, true, 100
	if err := s.SetOffset(50); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkRecovered(); !errors.Is(err, errOver) {
		t.Errorf("it is recovered after Close: %v", err)
	}
	if s.complete() {
		t.Error("half a recovery counts as a whole one")
	}
	again, _, err := openFiles(osFiles, dir, 1<<24, 0)
	if err != nil {
		t.Fatalf("the folder stays locked: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
