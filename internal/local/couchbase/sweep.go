package couchbase

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// sweepBatch bounds how long a sweep keeps clients waiting.
const sweepBatch = 256

// sweepForever looks for expired documents and old tombstones until ctx ends.
// It returns an error only when the store cannot be written any more.
func (b *bucket) sweepForever(ctx context.Context, every, purgeAfter time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := b.sweep(ctx, purgeAfter); err != nil {
				return fmt.Errorf("sweep bucket %s: %w", b.name, err)
			}
		}
	}
}

func (b *bucket) sweep(ctx context.Context, purgeAfter time.Duration) error {
	b.dropOldLocks()
	if err := b.sweepKind(ctx, keyExpiry, 0); err != nil {
		return err
	}
	return b.sweepKind(ctx, keyTombstone, purgeAfter)
}

// PurgeTombstones removes the tombstones of a bucket at once, with the fences on
// them, as if their time were over.
func (n *Node) PurgeTombstones(ctx context.Context, bucketName string) error {
	b, ok := n.buckets[bucketName]
	if !ok {
		return fmt.Errorf("no bucket %q", bucketName)
	}
	return b.sweepKind(ctx, keyTombstone, -2*time.Second) // those of this second too
}

func (b *bucket) sweepKind(ctx context.Context, kind byte, age time.Duration) error {
	for ctx.Err() == nil {
		n, err := b.sweepOnce(kind, age)
		if err != nil || n < sweepBatch {
			return err
		}
	}
	return nil
}

func (b *bucket) dropOldLocks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	maps.DeleteFunc(b.locks, func(_ address, l lock) bool { return now.After(l.until) })
}

// sweepOnce handles the documents that are due, up to sweepBatch, and returns how many there were.
func (b *bucket) sweepOnce(kind byte, age time.Duration) (int, error) {
	t := b.begin()
	var due [][]byte
	err := eachDue(b.db, kind, b.id, unix(time.Unix(int64(t.now), 0).Add(-age)), func(key []byte) bool { // the transaction's now: what is due is over for it, too
		due = append(due, bytes.Clone(key))
		return len(due) < sweepBatch
	})
	for _, key := range due {
		if err != nil {
			break
		}
		a := address(key[timedKeyBytes:])
		t.batch.Delete(key) // whatever stands there now: an entry must not be met twice
		var d *document
		if d, err = t.get(a); err == nil && kind == keyTombstone && d != nil && d.deleted {
			t.purge(a, d)
		}
	}
	if cerr := t.commit(); err == nil {
		err = cerr
	}
	return len(due), err
}

// eachDue calls yield for each key of a timed index that lies before now, oldest first.
func eachDue(db *leveldb.DB, kind byte, bucketID, now uint32, yield func(key []byte) bool) error {
	due := &util.Range{Start: prefixed(kind, bucketID), Limit: binary.BigEndian.AppendUint32(prefixed(kind, bucketID), now)}
	it := db.NewIterator(due, nil)
	defer it.Release()
	for it.Next() && yield(it.Key()) {
	}
	return it.Error()
}
