package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Records as JSON: the form in which another program can write or read them.
//
//	{"source":"home_delivery","identity":"{\"id\":1001}","kind":"assert","version":123,"fields":{"id":"1001","name":"Anne"}}
//
// Members of fields are named by Field.String; each value is the text that Fields
// holds, as a JSON string. A withdrawal has no fields.

const (
	kindAssert   = "assert"
	kindWithdraw = "withdraw"
)

var errNoJSONForm = errors.New("the record has no JSON form: not UTF-8")

// AppendJSON appends everything but Key as one JSON object. It fails where the
// source, the identity or a value is not UTF-8, and where Fields is malformed.
func (r *Record) AppendJSON(dst []byte) ([]byte, error) {
	if !utf8.ValidString(r.Source) || !utf8.Valid(r.Identity) {
		return dst, errNoJSONForm
	}
	dst, _ = jsontext.AppendQuote(append(dst, `{"source":`...), r.Source)
	dst, _ = jsontext.AppendQuote(append(dst, `,"identity":`...), r.Identity)
	kind := `,"kind":"` + kindWithdraw + `","version":`
	if r.Kind == Assert {
		kind = `,"kind":"` + kindAssert + `","version":`
	}
	dst = strconv.AppendInt(append(dst, kind...), r.Version, 10)
	if r.Kind != Assert {
		return append(dst, '}'), nil
	}
	var fields Fields
	if err := fields.Decode(r.Fields); err != nil {
		return dst, err
	}
	dst = append(dst, `,"fields":{`...)
	comma := false
	for n := Field(1); n <= maxField; n++ {
		v := fields.Get(n)
		if v == nil {
			continue
		}
		if !utf8.Valid(v) {
			return dst, errNoJSONForm
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(append(append(dst, '"'), fieldNames[n]...), `":`...)
		dst, _ = jsontext.AppendQuote(dst, v)
	}
	return append(dst, `}}`...), nil
}

// DecodeJSONRecord reads what AppendJSON wrote, with members in any order and
// white space between them. It is strict: what is unknown, there twice or of
// another type is an error, which tells the place and repeats no value. Identity
// and Fields, in the encoding of Fields.Append, are new; value is only read. An
// empty value of a field is no value.
func DecodeJSONRecord(key string, value []byte) (Record, error) {
	s := recordScanner{b: value}
	if !utf8.Valid(value) {
		return Record{Key: key}, fmt.Errorf("%w: not UTF-8", errRecord)
	}
	var m recordMembers
	for name, ok := s.first(); ok; name, ok = s.more() {
		m.read(&s, name)
	}
	if s.space(); s.i < len(s.b) {
		s.fail("something follows the JSON object")
	}
	if s.err == nil {
		s.err = m.check()
	}
	if s.err != nil {
		return Record{Key: key}, s.err
	}
	return m.record(key), nil
}

// recordMembers are the members of a record's JSON as they were scanned.
type recordMembers struct {
	source, identity quoted
	kind             Kind
	version          int64
	fields           [maxField + 1]quoted

	hasVersion, hasFields bool
}

// read reads the value of the member.
func (m *recordMembers) read(s *recordScanner, name []byte) {
	switch string(name) {
	case "source":
		s.once(m.source.found)
		m.source = s.text()
	case "identity":
		s.once(m.identity.found)
		m.identity = s.text()
	case "kind":
		s.once(m.kind != 0)
		m.readKind(s)
	case "version":
		s.once(m.hasVersion)
		m.version, m.hasVersion = s.natural(), true
	case "fields":
		s.once(m.hasFields)
		m.hasFields = true
		for name, ok := s.first(); ok; name, ok = s.more() {
			m.readField(s, name)
		}
	default:
		s.fail("a member that records do not have (source, identity, kind, version, fields)")
	}
}

func (m *recordMembers) readKind(s *recordScanner) {
	at := s.i
	switch text := s.text(); string(text.raw) {
	case kindAssert:
		m.kind = Assert
	case kindWithdraw:
		m.kind = Withdraw
	default:
		s.i = at
		s.fail("a kind that is neither assert nor withdraw")
	}
}

func (m *recordMembers) readField(s *recordScanner, name []byte) {
	n := fieldOf(name)
	if n == 0 {
		s.fail("a field that does not exist")
		return
	}
	s.once(m.fields[n].found)
	m.fields[n] = s.text()
}

// fieldOf is the field of that name, 0 for none.
func fieldOf(name []byte) Field {
	for n := Field(1); n <= maxField; n++ {
		if string(name) == fieldNames[n] {
			return n
		}
	}
	return 0
}

func (m *recordMembers) check() error {
	missing := func(name string) error { return fmt.Errorf("%w: %s is missing", errRecord, name) }
	switch {
	case !m.source.found:
		return missing("source")
	case !m.identity.found:
		return missing("identity")
	case m.kind == 0:
		return missing("kind")
	case !m.hasVersion:
		return missing("version")
	case m.kind == Withdraw && m.hasFields:
		return fmt.Errorf("%w: a withdrawal has no fields", errRecord)
	}
	return nil
}

// record makes identity and fields in one piece of memory.
func (m *recordMembers) record(key string) Record {
	size := m.identity.size
	for n := range m.fields {
		if k := m.fields[n].size; k > 0 {
			size += 1 + UvarintLen(uint64(k)) + k
		}
	}
	b := m.identity.append(make([]byte, 0, size))
	identity := b[:len(b):len(b)]
	for n := range m.fields {
		if q := &m.fields[n]; q.size > 0 {
			b = binary.AppendUvarint(append(b, byte(n)), uint64(q.size))
			b = q.append(b)
		}
	}
	r := Record{Key: key, Identity: identity, Kind: m.kind, Version: m.version}
	if m.kind == Assert {
		r.Fields = b[len(identity):len(b):len(b)]
	}
	if m.source.escaped {
		r.Source = internSource(m.source.append(nil))
	} else {
		r.Source = internSource(m.source.raw)
	}
	return r
}
