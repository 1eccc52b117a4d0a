package couchbase

import "sync"

// cache remembers what was written last, so that the next write of a key needs
// no look-up: its CAS decides whether that is still so. It is bounded by keys
// and by bytes; of two halves the older one is dropped when the younger is full.
type cache struct {
	entries, bytes int // of one half

	mu         sync.Mutex
	young, old map[string]state
	youngBytes int
}

// entryBytes is about what a map entry takes beside the key.
const entryBytes = 96

func newCache(entries, bytes int) *cache {
	return &cache{entries: entries / 2, bytes: bytes / 2, young: map[string]state{}}
}

func (c *cache) get(key string) (state, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.young[key]; ok {
		return s, true
	}
	s, ok := c.old[key]
	return s, ok
}

func (c *cache) put(key string, s state) {
	size := len(key) + entryBytes
	if c.entries == 0 || size > c.bytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[key]; !ok {
		if len(c.young) >= c.entries || c.youngBytes+size > c.bytes {
			c.old, c.young, c.youngBytes = c.young, map[string]state{}, 0
		}
		c.youngBytes += size
	}
	c.young[key] = s
	delete(c.old, key)
}

func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[key]; ok {
		c.youngBytes -= len(key) + entryBytes
	}
	delete(c.young, key)
	delete(c.old, key)
}
