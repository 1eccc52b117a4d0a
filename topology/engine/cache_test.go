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
				c.put(key, v)
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
		c.put(fmt.Sprint("key", i), []byte("some value"))
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
