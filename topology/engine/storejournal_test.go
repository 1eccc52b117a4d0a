package engine

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// A process that is killed within a write keeps its folder: only the write that
// was not finished is missing.
func TestATornWriteCostsNothingElse(t *testing.T) {
	t.Parallel()
	var h history
	whole, dir := filepath.Join(inMemory(t), "whole"), filepath.Join(inMemory(t), "s")
	h.write(t, whole, false)
	journal := glob(whole, "*.log")[0]
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for at := 0; at < len(b); at += 5 {
		copyFolder(t, whole, dir)
		if err := os.Truncate(filepath.Join(dir, filepath.Base(journal)), int64(at)); err != nil {
			t.Fatal(err)
		}
		result := h.outcome(dir)
		seen[result] = true
		if !strings.HasPrefix(result, "state of ") {
			t.Fatalf("cut at %d of %d: %s", at, len(b), result)
		}
	}
	if len(seen) < 4 {
		t.Errorf("states %v: too few for a test", slices.Sorted(maps.Keys(seen)))
	}
}

// A journal of several blocks, records over their edges, cut at many lengths.
func TestScanJournalOverBlocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := leveldb.OpenFile(dir, &opt.Options{WriteBuffer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := db.Put([]byte("k"), make([]byte, 9000+i*1100), nil); err != nil {
			t.Fatal(err)
		}
	}
	_ = db.Close()
	b, err := os.ReadFile(glob(dir, "*.log")[0])
	if err != nil {
		t.Fatal(err)
	}
	if s := scanJournal(b, 1); s.end != len(b) || s.next != 13 || s.gap || len(b) < 4*32<<10 {
		t.Fatalf("%+v of %d bytes", s, len(b))
	}
	if s := scanJournal(b, 0); !s.gap {
		t.Errorf("a first write is missing: %+v", s)
	}
	before := 0
	for at := 0; at < len(b); at += 997 {
		s := scanJournal(b[:at], 1)
		if s.gap || s.end > at || s.end < before || int(s.next) > 13 {
			t.Fatalf("cut at %d: %+v", at, s)
		}
		before = s.end
	}
}
