package debezium

// plain marks the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// text moves over a string and tells whether anything in it is escaped.
func (s *scanner) text() (escaped bool) {
	b, i := s.b, s.i
	if i >= len(b) || b[i] != '"' {
		s.fail(malformed)
		return false
	}
	for i++; i < len(b); {
		c := b[i]
		if plain[c] {
			i++
			continue
		}
		switch c {
		case '"':
			s.i = i + 1
			return escaped
		case '\\':
			n := escapeLength(b[i:])
			if n == 0 {
				s.i = i
				s.fail("a malformed escape in JSON")
				return false
			}
			escaped = true
			i += n
		default:
			s.i = i
			s.fail("a control character in JSON text")
			return false
		}
	}
	s.i = i
	s.fail(malformed)
	return false
}

// escapeLength is the length of the escape that b begins with, 0 for none. The
// halves of a surrogate pair count only together: alone they are no text.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r, ok := hex4(b)
		switch {
		case !ok, r >= 0xdc00 && r < 0xe000:
			return 0
		case r < 0xd800 || r >= 0xe000:
			return 6
		}
		if low, ok := hex4(b[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return 12
		}
	}
	return 0
}

// hex4 reads the \uXXXX that b begins with.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
