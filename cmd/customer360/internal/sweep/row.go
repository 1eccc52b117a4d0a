package sweep

import (
	"encoding/binary"
	"errors"
)

// row is what is known of a key of the raw topic.
type row struct {
	there     bool   // the decoder's Accept says that the row is there
	place     string // of the snapshot that its newest record is a row of; "" where it is none
	partition int32
	offset    int64 // of its newest record
	at        int64 // that record's time, Unix milliseconds
	state     []byte
}

// append encodes: 1 or 0, partition, offset and time, the place behind its
// length, the decoder's state.
func (r row) append(b []byte) []byte {
	there := byte(0)
	if r.there {
		there = 1
	}
	b = append(b, there)
	b = binary.AppendUvarint(b, uint64(r.partition))
	b = binary.AppendUvarint(b, uint64(r.offset))
	b = binary.AppendVarint(b, r.at)
	b = binary.AppendUvarint(b, uint64(len(r.place)))
	return append(append(b, r.place...), r.state...)
}

var errRow = errors.New("the temporary folder holds what was not written there")

// parseRow is the inverse; nil is the row before its first record.
func parseRow(b []byte) (r row, err error) {
	if b == nil {
		return r, nil
	}
	if len(b) == 0 {
		return r, errRow
	}
	r.there, b = b[0] == 1, b[1:]
	partition, n1 := binary.Uvarint(b)
	if n1 <= 0 {
		return r, errRow
	}
	offset, n2 := binary.Uvarint(b[n1:])
	if n2 <= 0 {
		return r, errRow
	}
	at, n3 := binary.Varint(b[n1+n2:])
	if n3 <= 0 {
		return r, errRow
	}
	size, n4 := binary.Uvarint(b[n1+n2+n3:])
	rest := b[n1+n2+n3+max(n4, 0):]
	if n4 <= 0 || size > uint64(len(rest)) {
		return r, errRow
	}
	r.partition, r.offset, r.at, r.place, r.state = int32(partition), int64(offset), at, string(rest[:size]), rest[size:]
	return r, nil
}
