package debezium

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds how deep values nest; Debezium's own schemas reach about 10.
const maxDepth = 200

// value is one JSON value as a slice of the record; empty: there is none.
type value []byte

// kind is the value's first byte: { [ " t f n, and 0 for any number; NUL for
// no value.
func (v value) kind() byte {
	if len(v) == 0 {
		return 0
	}
	return kindOf(v[0])
}

func kindOf(c byte) byte {
	if c == '-' || c >= '0' && c <= '9' {
		return '0'
	}
	return c
}

// scanner reads JSON (RFC 8259) from front to back, strictly. Its first error
// sticks: from then on there are no members and no values. It is here since with
// jsontext's Decoder reading an envelope member by member took twice as long; a fuzz
// test holds both to the same judgement. Names that come twice are left to
// whoever takes the members.
type scanner struct {
	b   []byte
	i   int
	err error
}

func newScanner(b []byte) scanner {
	s := scanner{b: b}
	if !utf8.Valid(b) {
		s.err, s.i = errors.New("text that is not UTF-8"), len(b)
	}
	return s
}

// fail keeps the first error. It tells the place, never what stands there.
func (s *scanner) fail(what string) {
	if s.err != nil {
		return
	}
	if s.i >= len(s.b) {
		what = "JSON that ends too early"
	}
	s.err = fmt.Errorf("%s, at byte %d", what, s.i)
	s.i = len(s.b)
}

const malformed = "malformed JSON"

func (s *scanner) space() {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.i += spaces(s.b[s.i:])
	}
}

// spaces is how much white space b begins with.
func spaces(b []byte) int {
	for i, c := range b {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return i
		}
	}
	return len(b)
}

// next moves over white space and c, if it is c that stands there.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// peek is the kind of the value that follows.
func (s *scanner) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return kindOf(s.b[s.i])
}

// first enters an object and returns its first member's name, unquoted; the
// member's value must be read next.
//
//	for name, ok := s.first(); ok; name, ok = s.more() {
func (s *scanner) first() (name []byte, ok bool) {
	if !s.next('{') {
		s.fail(malformed)
		return nil, false
	}
	if s.next('}') {
		return nil, false
	}
	return s.name()
}

// more returns the name of the object's next member, or leaves the object.
func (s *scanner) more() (name []byte, ok bool) {
	if s.next(',') {
		return s.name()
	}
	if !s.next('}') {
		s.fail(malformed)
	}
	return nil, false
}

func (s *scanner) name() ([]byte, bool) {
	s.space()
	start := s.i
	escaped := s.text()
	end := s.i
	if !s.next(':') {
		s.fail(malformed)
	}
	if s.err != nil {
		return nil, false
	}
	if escaped {
		return unquote(s.b[start:end]), true
	}
	return s.b[start+1 : end-1], true
}

// value reads one value, and returns none after an error.
func (s *scanner) value() value {
	s.space()
	start := s.i
	s.skip(0)
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i:s.i]
}

// end sees to it that nothing follows.
func (s *scanner) end() error {
	s.space()
	if s.i < len(s.b) {
		s.fail("something that follows the JSON")
	}
	return s.err
}

func (s *scanner) skip(depth int) {
	if depth > maxDepth {
		s.fail(fmt.Sprintf("JSON nested more than %d deep", maxDepth))
		return
	}
	switch s.peek() {
	case '{':
		for _, ok := s.first(); ok; _, ok = s.more() {
			s.skip(depth + 1)
		}
	case '[':
		s.array(depth)
	case '"':
		s.text()
	case '0':
		s.number()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.fail(malformed)
	}
}

func (s *scanner) array(depth int) {
	s.i++ // the bracket
	if s.next(']') {
		return
	}
	for s.err == nil {
		s.skip(depth + 1)
		if s.next(']') {
			return
		}
		if !s.next(',') {
			s.fail(malformed)
		}
	}
}

func (s *scanner) literal(word string) {
	for k := range len(word) {
		if s.i >= len(s.b) || s.b[s.i] != word[k] {
			s.fail(malformed)
			return
		}
		s.i++
	}
}

func (s *scanner) number() {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else {
		s.digits()
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		s.digits()
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		s.digits()
	}
}

func (s *scanner) digits() {
	start, i := s.i, s.i
	for i < len(s.b) && s.b[i]-'0' <= 9 {
		i++
	}
	if s.i = i; i == start {
		s.fail("a malformed number in JSON")
	}
}
