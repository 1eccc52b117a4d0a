package codec

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// recordScanner reads the JSON of a record from front to back: objects, texts
// and one number, which is all that a record has. Its first error sticks, and
// ends the reading.
type recordScanner struct {
	b   []byte
	i   int
	err error
}

// quoted is a JSON string within the record.
type quoted struct {
	raw     []byte // between the quotes; with the \u escapes of it undone where it had any
	size    int    // of the text, in bytes
	escaped bool
	found   bool
}

// fail keeps the first error. It tells the place, never what stands there.
func (s *recordScanner) fail(what string) {
	if s.err != nil {
		return
	}
	if s.i >= len(s.b) {
		what = "the JSON ends too early"
	}
	s.err = fmt.Errorf("%w: %s, at byte %d", errRecord, what, s.i)
	s.i = len(s.b)
}

func (s *recordScanner) once(before bool) {
	if before {
		s.fail("a member that is there twice")
	}
}

func (s *recordScanner) space() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		switch s.b[s.i] {
		case ' ', '\n', '\r', '\t':
			s.i++
		default:
			return
		}
	}
}

// next moves over white space and c, if it is c that stands there.
func (s *recordScanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// first enters an object and returns its first member's name; the member's value
// must be read next.
//
//	for name, ok := s.first(); ok; name, ok = s.more() {
func (s *recordScanner) first() (name []byte, ok bool) {
	if !s.next('{') {
		s.fail("no JSON object where one must be")
		return nil, false
	}
	if s.next('}') {
		return nil, false
	}
	return s.name()
}

// more returns the name of the object's next member, or leaves the object.
func (s *recordScanner) more() (name []byte, ok bool) {
	if s.next(',') {
		return s.name()
	}
	if !s.next('}') {
		s.fail("neither a comma nor the end of an object")
	}
	return nil, false
}

func (s *recordScanner) name() (name []byte, ok bool) {
	q := s.text()
	if !s.next(':') {
		s.fail("no colon behind a member's name")
	}
	s.space()
	if s.err != nil {
		return nil, false
	}
	if q.escaped {
		return q.append(nil), true
	}
	return q.raw, true
}

// text reads a string.
func (s *recordScanner) text() quoted {
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		s.fail("no JSON string where one must be")
		return quoted{}
	}
	start, i := s.i+1, s.i+1
	escapes, unicode := 0, false
	for {
		for i < len(s.b) && plain[s.b[i]] {
			i++
		}
		if i >= len(s.b) {
			s.i = i
			s.fail("")
			return quoted{}
		}
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			q := quoted{raw: s.b[start:i:i], size: i - start - escapes, escaped: escapes > 0, found: true}
			if unicode {
				return s.unquote(start-1, i+1)
			}
			return q
		case c != '\\':
			s.i = i
			s.fail("a control character in a JSON string")
			return quoted{}
		case i+1 >= len(s.b):
			s.i = i + 1
			s.fail("")
			return quoted{}
		case s.b[i+1] == 'u':
			unicode = true // judged as a whole
		case unescaped[s.b[i+1]] == 0:
			s.i = i
			s.fail("a malformed escape in a JSON string")
			return quoted{}
		}
		escapes++
		i += 2
	}
}

// unquote undoes the escapes of the string, which has some of the rare kind.
func (s *recordScanner) unquote(from, to int) quoted {
	text, err := jsontext.AppendUnquote(make([]byte, 0, to-from), s.b[from:to])
	if err != nil {
		s.i = from
		s.fail("a malformed escape in a JSON string")
		return quoted{}
	}
	return quoted{raw: text, size: len(text), found: true}
}

// append appends the text.
func (q *quoted) append(dst []byte) []byte {
	if !q.escaped {
		return append(dst, q.raw...)
	}
	rest := q.raw
	for {
		n := bytes.IndexByte(rest, '\\')
		if n < 0 {
			return append(dst, rest...)
		}
		dst = append(append(dst, rest[:n]...), unescaped[rest[n+1]])
		rest = rest[n+2:]
	}
}

// natural reads an integer from 0 to 2^62, as versions are.
func (s *recordScanner) natural() int64 {
	start, n := s.i, int64(0)
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 && n <= (1<<62)/10 {
		n = n*10 + int64(s.b[s.i]-'0')
		s.i++
	}
	leadingZero := s.i > start+1 && s.b[start] == '0'
	if s.i == start || leadingZero || n > 1<<62 || s.i < len(s.b) && !bytes.ContainsRune([]byte(" \n\r\t,}"), rune(s.b[s.i])) {
		if s.i < len(s.b) {
			s.i = start
		}
		s.fail("a version that is no integer from 0 to 2^62")
	}
	return n
}

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// unescaped is what the byte behind a backslash stands for, 0: nothing.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
