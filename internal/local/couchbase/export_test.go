package couchbase

import (
	"context"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// OpenWith puts other files under the store.
func (n *Node) OpenWith(open func(dir string) (storage.Storage, error)) { n.open = open }

// OpenFiles opens the real ones.
func OpenFiles(dir string) (storage.Storage, error) { return openFiles(dir) }

// Sweep looks for expired documents and old tombstones now.
func (n *Node) Sweep(ctx context.Context, bucket string) error {
	return n.buckets[bucket].sweep(ctx, n.cfg.PurgeInterval)
}

// Keys counts the keys of a kind in the store: d documents and tombstones, e expiries, t tombstones.
func (n *Node) Keys(bucket string, kind byte) (keys int) {
	b := n.buckets[bucket]
	it := b.db.NewIterator(bytesPrefix(prefixed(kind, b.id)), nil)
	defer it.Release()
	for it.Next() {
		keys++
	}
	return keys
}
