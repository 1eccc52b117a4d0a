package couchbase

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
)

// vbuckets is how many partitions a bucket has; SDKs hash keys onto them.
const vbuckets = 1024

// bucket is a bucket at work. Its documents are read and written in
// transactions only, of which there is one at a time: mu is held from begin to
// the end of commit.
type bucket struct {
	name     string
	id       uint32
	db       *leveldb.DB
	now      func() time.Time
	manifest *manifest

	mu       sync.Mutex
	state    bucketState
	uuids    [vbuckets]uint64 // of the vbuckets' histories
	high     [vbuckets]uint64 // newest sequence number by vbucket, since the start
	locks    map[address]lock
	past     []pastWrite     // oldest first
	keepPast int             // how many of them; 0: none
	former   []formerHistory // that failovers have ended, since the start
	broken   error           // the write that failed: nothing is served after it
}

// bucketState is kept with every batch. Sequence numbers are drawn from one
// counter for the whole bucket: within a vbucket they still grow.
type bucketState struct {
	seed   uint64 // of the vbuckets' uuids
	seqno  uint64
	cas    uint64 // newest
	live   uint64 // documents, including expired ones that were not looked at since
	branch uint64 // failovers
}

// lock is the work of GET_LOCKED. It is not kept over a restart, as in the engine.
type lock struct {
	cas   uint64
	until time.Time
}

func openBucket(db *leveldb.DB, c Bucket, now func() time.Time, keepPast int) (*bucket, error) {
	b := &bucket{name: c.Name, db: db, now: now, locks: map[address]lock{}, keepPast: keepPast}
	id, err := assignID(db, append([]byte{keyBucketID}, c.Name...), []byte{keyBucketID}, 1)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", c.Name, err)
	}
	b.id = id
	raw, err := db.Get(prefixed(keyState, id), nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		b.state.seed = rand.Uint64() //nolint:gosec // uuids of histories, no secret
	case err != nil:
		return nil, fmt.Errorf("bucket %s: %w", c.Name, err)
	default:
		if b.state, err = parseState(raw); err != nil {
			return nil, fmt.Errorf("bucket %s: %w", c.Name, err)
		}
	}
	b.uuids = vbucketUUIDs(b.state.seed, b.state.branch)
	for i := range b.high { // the vbucket's own newest is at most this
		b.high[i] = b.state.seqno
	}
	if b.manifest, err = openManifest(db, id, c.Collections); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", c.Name, err)
	}
	return b, b.put(prefixed(keyState, id), b.state.append(nil))
}

func (b *bucket) put(key, value []byte) error {
	if err := b.db.Put(key, value, nil); err != nil {
		return fmt.Errorf("bucket %s: %w", b.name, err)
	}
	return nil
}

func (s bucketState) append(out []byte) []byte {
	for _, n := range []uint64{s.seed, s.seqno, s.cas, s.live, s.branch} {
		out = binary.BigEndian.AppendUint64(out, n)
	}
	return out
}

func parseState(raw []byte) (s bucketState, err error) {
	if len(raw) == 32 { // written before there were failovers
		raw = append(raw, make([]byte, 8)...)
	}
	if len(raw) != 40 {
		return s, fmt.Errorf("the bucket's state has %d bytes, not 40", len(raw))
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(raw[8*i:]) }
	return bucketState{at(0), at(1), at(2), at(3), at(4)}, nil
}

// vbucketUUIDs identify the histories of the vbuckets. Only a failover begins
// new ones: no history of a node that keeps what it acknowledged ever branches.
func vbucketUUIDs(seed, branch uint64) (uuids [vbuckets]uint64) {
	seed += branch // 0 in folders of before
	for i := range uuids {
		h := fnv.New64a()
		h.Write(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(nil, seed), uint16(i)))
		uuids[i] = h.Sum64() | 1<<40 // never small: small numbers are what clients make up for wrong ones
	}
	return uuids
}

// count is how many documents live now. Expired ones that nobody looked at
// since are still in state.live, but stand in the index of expiries.
func (b *bucket) count() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	expired := 0
	err := eachDue(b.db, keyExpiry, b.id, unix(b.now()), func([]byte) bool { expired++; return true })
	return int(b.state.live) - expired, err
}

func unix(t time.Time) uint32 { return uint32(t.Unix()) }

// assignID returns the id kept under key, or gives it the next free one among
// the keys with the prefix.
func assignID(db *leveldb.DB, key, prefix []byte, first uint32) (uint32, error) {
	if raw, err := db.Get(key, nil); err == nil {
		return binary.BigEndian.Uint32(raw), nil
	} else if !errors.Is(err, leveldb.ErrNotFound) {
		return 0, err
	}
	next := first
	it := db.NewIterator(bytesPrefix(prefix), nil)
	for it.Next() {
		next = max(next, binary.BigEndian.Uint32(it.Value())+1)
	}
	it.Release()
	if err := it.Error(); err != nil {
		return 0, err
	}
	return next, db.Put(key, binary.BigEndian.AppendUint32(nil, next), nil)
}
