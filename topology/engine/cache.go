package engine

import (
	"encoding/binary"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// cache keeps encoded states in one ring of bytes, the oldest falling out. It
// holds no pointers, so the garbage collector has nothing to follow; a cache of
// decoded states cost 17% of the time there.
//
// An entry is a header (lengths) with key and value; index finds it by the
// key's hash. Two keys of one hash displace each other.
type cache struct {
	mu     sync.Mutex
	index  map[uint64]uint32 // hash -> place in ring
	ring   []byte
	write  int // where the next entry goes
	oldest int // the oldest entry that is whole
	wrap   int // end of the entries behind oldest, when write has wrapped
}

const (
	entryHeader = 8
	noValue     = ^uint32(0) // the key is known to be absent
)

// newCache returns nil for a size that is of no use.
func newCache(bytes int) *cache {
	if bytes < 1<<12 {
		return nil
	}
	return &cache{index: map[uint64]uint32{}, ring: make([]byte, min(bytes, 1<<31)), wrap: -1}
}

// get returns a copy; ok with a nil value: there is no such key.
func (c *cache) get(key string) (value []byte, ok bool) {
	h := xxhash.Sum64String(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.index[h]
	if !ok {
		return nil, false
	}
	k, v, size := c.entry(int(at))
	if string(k) != key {
		return nil, false
	}
	if size == noValue {
		return nil, true
	}
	return append(make([]byte, 0, len(v)), v...), true
}

func (c *cache) put(key string, value []byte) {
	need := entryHeader + len(key) + len(value)
	h := xxhash.Sum64String(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if need > len(c.ring)/4 {
		delete(c.index, h) // never leave an older value behind
		return
	}
	c.reserve(need)
	e := c.ring[c.write : c.write+need]
	binary.LittleEndian.PutUint32(e, uint32(len(key)))
	size := uint32(len(value))
	if value == nil {
		size = noValue
	}
	binary.LittleEndian.PutUint32(e[4:], size)
	copy(e[entryHeader:], key)
	copy(e[entryHeader+len(key):], value)
	c.index[h] = uint32(c.write)
	c.write += need
}

func (c *cache) entry(at int) (key, value []byte, size uint32) {
	n := int(binary.LittleEndian.Uint32(c.ring[at:]))
	size = binary.LittleEndian.Uint32(c.ring[at+4:])
	key = c.ring[at+entryHeader : at+entryHeader+n]
	if size != noValue {
		value = c.ring[at+entryHeader+n : at+entryHeader+n+int(size)]
	}
	return key, value, size
}

// reserve makes room for need bytes at write. Before the ring has wrapped
// (wrap < 0), entries lie in [oldest, write); after, in [oldest, wrap) and
// [0, write).
func (c *cache) reserve(need int) {
	if c.wrap < 0 {
		if c.write+need <= len(c.ring) {
			return
		}
		c.wrap, c.write = c.write, 0
	}
	for c.oldest-c.write < need {
		c.drop()
		if c.oldest >= c.wrap { // all of the old round has gone
			c.oldest, c.wrap = 0, -1
			c.reserve(need)
			return
		}
	}
}

func (c *cache) drop() {
	k, v, _ := c.entry(c.oldest)
	if h := xxhash.Sum64(k); c.index[h] == uint32(c.oldest) {
		delete(c.index, h)
	}
	c.oldest += entryHeader + len(k) + len(v)
}
