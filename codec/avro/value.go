package avro

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hamba/avro/v2"
)

const (
	// maxDepth bounds how deep values nest; an envelope has 3 levels.
	maxDepth = 200
	// The JSON of a value is longer than the value by its fields' names and by
	// escapes. What it may have at most, in bytes, keeps items that take no room
	// in the value from taking all memory.
	maxJSON   = 64 << 20
	freeJSON  = 64 << 10
	maxGrowth = 256
)

var (
	errShort  = errors.New("the value ends too early")
	errLong   = errors.New("something follows the value")
	errNumber = errors.New("a number of more than 64 bits")
	errDepth  = fmt.Errorf("values nest more than %d deep", maxDepth)
	errJSON   = errors.New("as JSON the value would be too large for its size")
)

// AppendJSON appends the value that b holds as JSON. b must hold one value and
// nothing else.
func (s *Schema) AppendJSON(dst, b []byte) ([]byte, error) {
	r := reader{b: b, limit: len(dst) + min(maxJSON, freeJSON+maxGrowth*len(b))}
	dst, err := r.value(dst, s.root, 0)
	if err == nil && len(r.b) > 0 {
		err = errLong
	}
	return dst, err
}

// reader holds what has not been read yet.
type reader struct {
	b     []byte
	limit int // of the output
}

func (r *reader) value(dst []byte, n *node, depth int) ([]byte, error) {
	switch {
	case depth > maxDepth:
		return dst, errDepth
	case len(dst) > r.limit:
		return dst, errJSON
	}
	switch n.kind {
	case avro.Null:
		return append(dst, "null"...), nil
	case avro.Record, avro.Error:
		return r.record(dst, n, depth)
	case avro.Union:
		i, err := r.index("a union's branch", len(n.types))
		if err != nil {
			return dst, err
		}
		return r.value(dst, n.types[i], depth+1)
	case avro.Array, avro.Map:
		return r.items(dst, n, depth)
	case avro.Enum:
		i, err := r.index("an enum's symbol", len(n.symbols))
		if err != nil {
			return dst, err
		}
		return append(dst, n.symbols[i]...), nil
	}
	return r.scalar(dst, n)
}

func (r *reader) record(dst []byte, n *node, depth int) ([]byte, error) {
	dst = append(dst, '{')
	for i := range n.members {
		m := &n.members[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = r.value(append(dst, m.start...), m.of, depth+1); err != nil {
			return dst, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return append(dst, '}'), nil
}

// items reads an array or a map: blocks of items, each behind its count.
func (r *reader) items(dst []byte, n *node, depth int) ([]byte, error) {
	open, end := byte('['), byte(']')
	if n.kind == avro.Map {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for first := true; ; {
		count, err := r.block()
		if err != nil {
			return dst, err
		}
		if count == 0 {
			return append(dst, end), nil
		}
		for ; count > 0; count-- { // each adds to dst, which is bounded
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if n.kind == avro.Map {
				if dst, err = r.text(dst); err != nil {
					return dst, err
				}
				dst = append(dst, ':')
			}
			if dst, err = r.value(dst, n.types[0], depth+1); err != nil {
				return dst, err
			}
		}
	}
}

// block reads the head of a block: its count, and, where that is negative, its
// size in bytes, which only matters to those who skip it.
func (r *reader) block() (count uint64, err error) {
	n, err := r.long()
	if err != nil || n >= 0 {
		return uint64(n), err
	}
	_, err = r.long()
	return -uint64(n), err
}

func (r *reader) scalar(dst []byte, n *node) ([]byte, error) {
	switch n.kind {
	case avro.Int, avro.Long:
		v, err := r.long()
		if err == nil && n.kind == avro.Int && v != int64(int32(v)) {
			err = errors.New("an int of more than 32 bits")
		}
		return strconv.AppendInt(dst, v, 10), err
	case avro.String:
		return r.text(dst)
	case avro.Bytes:
		b, err := r.bytes()
		if err != nil {
			return dst, err
		}
		return n.binary(dst, b)
	case avro.Fixed:
		b, err := r.take(uint64(n.size))
		if err != nil {
			return dst, err
		}
		return n.binary(dst, b)
	case avro.Boolean:
		b, err := r.take(1)
		if err == nil && b[0] > 1 {
			err = errors.New("a boolean that is neither 0 nor 1")
		}
		if err != nil {
			return dst, err
		}
		return strconv.AppendBool(dst, b[0] == 1), nil
	case avro.Float:
		b, err := r.take(4)
		if err != nil {
			return dst, err
		}
		return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32), nil
	case avro.Double:
		b, err := r.take(8)
		if err != nil {
			return dst, err
		}
		return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64), nil
	}
	return dst, fmt.Errorf("an unknown type %s", n.kind)
}

func (n *node) binary(dst, b []byte) ([]byte, error) {
	if n.decimal {
		return appendDecimal(dst, b, n.scale)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"'), nil
}

func (r *reader) text(dst []byte) ([]byte, error) {
	b, err := r.bytes()
	if err != nil {
		return dst, err
	}
	end := len(dst)
	dst, err = jsontext.AppendQuote(dst, b)
	if err != nil { // jsontext's error quotes the text
		return dst[:end], errors.New("a text is no UTF-8")
	}
	return dst, nil
}

// long reads a variable-length zigzag number, which Avro shares with Go's
// encoding/binary.
func (r *reader) long() (int64, error) {
	v, n := binary.Varint(r.b)
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, errNumber
	}
	r.b = r.b[n:]
	return v, nil
}

func (r *reader) index(what string, n int) (int, error) {
	i, err := r.long()
	if err == nil && (i < 0 || i >= int64(n)) {
		err = fmt.Errorf("%s has the number %d, and there are %d", what, i, n)
	}
	return int(i), err
}

func (r *reader) bytes() ([]byte, error) {
	n, err := r.long()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errors.New("a length below 0")
	}
	return r.take(uint64(n))
}

// take returns the next n bytes, a slice of the input.
func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, errShort
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b, nil
}
