package newest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func open(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := Open(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestTablesAreMaps compares two tables of one folder, and the walk over both,
// with maps.
func TestTablesAreMaps(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		f := open(t, dir)
		defer f.Close()
		tables := []*Table{f.Table('a'), f.Table('b')}
		want := []map[string]string{{}, {}}
		for range rapid.IntRange(0, 60).Draw(r, "steps") {
			i := rapid.IntRange(0, 1).Draw(r, "table")
			key := rapid.StringN(0, 2, -1).Draw(r, "key")
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				must(t, tables[i].Delete([]byte(key)))
				delete(want[i], key)
			case 1:
				got, err := tables[i].Get([]byte(key))
				must(t, err)
				if w, ok := want[i][key]; ok != (got != nil) || w != string(got) {
					r.Fatalf("%q is %q, want %q (%t)", key, got, w, ok)
				}
			default:
				value := rapid.StringN(0, 3, -1).Draw(r, "value")
				must(t, tables[i].Put([]byte(key), []byte(value)))
				want[i][key] = value
			}
		}
		for i := range tables {
			var keys []string
			must(t, tables[i].Each(func(key, value []byte) error {
				keys = append(keys, string(key))
				if want[i][string(key)] != string(value) {
					r.Fatalf("%q is %q, want %q", key, value, want[i][string(key)])
				}
				return nil
			}))
			if sorted := slices.Sorted(maps.Keys(want[i])); !slices.Equal(sorted, keys) {
				r.Fatalf("keys %q, want %q", keys, sorted)
			}
		}
		seen := 0
		var last []byte
		must(t, Join(tables[0], tables[1], func(key, a, b []byte) error {
			if seen > 0 && bytes.Compare(last, key) >= 0 {
				r.Fatalf("%q comes behind %q", key, last)
			}
			last = bytes.Clone(key)
			seen++
			for i, got := range [][]byte{a, b} {
				if w, ok := want[i][string(key)]; ok != (got != nil) || w != string(got) {
					r.Fatalf("table %d has %q for %q, want %q (%t)", i, got, key, w, ok)
				}
			}
			return nil
		}))
		union := maps.Clone(want[0])
		maps.Copy(union, want[1])
		if seen != len(union) {
			r.Fatalf("the walk saw %d keys of %d", seen, len(union))
		}
	})
}

// TestNothingIsLeft: the folder is gone after Close, and a value that is larger
// than a batch is there before.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	table := f.Table('x')
	large := bytes.Repeat([]byte("x"), 3*batchBytes)
	must(t, table.Put([]byte("large"), large))
	for i := range 2000 {
		must(t, table.Put(fmt.Appendf(nil, "k%d", i), []byte("v")))
	}
	got, err := table.Get([]byte("large"))
	must(t, err)
	if !bytes.Equal(got, large) {
		t.Errorf("%d bytes came back of %d", len(got), len(large))
	}
	stop := errors.New("stop")
	if err := table.Each(func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the walk ended with %v", err)
	}
	must(t, f.Close())
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestAFolderThatCannotBeMade(t *testing.T) {
	if _, err := Open("/nowhere at all", "test"); err == nil {
		t.Error("it was made")
	}
}
