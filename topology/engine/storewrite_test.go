package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killed copies the folder of a store as kill -9 would leave it.
func killed(t *testing.T, s *store, to string) {
	t.Helper()
	s.mu.Lock()
	s.idle()
	s.mu.Unlock()
	for { // compaction may be under way
		before := sizes(s.dir)
		_ = os.RemoveAll(to)
		if err := os.CopyFS(to, os.DirFS(s.dir)); err == nil && maps.Equal(before, sizes(to)) && maps.Equal(before, sizes(s.dir)) {
			return
		}
	}
}

// Whenever the process is killed, the folder has the state of one commit, that
// whose offset it has, and never anything of an open transaction; while it
// lives, each read sees the newest. Commits are of all sizes: such as the cache
// takes, and larger ones.
func TestAKilledStoreHasTheStateOfACommit(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir, copied := filepath.Join(inMemory(t), "s"), filepath.Join(inMemory(t), "killed")
	var h history
	state := map[string]string{}
	open := func(dir string) *store {
		s := openTest(t, dir)
		s.limit, s.cache = 1<<20, newCache(32<<10)
		return s
	}
	s := open(dir)
	if err := s.MarkRecovered(); err != nil {
		t.Fatal(err)
	}
	write := func(n int, into map[string]string) {
		k := fmt.Sprintf("key-%d", rnd.IntN(40))
		if rnd.IntN(5) == 0 {
			delete(into, k)
			if err := s.Delete(k); err != nil {
				t.Fatal(err)
			}
			return
		}
		size := 40 + rnd.IntN(200)
		if rnd.IntN(100) == 0 {
			size = 5000
		}
		into[k] = fmt.Sprintf("%d-%s", n, strings.Repeat("x", size))
		if err := s.Set(k, []byte(into[k])); err != nil {
			t.Fatal(err)
		}
	}
	behind := 0
	for n := range 300 {
		for range 1 + rnd.IntN(8)*rnd.IntN(8) {
			write(n, state)
		}
		for k, want := range state {
			if got := value(t, s, k); got != want {
				t.Fatalf("seed %d, commit %d: %s is %.9s, want %.9s", seed, n, k, got, want)
			}
		}
		s.reached(int64(n))
		s.seal()
		s.acknowledged()
		if n%20 == 19 { // the next transaction is on its way already
			s.reached(int64(n) + 1)
		}
		if err := s.committed(); err != nil {
			t.Fatal(err)
		}
		h = append(h, maps.Clone(state))
		for i := range 40 {
			k := fmt.Sprintf("key-%d", i)
			want, ok := state[k]
			if got := value(t, s, k); got != want && (ok || got != "(none)") {
				t.Fatalf("seed %d, after commit %d: %s is %.9s, want %.9s", seed, n, k, got, want)
			}
		}
		if n%10 != 9 {
			continue
		}
		aborted := maps.Clone(state)
		for range 20 {
			write(10_000, aborted)
		}
		s.reached(int64(n) + 1)
		killed(t, s, copied)
		db, m, why, err := openFolder(osFiles, copied, testFacts, 0, 1<<20, 0, time.Now())
		if err != nil || why != "" {
			t.Fatalf("seed %d, killed after %d: %q, %v", seed, n, why, err)
		}
		k := newStore("t.0", 0, copied, db, m)
		if m.offset >= 0 {
			if got := h.read(k, m.offset); got != fmt.Sprint("state of ", m.offset) {
				t.Fatalf("seed %d, killed after %d: %s", seed, n, got)
			}
		}
		_ = k.Close()
		if m.offset < int64(n) {
			behind++
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(dir)
		s.recovered = true
		if got := h.read(s, s.openMeta.offset); got != fmt.Sprint("state of ", n) {
			t.Fatalf("seed %d, closed after %d: %s", seed, n, got)
		}
	}
	if behind == 0 {
		t.Error("no folder was behind: all is written at once")
	}
}

// What is committed reaches leveldb by itself after flushEvery.
func TestCommitsReachTheFolderInTime(t *testing.T) {
	t.Parallel()
	dir, copied := filepath.Join(inMemory(t), "s"), filepath.Join(inMemory(t), "killed")
	s := openTest(t, dir)
	s.cache, s.flushEvery = newCache(1<<20), 20*time.Millisecond
	if err := s.MarkRecovered(); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := s.Set("k", fmt.Append(nil, n)); err != nil {
			t.Fatal(err)
		}
		s.reached(int64(n))
		s.seal()
		s.acknowledged()
		if err := s.committed(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			killed(t, s, copied)
			db, m, _, err := openFolder(osFiles, copied, testFacts, 0, 1<<20, 0, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			v, err := db.Get([]byte("k"), nil)
			_ = db.Close()
			if m.offset == int64(n) && err == nil && string(v) == fmt.Sprint(n) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("commit %d: %q at %d, %v", n, v, m.offset, err)
			}
		}
	}
}
