package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind says what a Record does.
type Kind uint8

// The kinds of record.
const (
	Assert   Kind = 1
	Withdraw Kind = 2
)

// Record is what rekey writes to customer360.records: one identity of one
// source asserts Fields about the document Key, or withdraws what it asserted.
// Key is the Kafka record's key and not part of the encoding.
type Record struct {
	Source   string // the source's name: home_delivery, loyalty, online_store
	Identity []byte // the raw record's key
	Kind     Kind
	Key      string // document key
	Version  int64  // offset of the raw record that decided it
	Fields   []byte // encoded Fields; empty for Withdraw
}

const recordFormat = 1

var errRecord = errors.New("malformed record")

// AppendValue appends the encoding of everything but Key: format (1 byte),
// kind (1 byte), version (uvarint), source and identity with their lengths
// (uvarint), then the fields up to the end.
func (r *Record) AppendValue(dst []byte) []byte {
	dst = append(dst, recordFormat, byte(r.Kind))
	dst = binary.AppendUvarint(dst, uint64(r.Version))
	dst = AppendBytes(dst, []byte(r.Source))
	dst = AppendBytes(dst, r.Identity)
	return append(dst, r.Fields...)
}

// DecodeRecord reads what AppendValue wrote; Identity and Fields are slices of
// value. The fields themselves are not looked at.
func DecodeRecord(key string, value []byte) (Record, error) {
	r := Record{Key: key}
	if len(value) > 0 {
		if err := CheckFormat(int(value[0]), recordFormat); err != nil {
			return r, err
		}
	}
	if len(value) < 2 || value[0] != recordFormat {
		return r, fmt.Errorf("%w: unknown format", errRecord)
	}
	r.Kind = Kind(value[1])
	version, n := binary.Uvarint(value[2:])
	if n <= 0 || version > 1<<62 || r.Kind != Assert && r.Kind != Withdraw {
		return r, errRecord
	}
	r.Version = int64(version)
	source, rest, ok := CutBytes(value[2+n:])
	if !ok {
		return r, errRecord
	}
	r.Source = internSource(source)
	if r.Identity, r.Fields, ok = CutBytes(rest); !ok {
		return r, errRecord
	}
	return r, nil
}

// internSource saves an allocation for the three sources that there are.
func internSource(b []byte) string {
	switch string(b) {
	case HomeDelivery:
		return HomeDelivery
	case Loyalty:
		return Loyalty
	case OnlineStore:
		return OnlineStore
	}
	return string(b)
}

// AppendBytes appends b behind its length (uvarint).
func AppendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// CutBytes is the inverse of AppendBytes: the value, what follows it, and
// whether b held a whole value. The value is a slice of b.
func CutBytes(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 && int(b[0]) < len(b) { // as short as most are
		end := 1 + int(b[0])
		return b[1:end:end], b[end:], true
	}
	return cutLong(b)
}

func cutLong(b []byte) (value, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end:end], b[end:], true
}

// UvarintLen is how many bytes v takes as uvarint.
func UvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
