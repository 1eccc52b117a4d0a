package loyalty

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"customer360/codec"
)

// Position is a row's place in the order of all imports: the file's
// modification time, then the hash of its content, then the row. Of two files
// with one time the hash decides, so that two instances which both saw them
// agree. The same file is the same position, whoever reads it and how often.
type Position struct {
	MTime int64  // the file's modification time, Unix nanoseconds
	Hash  string // SHA-256 of the file's content, 64 lower-case hex digits
	Row   int64  // from 1; the file's rows + 1 for the withdrawals behind them
}

// Headers returns the position as Kafka headers.
func (p Position) Headers() map[string][]byte {
	return map[string][]byte{
		codec.HeaderFileTime: strconv.AppendInt(nil, p.MTime, 10),
		codec.HeaderFileHash: []byte(p.Hash),
		codec.HeaderFileRow:  strconv.AppendInt(nil, p.Row, 10),
	}
}

// HasPosition tells whether any of a position's headers is there.
func HasPosition(headers map[string][]byte) bool {
	return headers[codec.HeaderFileTime] != nil || headers[codec.HeaderFileHash] != nil || headers[codec.HeaderFileRow] != nil
}

// ParsePosition is the inverse of Headers. A missing or malformed header is an
// error: a position that is half there would be compared wrongly for ever.
func ParsePosition(headers map[string][]byte) (Position, error) {
	number := func(name string) (int64, error) {
		n, err := strconv.ParseInt(string(headers[name]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("header %s is no integer", name)
		}
		return n, nil
	}
	var p Position
	var err error
	if p.MTime, err = number(codec.HeaderFileTime); err != nil {
		return Position{}, err
	}
	if p.Row, err = number(codec.HeaderFileRow); err != nil {
		return Position{}, err
	}
	if p.Row < 1 {
		return Position{}, fmt.Errorf("header %s is below 1", codec.HeaderFileRow)
	}
	if p.Hash = string(headers[codec.HeaderFileHash]); !isHash(p.Hash) {
		return Position{}, fmt.Errorf("header %s is no SHA-256 in lower-case hex", codec.HeaderFileHash)
	}
	return p, nil
}

func isHash(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// Compare returns -1, 0 or +1 as p is older than, the same as or newer than q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.MTime, q.MTime), cmp.Compare(p.Hash, q.Hash), cmp.Compare(p.Row, q.Row))
}

const hashBytes = 32

// encode is the position in changes and states: the time (varint), the 32
// bytes of the hash, the row (varint).
func (p Position) encode() []byte {
	b := make([]byte, 0, hashBytes+2*binary.MaxVarintLen64)
	b = binary.AppendVarint(b, p.MTime)
	b, _ = hex.AppendDecode(b, []byte(p.Hash)) // isHash has seen it
	return binary.AppendVarint(b, p.Row)
}

// decodePosition is the inverse of encode, false where b is none of its.
func decodePosition(b []byte) (Position, bool) {
	mtime, n := binary.Varint(b)
	if n <= 0 || len(b) < n+hashBytes {
		return Position{}, false
	}
	row, m := binary.Varint(b[n+hashBytes:])
	if m <= 0 || n+hashBytes+m != len(b) {
		return Position{}, false
	}
	return Position{MTime: mtime, Hash: hex.EncodeToString(b[n : n+hashBytes]), Row: row}, true
}
