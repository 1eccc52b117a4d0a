package load

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"customer360/codec"
)

// appendJSON appends the record as one JSON object: source, identity, kind
// (assert or withdraw), version, and of an assert the fields, each as a string
// of what codec.Fields holds. It is written apart from the product's own, which
// it is compared with.
func appendJSON(dst []byte, r *codec.Record) []byte {
	kind := "assert"
	if r.Kind == codec.Withdraw {
		kind = "withdraw"
	}
	dst = appendString(append(dst, `{"source":`...), r.Source)
	dst = appendString(append(dst, `,"identity":`...), string(r.Identity))
	dst = appendString(append(dst, `,"kind":`...), kind)
	dst = strconv.AppendInt(append(dst, `,"version":`...), r.Version, 10)
	if r.Kind == codec.Withdraw {
		return append(dst, '}')
	}
	dst = append(dst, `,"fields":{`...)
	var f codec.Fields
	_ = f.Decode(r.Fields) // they are the generator's own
	first := true
	for n := codec.FieldID; n <= codec.FieldOrders; n++ {
		if value := f.Get(n); value != nil {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendString(dst, n.String()), ':')
			dst = appendString(dst, string(value))
		}
	}
	return append(dst, '}', '}')
}

func appendString(dst []byte, s string) []byte {
	quoted, _ := jsontext.AppendQuote(dst, s) // an error says "not UTF-8", which the generator never makes
	return quoted
}
