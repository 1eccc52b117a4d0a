package debezium

import (
	"errors"
	"math"
)

// message is a record's value, read in one pass: members in any order, an
// envelope or a flat row. Its values are slices of the record.
type message struct {
	null    bool // the value, or the payload, is null
	members int  // of the message itself

	before, after, source byte // the kind of what stands there, 0: nothing
	op                    value
	image                 row // after
	from                  source
	transaction           transaction
	flat                  flatRow

	times, ddl, boundary int // members by which heartbeats, schema changes and transactions are known
}

// source is the source block of an envelope, or what add.fields made of it.
type source struct {
	snapshot, db, schema, table, server, gtid, file, pos, row value
	time, seconds                                             value // the last ts_ms, and ts_sec of 0.9; they may come twice
}

// transaction is the block that provide.transaction.metadata adds.
type transaction struct {
	id, totalOrder value
}

var (
	errTwice    = errors.New("a name that matters is there twice in one JSON object")
	errNoObject = errors.New("the value is neither a JSON object nor null")
	errMixed    = errors.New("the value has a payload beside members that are not its schema")
)

// read reads a record's value, bare or wrapped in schema and payload.
func (m *message) read(b []byte, columns []mappedColumn) error {
	s := newScanner(b)
	switch {
	case s.err != nil:
		return s.err
	case s.peek() == '{':
		m.readTop(&s, columns)
	default:
		m.null = s.value().kind() == 'n'
		if s.end() == nil && !m.null {
			return errNoObject
		}
	}
	return s.end()
}

func (m *message) readTop(s *scanner, columns []mappedColumn) {
	schema, wrapped, null, others := false, false, false, false
	for name, ok := s.first(); ok; name, ok = s.more() {
		kind := s.peek()
		switch {
		case (kind == '{' || kind == 'n') && string(name) == "schema" && !schema:
			schema = true
			s.value()
		case kind == '{' && string(name) == "payload" && !wrapped && !others:
			wrapped = true
			m.readPayload(s, columns)
		case kind == 'n' && string(name) == "payload" && !null: // a payload or a column: the others tell
			null = true
			s.value()
		default:
			others = true
			m.member(s, columns, name)
		}
	}
	m.null = null && schema && !others
	if s.err == nil && wrapped && (others || null || !schema) {
		s.err = errMixed
	}
}

func (m *message) readPayload(s *scanner, columns []mappedColumn) {
	for name, ok := s.first(); ok; name, ok = s.more() {
		m.member(s, columns, name)
	}
}

// member reads one member of the message. What has a column's name is offered
// to the flat row too, since only the whole message tells which it is.
func (m *message) member(s *scanner, columns []mappedColumn, name []byte) {
	m.members++
	kind := s.peek()
	switch string(name) {
	case "before":
		s.once(&m.before, kind)
	case "after":
		if s.once(&m.after, kind); kind == '{' {
			m.image.read(s, columns)
			return
		}
	case "source":
		if s.once(&m.source, kind); kind == '{' {
			m.from.read(s)
			return
		}
	case "transaction":
		if kind == '{' {
			m.transaction.read(s)
			return
		}
	case "op":
		s.take(&m.op)
		m.flat.take(s, columns, name, m.op)
		return
	case "ts_ms", "ts_us", "ts_ns":
		m.times++
	case "ddl", "databaseName":
		m.ddl++
	case "status", "event_count", "data_collections":
		m.boundary++
	}
	m.flat.take(s, columns, name, s.value())
}

// once notes the kind of a member that must not come twice.
func (s *scanner) once(seen *byte, kind byte) {
	if *seen != 0 && s.err == nil {
		s.err = errTwice
	}
	*seen = kind
}

// take reads a value that must not come twice.
func (s *scanner) take(at *value) { s.keep(at, s.value()) }

func (s *scanner) keep(at *value, v value) {
	if *at != nil && s.err == nil {
		s.err = errTwice
	}
	*at = v
}

func (f *source) read(s *scanner) {
	for name, ok := s.first(); ok; name, ok = s.more() {
		v := s.value()
		if at := f.member(name); at != nil {
			s.keep(at, v)
		} else {
			f.keepTime(name, v)
		}
	}
}

func (f *source) keepTime(name []byte, v value) {
	switch string(name) {
	case "ts_ms":
		f.time = v
	case "ts_sec":
		f.seconds = v
	}
}

// when is the time of the change at its source, in ms; 0: unknown, or no time.
func (f *source) when() int64 {
	if ms, err := natural(f.time); err == nil && ms > 0 {
		return ms
	}
	s, err := natural(f.seconds)
	if err != nil || s > math.MaxInt64/1000 {
		return 0
	}
	return s * 1000
}

func (f *source) member(name []byte) *value {
	switch string(name) {
	case "snapshot":
		return &f.snapshot
	case "db":
		return &f.db
	case "schema":
		return &f.schema
	case "table":
		return &f.table
	case "server_id":
		return &f.server
	case "gtid":
		return &f.gtid
	case "file":
		return &f.file
	case "pos":
		return &f.pos
	case "row":
		return &f.row
	}
	return nil
}

func (t *transaction) read(s *scanner) {
	for name, ok := s.first(); ok; name, ok = s.more() {
		switch string(name) {
		case "id":
			s.take(&t.id)
		case "total_order":
			s.take(&t.totalOrder)
		default:
			s.value()
		}
	}
}
