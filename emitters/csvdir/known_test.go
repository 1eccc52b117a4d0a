package csvdir

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func readIDs(t interface{ Fatal(...any) }, k *knownFile) []string {
	r, err := k.open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	var all []string
	for {
		id, err := r.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(id))
	}
}

// knownNow is what an import would hold the next file against.
func (b *bench) knownNow() []string {
	b.t.Helper()
	k, err := known(context.Background(), b.deps().Kafka, b.state, b.t.TempDir(), slog.New(slog.DiscardHandler), time.Now(), func() error { return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return readIDs(b.t, k)
}

// The cache follows the topic, and is dropped where it is damaged, of another
// topic, or older than tombstones are kept.
func TestKnownMembersAreCached(t *testing.T) {
	b := newBench(t)
	for n, content := range []string{members(1, 40, 1), members(3, 41, 1), members(1, 38, 2), members(1, 39, 3)} {
		b.must(b.byHand(b.drop("f.csv", header+content), false))
		if n == 0 {
			if err := os.Remove(filepath.Join(b.state, cacheName)); err != nil {
				t.Fatal(err)
			}
		}
		want := slices.Sorted(maps.Keys(b.alive()))
		if got := b.knownNow(); !slices.Equal(got, want) {
			t.Fatalf("after file %d known are %v, want %v", n, got, want)
		}
	}
	want := slices.Sorted(maps.Keys(b.alive()))
	path := filepath.Join(b.state, cacheName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"a flipped bit": append([]byte{good[0], good[1] ^ 1}, good[2:]...), "cut off": good[:len(good)/2], "empty": {},
		"of another topic": bytes.Replace(good, []byte(`"topic":"`), []byte(`"topic":"x`), 1)[1:],
		"ids left out":     good[30:],
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := b.knownNow(); !slices.Equal(got, want) {
			t.Errorf("%s: known are %v, want %v", name, got, want)
		}
	}
}

func TestCursorContinues(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	s := &span{id: "t", start: map[int32]int64{0: 5, 1: 0}, end: map[int32]int64{0: 10, 1: 3}}
	good := cursor{Topic: "t", Offsets: map[int32]int64{0: 7, 1: 3}, Time: now.Add(-time.Hour)}
	if !good.continues(s, now) {
		t.Error("a good cursor is refused")
	}
	for name, change := range map[string]func(*cursor){
		"another topic":         func(c *cursor) { c.Topic = "u" },
		"before the start":      func(c *cursor) { c.Offsets = map[int32]int64{0: 4, 1: 3} },
		"behind the end":        func(c *cursor) { c.Offsets = map[int32]int64{0: 7, 1: 4} },
		"fewer partitions":      func(c *cursor) { c.Offsets = map[int32]int64{0: 7} },
		"older than tombstones": func(c *cursor) { c.Time = now.Add(-8 * 24 * time.Hour) },
	} {
		c := good
		change(&c)
		if c.continues(s, now) {
			t.Errorf("%s: continued", name)
		}
	}
}

// Sorting and combining do what a map does, over several runs.
func TestCombineIsAMap(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[ab\x00]{1,10}`)
		want := map[string]bool{}
		k := &knownFile{}
		at := int64(0)
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			s, err := newSorter(dir)
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 40).Draw(t, "changes") {
				at++
				e := entry{id: []byte(id.Draw(t, "id")), at: at, kind: here}
				if rapid.Bool().Draw(t, "gone") {
					e.kind = gone
					delete(want, string(e.id))
				} else {
					want[string(e.id)] = true
				}
				if err := s.add(e); err != nil {
					t.Fatal(err)
				}
				if rapid.IntRange(0, 9).Draw(t, "spill") == 0 {
					if err := s.spill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			old, err := k.open()
			if err != nil {
				t.Fatal(err)
			}
			out, err := newIDWriter(dir, "known-*")
			if err != nil {
				t.Fatal(err)
			}
			if err := cmp.Or(combine(old, s, out), out.finish()); err != nil {
				t.Fatal(err)
			}
			old.close()
			s.close()
			_ = os.Remove(k.path)
			k = &knownFile{out.name()}
		}
		if got := readIDs(t, k); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Fatalf("got %q, want %v", got, want)
		}
	})
}
