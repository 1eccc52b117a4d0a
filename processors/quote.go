package processors

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string, escaped like encoding/json with
// EscapeHTML off: only what must be, U+2028 and U+2029; bytes that are not
// UTF-8 become U+FFFD.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plainPrefix(s); i < len(s); {
		c := s[i]
		if isPlain(c) {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendEscaped(append(dst, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + 1
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(dst, s[start:]...), '"')
}

// plainPrefix is how many bytes of s need no look at, one by one: ASCII without
// controls, quotes and backslashes. It looks at eight bytes at a time: the high bit
// of each says whether that one is another.
func plainPrefix(s []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		// No byte borrows from a plain one below it, so the lowest mark is right.
		other := ((w - ones*' ') | (quote - ones) | (backslash - ones) | w) & high
		if other != 0 {
			return i + bits.TrailingZeros64(other)/8
		}
	}
	for i < len(s) && isPlain(s[i]) {
		i++
	}
	return i
}

// plain are the ASCII characters that need no escape, a bit each.
const (
	plainLow  = ^uint64(0) &^ (1<<0x20 - 1) &^ (1 << '"')
	plainHigh = ^uint64(0) &^ (1 << ('\\' - 64))
)

func isPlain(c byte) bool {
	switch {
	case c < 64:
		return plainLow>>c&1 == 1
	case c < utf8.RuneSelf:
		return plainHigh>>(c-64)&1 == 1
	}
	return false
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
