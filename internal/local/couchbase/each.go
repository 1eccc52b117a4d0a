package couchbase

import (
	"encoding/binary"
	"fmt"
)

// EachKey calls fn with the key of every live document of a bucket, in no order
// that means anything, as of one moment. The key is only valid during the call.
// Valid after Ready and until Run ends.
func (n *Node) EachKey(bucket string, fn func(key []byte)) error {
	return n.eachRecord(bucket, func(key, record []byte, now uint32) error {
		if len(record) < recordFixed {
			return fmt.Errorf("bucket %s: a record of %d bytes", bucket, len(record))
		}
		// Only what a record begins with is needed: parsing 200,000 of them for a
		// count would be felt.
		d := document{deleted: record[1] == 1, expiry: binary.BigEndian.Uint32(record[31:])}
		if !d.deleted && !d.expired(now) {
			fn(key)
		}
		return nil
	})
}

// EachDocument is EachKey with the body as it was stored. Both are only valid
// during the call.
func (n *Node) EachDocument(bucket string, fn func(key, body []byte) error) error {
	return n.eachRecord(bucket, func(key, record []byte, now uint32) error {
		d, err := parseRecord(record)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		if d.deleted || d.expired(now) {
			return nil
		}
		body, err := d.plainBody()
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		return fn(key, body)
	})
}

// eachRecord gives fn what is stored under each key, dead or alive, and the time.
func (n *Node) eachRecord(bucket string, fn func(key, record []byte, now uint32) error) error {
	b, ok := n.buckets[bucket]
	if !ok {
		return fmt.Errorf("no bucket %q", bucket)
	}
	prefix := prefixed(keyDocument, b.id)
	it := b.db.NewIterator(bytesPrefix(prefix), nil)
	defer it.Release()
	now := unix(b.now())
	for it.Next() {
		if err := fn(it.Key()[len(prefix)+6:], it.Value(), now); err != nil { // behind vbucket and collection
			return err
		}
	}
	return it.Error()
}
