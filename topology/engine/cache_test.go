package engine

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the cache returns is what was put last under that key.
func TestCacheNeverLies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(1 << 12)
		last := map[string][]byte{}
		hits := 0
		for range 400 {
			key := fmt.Sprint("key", rapid.IntRange(0, 30).Draw(t, "key"))
			if rapid.Bool().Draw(t, "put") {
				var v []byte
				if n := rapid.IntRange(-1, 1200).Draw(t, "size"); n >= 0 {
					v = bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(t, "byte"))}, n)
				}
				c.put(key, v, false)
				last[key] = v
				continue
			}
			v, ok := c.get(key)
			if !ok {
				continue
			}
			hits++
			want, put := last[key]
			if !put || !bytes.Equal(v, want) || (v == nil) != (want == nil) {
				t.Fatalf("%s is %d bytes, want %d (put: %v)", key, len(v), len(want), put)
			}
		}
	})
}

func TestCacheKeepsTheNewest(t *testing.T) {
	c := newCache(1 << 14)
	for i := range 10_000 {
		c.put(fmt.Sprint("key", i), []byte("some value"), false)
		if v, ok := c.get(fmt.Sprint("key", i)); !ok || string(v) != "some value" {
			t.Fatalf("the newest is gone at %d", i)
		}
	}
	kept := 0
	for i := range 10_000 {
		if _, ok := c.get(fmt.Sprint("key", i)); ok {
			kept++
		}
	}
	if want := (1 << 14) / (entryHeader + 7 + 10) * 9 / 10; kept < want {
		t.Errorf("%d entries are kept, want %d and more", kept, want)
	}
	if len(c.index) != kept {
		t.Errorf("the index has %d entries for %d", len(c.index), kept)
	}
}

// Dirty entries stay until they were written, whatever else is put, and what is
// pinned for the writer does not change under its hands.
func TestCacheKeepsWhatIsDirty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(1 << 14)
		last, dirty := map[string][]byte{}, map[string][]byte{}
		var places []uint32
		var pinned map[string][]byte
		written := func() {
			for _, at := range places {
				if at == none {
					continue
				}
				k, v := c.entry(int(at))
				want, ok := pinned[string(k)]
				if !ok || !bytes.Equal(v, want) || (v == nil) != (want == nil) {
					t.Fatalf("%s is written with %d bytes, want %d (%v)", k, len(v), len(want), ok)
				}
				delete(pinned, string(k))
			}
			if len(pinned) > 0 {
				t.Fatalf("not written: %v", pinned)
			}
			c.flushed(places)
			places, pinned = nil, nil
		}
		for range 600 {
			key := fmt.Sprint("key", rapid.IntRange(0, 60).Draw(t, "key"))
			var v []byte
			if n := rapid.IntRange(-1, 800).Draw(t, "size"); n >= 0 {
				v = bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(t, "byte"))}, n)
			}
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 5:
				if !c.takes(1, len(key)+len(v), len(key)+len(v)) {
					t.Fatalf("%d bytes are too large", len(v))
				}
				if c.full(1, len(key)+len(v)) {
					if c.pinned {
						written()
					}
					places, pinned, dirty = c.flush(), dirty, map[string][]byte{}
				}
				if !c.put(key, v, true) {
					if !c.pinned {
						t.Fatal("no room, and nothing is pinned")
					}
					written()
					if !c.put(key, v, true) {
						t.Fatal("no room, and nothing is pinned any more")
					}
				}
				last[key], dirty[key] = v, v
			case op < 7: // as leveldb has it
				if _, known := last[key]; !known {
					c.add(key, v)
					last[key] = v
				} else {
					c.add(key, last[key])
				}
			case op == 7 && c.pinned:
				written()
			default:
				if got, ok := c.get(key); ok && !bytes.Equal(got, last[key]) {
					t.Fatalf("%s is %d bytes, want %d", key, len(got), len(last[key]))
				}
			}
			for k, want := range dirty {
				if got, ok := c.get(k); !ok || !bytes.Equal(got, want) {
					t.Fatalf("%s is dirty, and has %d bytes (%v), want %d", k, len(got), ok, len(want))
				}
			}
		}
		if c.pinned {
			written()
		}
		places, pinned = c.flush(), dirty
		written()
	})
}
