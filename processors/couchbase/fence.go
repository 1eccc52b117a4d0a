package couchbase

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
)

// fenceXattr is a system xattr: it survives plain writes, removal and expiry.
const fenceXattr = "_c360"

// Fence says which message a document comes from. The newer one is that of the
// newer generation, within a generation that of the greater offset.
type Fence struct {
	Generation int64 `json:"g"`
	Offset     int64 `json:"o"`
}

// Compare is negative where f is older than o.
func (f Fence) Compare(o Fence) int {
	return cmp.Or(cmp.Compare(f.Generation, o.Generation), cmp.Compare(f.Offset, o.Offset))
}

// appendJSON appends the form in which the fence is stored: {"g":1,"o":4711}.
func (f Fence) appendJSON(b []byte) []byte {
	b = append(b, `{"g":`...)
	b = strconv.AppendInt(b, f.Generation, 10)
	b = append(b, `,"o":`...)
	b = strconv.AppendInt(b, f.Offset, 10)
	return append(b, '}')
}

var errFence = errors.New("a fence is two integers, g and o")

// parseFence reads a stored fence. Members that a later version may add are
// ignored.
func parseFence(b []byte) (Fence, error) {
	var f struct {
		G *int64 `json:"g"`
		O *int64 `json:"o"`
	}
	if err := json.Unmarshal(b, &f); err != nil || f.G == nil || f.O == nil {
		return Fence{}, errFence
	}
	return Fence{*f.G, *f.O}, nil
}
