package debezium

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// place is a point in a binlog. The zero value is unknown.
type place struct {
	known  bool  // file is
	file   int64 // the number at the end of the file's name
	pos    int64 // 0: unknown
	row    int64 // in the event
	domain int64 // of the GTID, 0 for MySQL; only where pos is unknown
	seq    int64 // sequence of the GTID, 0: unknown; only where pos is unknown
	order  int64 // total_order in the transaction, 0: unknown
}

// compare returns -1, 0 or +1 as p lies before, at or behind q; exact tells an
// order that is known from two places that cannot be told apart.
//
// A whole transaction has one pos where MySQL compresses it, and where MariaDB
// 11.4 writes none for its rows (Debezium 3.4 then keeps the transaction's); each
// of its statements counts rows from 0. So where both records have a total_order,
// that decides at one pos.
func (p place) compare(q place) (order int, exact bool) {
	switch {
	case !p.known || !q.known:
		return 0, false
	case p.file != q.file:
		return sign(p.file, q.file), true
	case p.pos > 0 && q.pos > 0:
		if p.pos != q.pos {
			return sign(p.pos, q.pos), true
		}
		if p.order > 0 && q.order > 0 {
			return sign(p.order, q.order), true
		}
		return sign(p.row, q.row), true
	case p.seq == 0 || q.seq == 0 || p.domain != q.domain:
		return 0, false
	case p.seq != q.seq:
		return sign(p.seq, q.seq), true
	case p.order > 0 && q.order > 0:
		return sign(p.order, q.order), true
	}
	return 0, false
}

func sign(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// event is a change's position: all that Accept needs to know of a record.
type event struct {
	tombstone bool
	swept     bool // a tombstone by customer360 sweep
	deletes   bool // op d, __deleted
	creates   bool // op c
	snapshot  bool
	epoch     int64
	server    int64 // 0: unknown
	at        place
	time      int64 // source.ts_ms, in 0.9 its ts_sec as ms: when the statement began; 0: unknown
}

const (
	flagTombstone = 1 << iota
	flagDeletes
	flagCreates
	flagSnapshot
	flagSwept
)

func flags(set ...bool) byte {
	var b byte
	for i, on := range set {
		if on {
			b |= 1 << i
		}
	}
	return b
}

func (e event) append(dst []byte) []byte {
	dst = append(dst, flags(e.tombstone, e.deletes, e.creates, e.snapshot, e.swept))
	dst = binary.AppendUvarint(dst, uint64(e.epoch))
	dst = binary.AppendUvarint(dst, uint64(e.server))
	return binary.AppendUvarint(e.at.append(dst), uint64(e.time))
}

func (e *event) decode(b []byte) error {
	c := cursor{b: b}
	f := c.byte()
	*e = event{tombstone: f&flagTombstone != 0, deletes: f&flagDeletes != 0, creates: f&flagCreates != 0,
		snapshot: f&flagSnapshot != 0, swept: f&flagSwept != 0, epoch: c.int(), server: c.int(), at: c.place(), time: c.int()}
	return c.end()
}

// What an encoded place holds.
const (
	placeUnknown = iota
	placeBinlog  // file, pos, row
	placeGTID    // file, row, domain, seq, order
	placeOrder   // file, pos, row, order
)

func (p place) append(dst []byte) []byte {
	switch {
	case !p.known:
		return append(dst, placeUnknown)
	case p.pos > 0 && p.order == 0:
		return appendInts(append(dst, placeBinlog), p.file, p.pos, p.row)
	case p.pos > 0:
		return appendInts(append(dst, placeOrder), p.file, p.pos, p.row, p.order)
	}
	return appendInts(append(dst, placeGTID), p.file, p.row, p.domain, p.seq, p.order)
}

func appendInts(dst []byte, ints ...int64) []byte {
	for _, n := range ints {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst
}

// cursor reads what append wrote; after an error it reads zeros.
type cursor struct {
	b   []byte
	bad bool
}

var errEncoding = errors.New("malformed position")

func (c *cursor) byte() byte {
	if len(c.b) == 0 {
		c.bad = true
		return 0
	}
	b := c.b[0]
	c.b = c.b[1:]
	return b
}

func (c *cursor) int() int64 {
	n, size := binary.Uvarint(c.b)
	if size <= 0 || n > 1<<63-1 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[size:]
	return int64(n)
}

func (c *cursor) place() place {
	switch c.byte() {
	case placeBinlog:
		return place{known: true, file: c.int(), pos: c.int(), row: c.int()}
	case placeGTID:
		return place{known: true, file: c.int(), row: c.int(), domain: c.int(), seq: c.int(), order: c.int()}
	case placeOrder:
		return place{known: true, file: c.int(), pos: c.int(), row: c.int(), order: c.int()}
	}
	return place{}
}

func (c *cursor) end() error {
	if c.bad || len(c.b) > 0 {
		return errEncoding
	}
	return nil
}

// place reads where in the binlog a record stands.
func (s *source) place(t transaction) (place, error) {
	var p place
	var err error
	if p.file, p.known, err = fileNumber(s.file); err != nil || !p.known {
		return place{}, err
	}
	if p.pos, err = binlogPos(s.pos); err != nil {
		return place{}, fmt.Errorf("source.pos %w", err)
	}
	if p.row, err = natural(s.row); err != nil {
		return place{}, fmt.Errorf("source.row %w", err)
	}
	if p.pos > 0 {
		if p.order, err = natural(t.totalOrder); err != nil {
			p.order = 0 // row decides
		}
		return p, nil
	}
	if p.domain, p.seq = gtid(s.gtid); p.seq == 0 {
		p.domain, p.seq = gtid(t.id)
	}
	if p.order, err = natural(t.totalOrder); err != nil {
		return place{}, fmt.Errorf("transaction.total_order %w", err)
	}
	return p, nil
}

// binlogPos is source.pos, 0 where it says nothing: MariaDB 11.4 writes 0, and
// connectors have written -1.
func binlogPos(v value) (int64, error) {
	if len(v) > 1 && v[0] == '-' && v[1] != '0' {
		return 0, nil
	}
	return natural(v)
}

// fileNumber reads the number behind the last dot of a binlog's name: 3 of
// mysql-bin.000003. Past 999999 it has more digits, so names cannot be compared
// as text.
func fileNumber(v value) (n int64, known bool, err error) {
	if len(v) == 0 || v.kind() == 'n' || string(v) == `""` {
		return 0, false, nil
	}
	if v.kind() == '"' {
		name := unquote(v)
		n, err := strconv.ParseUint(string(name[bytes.LastIndexByte(name, '.')+1:]), 10, 63)
		if err == nil {
			return int64(n), true, nil
		}
	}
	return 0, false, errors.New("source.file does not end in a number")
}

// gtid reads the domain and sequence of MariaDB's domain-server-sequence, or
// the sequence of MySQL's uuid:sequence and uuid:tag:sequence; 0, 0 of anything
// else.
func gtid(v value) (domain, seq int64) {
	if v.kind() != '"' {
		return 0, 0
	}
	text := string(unquote(v))
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		return 0, digits(text[i+1:])
	}
	first, rest, _ := strings.Cut(text, "-")
	_, last, ok := strings.Cut(rest, "-")
	if !ok {
		return 0, 0
	}
	return digits(first), digits(last)
}

// digits is a decimal number, 0 for anything else.
func digits(text string) int64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}
