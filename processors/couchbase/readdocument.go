package couchbase

import "customer360/codec"

// ReadDocument reads a record of the documents' topic as the sink does: key,
// fence, and body, nil of a removal. The error says why the sink makes a dead
// letter of it.
func ReadDocument(raw *codec.Raw) (key string, fence Fence, body []byte, err error) {
	r := routeDocument(raw)
	return r.key, r.fence, r.body, r.refuse
}
