package restpoll

import (
	"encoding/binary"
	"errors"

	"customer360/codec"
)

// kind says what came of a poll.
type kind uint8

// The kinds; the numbers are the wire format of onlinestore.polls.
const (
	kindAnswer    kind = 1 // details and orders, 200 both
	kindNotFound  kind = 2 // 404 on the details
	kindUnchanged kind = 3 // 304 on both
	kindBad       kind = 4 // the store answered 200, but with nothing usable
	kindFailed    kind = 5 // no answer: 5xx, 429, network, timeout, anything else
	kindCut       kind = 6 // bad, and its body was not read to the end: cut off, or too large
	maxKind       kind = 6
)

// result is the value of a record of onlinestore.polls; its key is the email
// that was asked for, as the document spells it.
type result struct {
	Kind   kind
	Poll   uint64 // the number of the poll that this is the result of
	Time   int64  // when the response had been read, Unix milliseconds
	Status int    // HTTP status that decided it; 0: no response
	// RetryAt is when the store wants to be asked again, Unix milliseconds; 0:
	// it did not say.
	RetryAt int64
	// Reason is why it is bad or failed, for people; no email, no secret.
	Reason string
	Tags   tags
	// Customer and Orders are the bodies as they came. Of a bad result, what
	// was read of them.
	Customer, Orders []byte
}

// tags is what the next poll can be asked with conditionally.
type tags struct {
	Details, Orders string // entity tags
	CustomerID      string // of the details that the tag stands for
}

const resultFormat = 1

var errResult = errors.New("not a poll's result of this product")

// append appends the encoding: format and kind (1 byte each), numbers
// (uvarint), then the texts and bodies behind their lengths.
func (r *result) append(dst []byte) []byte {
	dst = append(dst, resultFormat, byte(r.Kind))
	for _, n := range [...]uint64{r.Poll, uint64(max(r.Time, 0)), uint64(r.Status), uint64(max(r.RetryAt, 0))} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, s := range [...]string{r.Reason, r.Tags.Details, r.Tags.Orders, r.Tags.CustomerID} {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	return codec.AppendBytes(codec.AppendBytes(dst, r.Customer), r.Orders)
}

// decode is the inverse of append; the bodies are slices of b.
func (r *result) decode(b []byte) error {
	*r = result{}
	if len(b) < 2 || b[0] != resultFormat || b[1] == 0 || kind(b[1]) > maxKind {
		return errResult
	}
	r.Kind = kind(b[1])
	b = b[2:]
	var numbers [4]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b)
		if n <= 0 || i > 0 && v > 1<<62 {
			return errResult
		}
		numbers[i], b = v, b[n:]
	}
	r.Poll, r.Time, r.Status, r.RetryAt = numbers[0], int64(numbers[1]), int(numbers[2]), int64(numbers[3])
	var parts [6][]byte
	for i := range parts {
		var ok bool
		if parts[i], b, ok = codec.CutBytes(b); !ok {
			return errResult
		}
	}
	if len(b) > 0 {
		return errResult
	}
	r.Reason = string(parts[0])
	r.Tags = tags{Details: string(parts[1]), Orders: string(parts[2]), CustomerID: string(parts[3])}
	r.Customer, r.Orders = parts[4], parts[5]
	return nil
}

// content hashes what a bad answer consists of, by which it is known again.
// Bodies that were cut off differ each time: of those the reason counts.
func (r *result) content() codec.Hash {
	b := append([]byte{byte(r.Kind)}, r.Reason...)
	if r.Kind == kindCut {
		return codec.HashOf(b)
	}
	b = codec.AppendBytes(append(b, 0), r.Customer)
	return codec.HashOf(codec.AppendBytes(b, r.Orders))
}
