package couchbase

import (
	"encoding/binary"
	"fmt"
)

// EachKey calls fn with the key of every live document of a bucket, in no order
// that means anything, as of one moment. The key is only valid during the call.
// Valid after Ready and until Run ends.
func (n *Node) EachKey(bucket string, fn func(key []byte)) error {
	b, ok := n.buckets[bucket]
	if !ok {
		return fmt.Errorf("no bucket %q", bucket)
	}
	prefix := prefixed(keyDocument, b.id)
	it := b.db.NewIterator(bytesPrefix(prefix), nil)
	defer it.Release()
	now := unix(b.now())
	for it.Next() {
		v := it.Value()
		if len(v) < recordFixed {
			return fmt.Errorf("bucket %s: a record of %d bytes", bucket, len(v))
		}
		// Only what a record begins with is needed: parsing 200,000 of them for a
		// count would be felt.
		d := document{deleted: v[1] == 1, expiry: binary.BigEndian.Uint32(v[31:])}
		if !d.deleted && !d.expired(now) {
			fn(it.Key()[len(prefix)+6:]) // behind vbucket and collection
		}
	}
	return it.Error()
}

// EachDocument is EachKey with the body as it was stored. Both are only valid
// during the call.
func (n *Node) EachDocument(bucket string, fn func(key, body []byte) error) error {
	b, ok := n.buckets[bucket]
	if !ok {
		return fmt.Errorf("no bucket %q", bucket)
	}
	prefix := prefixed(keyDocument, b.id)
	it := b.db.NewIterator(bytesPrefix(prefix), nil)
	defer it.Release()
	now := unix(b.now())
	for it.Next() {
		d, err := parseRecord(it.Value())
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		if d.deleted || d.expired(now) {
			continue
		}
		body, err := d.plainBody()
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		if err := fn(it.Key()[len(prefix)+6:], body); err != nil {
			return err
		}
	}
	return it.Error()
}
