package engine

import (
	"bytes"
	"slices"
)

// flush pins the dirty entries and returns their places, some of them none; the
// next epoch begins. It must not be called again before flushed. Before, it makes room
// for what is put meanwhile: pinned entries lie everywhere, and no entry gets past them.
func (c *cache) flush() []uint32 {
	c.reserve(len(c.ring) / 16)
	places := c.dirty
	c.dirty, c.spare = c.spare[:0], nil
	c.bytes, c.pinned = 0, true
	c.epoch++
	return places
}

// inOrder sorts pinned places by key, without those that are none, and tells the
// bytes of their keys and values. It needs no lock: see flush.
func (c *cache) inOrder(places []uint32) (sorted []uint32, size int) {
	sorted = slices.DeleteFunc(places, func(at uint32) bool { return at == none })
	for _, at := range sorted {
		k, v := c.entry(int(at))
		size += len(k) + len(v)
	}
	slices.SortFunc(sorted, func(a, b uint32) int {
		x, _ := c.entry(int(a))
		y, _ := c.entry(int(b))
		return bytes.Compare(x, y)
	})
	return sorted, size
}

// flushed: leveldb has the entries now.
func (c *cache) flushed(places []uint32) {
	c.pinned, c.spare = false, places
}
