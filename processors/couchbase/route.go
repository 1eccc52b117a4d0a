package couchbase

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"customer360/codec"
)

// route is what a record means for a bucket: a key and a mutation, or why not.
type route struct {
	key string
	mutation
	skip   string // a reason, for metrics: the record is no document
	refuse error  // the reason of a dead letter
	fail   error  // why nothing can be said now: codec.ErrLater or codec.ErrHalt
}

// router decides by the record alone.
type router func(raw *codec.Raw) route

var errNotJSON = errors.New("the document is not JSON")

// routeDocument reads the record that merge wrote: a null value removes.
func routeDocument(raw *codec.Raw) route {
	if raw.Key == nil {
		return route{refuse: errors.New("the document has no key")}
	}
	r := route{key: string(raw.Key), mutation: mutation{body: raw.Value}}
	generation, err := natural(raw.Headers, codec.HeaderGeneration, 1)
	if err != nil {
		return route{refuse: err}
	}
	offset, err := natural(raw.Headers, codec.HeaderFence, 0)
	if err != nil {
		return route{refuse: err}
	}
	r.fence = Fence{generation, offset}
	switch {
	case !validKey(r.key):
		r.refuse = fmt.Errorf("the key is no valid UTF-8 or has more than %d bytes", codec.MaxKeyBytes)
	case r.body != nil && !validJSON(r.body):
		r.refuse = errNotJSON
	}
	return r
}

// natural reads a header of decimal digits.
func natural(headers map[string][]byte, name string, least int64) (int64, error) {
	text, ok := headers[name]
	if !ok {
		return 0, fmt.Errorf("the header %s is missing", name)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < least || text[0] == '+' || text[0] == '-' {
		return 0, fmt.Errorf("the header %s is no number from %d to %d in decimal digits", name, least, int64(math.MaxInt64))
	}
	return n, nil
}

func validKey(key string) bool {
	return key != "" && len(key) <= codec.MaxKeyBytes && utf8.ValidString(key)
}

// validJSON takes what encoding/json's Valid takes, repeated names and wrong
// UTF-8 in strings included, in a third of its time.
func validJSON(b []byte) bool {
	return jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
