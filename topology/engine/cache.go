package engine

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// cache keeps encoded states in one ring of bytes, the oldest falling out. It
// holds no pointers, so the garbage collector has nothing to follow; a cache of
// decoded states cost 17% of the time there.
//
// It is a write-back cache: a dirty entry is not in leveldb yet, and does not
// fall out. Dirty entries belong to the present epoch, or to the one before,
// which is being written (flush, flushed): those are pinned, nobody moves or
// changes them, so their bytes may be read without a lock.
//
// An entry has a header, its key, and room for its value. A new value takes the
// place of the old one where there is room. Entries of one hash form a chain.
//
// It has no lock of its own: see store.mu. get needs that for reading only.
type cache struct {
	index  map[uint64]uint32 // hash -> place in ring of the first of a chain
	ring   []byte
	write  int // where the next entry goes
	oldest int // the oldest entry that is whole
	wrap   int // end of the entries behind oldest, when write has wrapped

	epoch  uint32
	dirty  []uint32 // places of the entries of the epoch; none: it has died since
	spare  []uint32
	bytes  int // of the dirty entries of the epoch
	pinned bool
}

const (
	entryHeader = 24
	noValue     = ^uint32(0) // as a length: the key is known to be absent
	none        = ^uint32(0) // as a place
	dead        = none - 1   // as the next of an entry that is in no chain

	// Fields of a header, 4 bytes each.
	atNext  = 0
	atKey   = 4
	atRoom  = 8
	atValue = 12
	atEpoch = 16 // 0: clean
	atSlot  = 20 // in dirty
)

// newCache returns nil for a size that is of no use.
func newCache(bytes int) *cache {
	if bytes < 1<<12 {
		return nil
	}
	return &cache{index: map[uint64]uint32{}, ring: make([]byte, min(bytes, 1<<31)), wrap: -1, epoch: 1}
}

// takes says whether writes of that many keys and bytes, none larger than
// largest, may become dirty entries. Beyond that they go to leveldb directly.
func (c *cache) takes(keys, bytes, largest int) bool {
	return largest+entryHeader <= len(c.ring)/16 && bytes+keys*entryHeader <= len(c.ring)/3
}

// full says that dirty entries must be written before that much more comes.
func (c *cache) full(keys, bytes int) bool {
	return c.bytes+bytes+keys*entryHeader > mostDirty(len(c.ring))
}

// mostDirty is how much of a cache waits for leveldb. The more, the more writes of one
// key become one: where all states have room, nearly all that come within FlushInterval.
// The rest keeps reserve from moving dirty entries without end.
func mostDirty(cache int) int { return cache / 8 * 7 }

func (c *cache) field(at int, field int) uint32 {
	return binary.LittleEndian.Uint32(c.ring[at+field:])
}

func (c *cache) set(at int, field int, v uint32) {
	binary.LittleEndian.PutUint32(c.ring[at+field:], v)
}

// entry is what lies at a place; a nil value: the key is deleted.
func (c *cache) entry(at int) (key, value []byte) {
	n := int(c.field(at, atKey))
	key = c.ring[at+entryHeader : at+entryHeader+n]
	if size := c.field(at, atValue); size != noValue {
		value = c.ring[at+entryHeader+n : at+entryHeader+n+int(size)]
	}
	return key, value
}

func (c *cache) size(at int) int {
	return entryHeader + int(c.field(at, atKey)) + int(c.field(at, atRoom))
}

// find returns the entry of a key and the one before it in its chain.
func (c *cache) find(key string, h uint64) (at, before uint32) {
	before = none
	at, ok := c.index[h]
	if !ok {
		return none, none
	}
	for at != none {
		if k, _ := c.entry(int(at)); string(k) == key {
			return at, before
		}
		at, before = c.field(int(at), atNext), at
	}
	return none, none
}

// get returns a copy; ok with a nil value: there is no such key.
func (c *cache) get(key string) (value []byte, ok bool) {
	at, _ := c.find(key, xxhash.Sum64String(key))
	if at == none {
		return nil, false
	}
	_, v := c.entry(int(at))
	if v == nil {
		return nil, true
	}
	return append(make([]byte, 0, len(v)), v...), true
}

// add notes what leveldb has, unless something is known of the key.
func (c *cache) add(key string, value []byte) {
	if at, _ := c.find(key, xxhash.Sum64String(key)); at == none {
		c.put(key, value, false)
	}
}

// put notes the newest value of a key. false: it has no place, and the cache
// knows nothing of the key now, or, of a pinned one, what it knew; that is so
// only for a large value, or while entries are pinned.
func (c *cache) put(key string, value []byte, dirty bool) bool {
	h := xxhash.Sum64String(key)
	at, _ := c.find(key, h)
	if at != none && len(value) <= int(c.field(int(at), atRoom)) && !c.isPinned(int(at)) {
		c.fill(int(at), key, value)
		c.mark(int(at), dirty)
		return true
	}
	need := entryHeader + len(key) + len(value) + len(value)/16 // states grow by little
	if need > len(c.ring)/8 || !c.reserve(need) {
		if at, _ = c.find(key, h); at != none && !c.isPinned(int(at)) {
			c.drop(key)
		}
		return false
	}
	c.drop(key)
	next, ok := c.index[h]
	if !ok {
		next = none
	}
	to := c.write
	c.write += need
	c.set(to, atNext, next)
	c.set(to, atKey, uint32(len(key)))
	c.set(to, atRoom, uint32(need-entryHeader-len(key)))
	c.set(to, atEpoch, 0)
	copy(c.ring[to+entryHeader:], key)
	c.fill(to, key, value)
	c.mark(to, dirty)
	c.index[h] = uint32(to)
	return true
}

func (c *cache) fill(at int, key string, value []byte) {
	size := uint32(len(value))
	if value == nil {
		size = noValue
	}
	c.set(at, atValue, size)
	copy(c.ring[at+entryHeader+len(key):], value)
}

// mark makes an entry dirty or clean.
func (c *cache) mark(at int, dirty bool) {
	switch was := c.isDirty(at); {
	case dirty && !was:
		c.set(at, atEpoch, c.epoch)
		c.set(at, atSlot, uint32(len(c.dirty)))
		c.dirty = append(c.dirty, uint32(at))
		c.bytes += c.size(at)
	case !dirty && was:
		c.forget(at)
	}
}

// forget takes an entry off the list of the dirty ones.
func (c *cache) forget(at int) {
	c.dirty[c.field(at, atSlot)] = none
	c.bytes -= c.size(at)
	c.set(at, atEpoch, 0)
}

func (c *cache) isDirty(at int) bool { return c.field(at, atEpoch) == c.epoch }

func (c *cache) isPinned(at int) bool { return c.pinned && c.field(at, atEpoch) == c.epoch-1 }

// drop forgets a key, dirty or not.
func (c *cache) drop(key string) {
	h := xxhash.Sum64String(key)
	at, before := c.find(key, h)
	if at == none {
		return
	}
	c.relink(h, before, int(at), c.field(int(at), atNext))
	if c.isDirty(int(at)) {
		c.forget(int(at))
	}
	c.set(int(at), atNext, dead)
}

// relink lets what led to the entry at a place lead to another.
func (c *cache) relink(h uint64, before uint32, at int, to uint32) {
	switch {
	case before != none:
		c.set(int(before), atNext, to)
	case to == none:
		delete(c.index, h)
	default:
		c.index[h] = to
	}
}

// reserve makes room for need bytes at write. Before the ring has wrapped
// (wrap < 0), entries lie in [oldest, write); after, in [oldest, wrap) and
// [0, write). A dirty entry in the way moves to the front. false: a pinned
// entry is in the way.
func (c *cache) reserve(need int) bool {
	for left := 2 * len(c.ring); left > 0; {
		if c.wrap < 0 {
			if c.write+need <= len(c.ring) {
				return true
			}
			c.wrap, c.write = c.write, 0
		}
		if c.oldest >= c.wrap { // all of the old round has gone
			c.oldest, c.wrap = 0, -1
			continue
		}
		if c.oldest-c.write >= need {
			return true
		}
		at := c.oldest
		size := c.size(at)
		if c.isPinned(at) {
			return false
		}
		if c.field(at, atNext) != dead {
			key, _ := c.entry(at)
			if c.isDirty(at) {
				c.move(at, string(key), size)
			} else {
				c.drop(string(key))
			}
		}
		c.oldest += size
		left -= size
	}
	return false
}

// move copies the oldest entry to write, which lies before it.
func (c *cache) move(at int, key string, size int) {
	h := xxhash.Sum64String(key)
	_, before := c.find(key, h)
	c.relink(h, before, at, uint32(c.write))
	c.dirty[c.field(at, atSlot)] = uint32(c.write)
	copy(c.ring[c.write:], c.ring[at:at+size])
	c.write += size
}
