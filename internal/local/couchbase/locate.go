package couchbase

import (
	"encoding/json"
	"fmt"

	"github.com/golang/snappy"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Limits of the engine.
const (
	maxKeyDefault  = 250      // in the default collection
	maxKeyNamed    = 246      // in a named one
	maxBody        = 20 << 20 // body and user xattrs
	maxSystemXattr = 1 << 20  // system xattrs, beyond that
)

// locate finds out which document a request means. The key is what is left
// without the collection id in front.
func (c *connection) locate(q *request) response {
	collection := uint32(0)
	if c.features.has(memd.FeatureCollections) {
		if len(q.key) < 2 {
			return invalid("Key length must be >= 2")
		}
		id, n, err := memd.DecodeULEB128_32(q.key)
		if err != nil || n >= len(q.key) {
			return invalid("Key does not hold a collection id and a key")
		}
		if id > 0 && id < firstCollectionID {
			return invalid(fmt.Sprintf("Invalid collection-id:%x", id))
		}
		collection, q.key = id, q.key[n:]
	}
	switch {
	case collection == 0 && len(q.key) > maxKeyDefault:
		return invalid(fmt.Sprintf("Key length exceeds %d", maxKeyDefault+1))
	case collection != 0 && len(q.key) > maxKeyNamed:
		return invalid(fmt.Sprintf("Logical key exceeds %d", maxKeyNamed))
	case q.vbucket >= vbuckets:
		return c.notMyVBucket()
	case !c.bucket.manifest.known[collection]:
		return c.bucket.manifest.unknown(statusUnknownCollection)
	}
	q.address = addressOf(q.vbucket, collection, q.key)
	return response{}
}

// parseBody finds out what a body really is: the client's word is not believed.
// Compression is kept only where it saves space.
func parseBody(_ *connection, q *request) response {
	plain := q.value
	if q.datatype&datatypeSnappy != 0 {
		size, err := snappy.DecodedLen(q.value)
		if err == nil && size > maxBody {
			return failure(memd.StatusTooBig)
		}
		if err == nil {
			plain, err = snappy.Decode(nil, q.value)
		}
		if err != nil {
			return invalid("Failed to inflate payload")
		}
	}
	if len(plain) > maxBody {
		return failure(memd.StatusTooBig)
	}
	q.datatype &= datatypeSnappy
	if len(q.value) >= len(plain) {
		q.value, q.datatype = plain, 0
	}
	q.datatype |= datatypeOf(plain)
	return response{}
}

func datatypeOf(body []byte) uint8 {
	if json.Valid(body) {
		return datatypeJSON
	}
	return 0
}
