package deadletters

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const mask = "********"

// secretValue finds the value behind a key that names a secret: quoted (also
// cut off at the end), or bare. Behind an escaped quote, in JSON within JSON,
// it takes everything up to the end: better too much than a tail of it.
var secretValue = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|pwd|secret|token|authorization|api[_-]?key)[\\"']*\s*[:=]\s*)("(?:[^"\\]|(?s:\\.))*(?:"|\\?$)|\\+"(?s:.*)|[^\s,;&}\]]+)`)

// secretElement finds an element of XML or HTML whose name, or an attribute of
// which, names a secret, with the text behind it.
var secretElement = regexp.MustCompile(`(?is)<[^<>/]*(?:pass|pwd|secret|token|authorization|api[_-]?key)[^<>]*>[^<]*`)

// headerName is that of a header whose value is a secret as a whole.
var headerName = regexp.MustCompile(`(?i)pass|pwd|secret|token|auth|api.?key|cookie|credential|signature`)

// MaskHeader is Mask for a header's value, which may be a secret by the header's name.
func MaskHeader(name string, value []byte) string {
	if value != nil && headerName.MatchString(name) {
		return mask
	}
	return Mask(value, false)
}

// Mask makes raw bytes fit to be shown: JSON and other text with secrets
// covered; a CSV row with every field covered but a number in front, the usual
// id, since which one is the password stands in another line; of other bytes
// only the size.
func Mask(b []byte, csv bool) string {
	switch {
	case b == nil:
		return "null"
	case !utf8.Valid(b) || strings.ContainsRune(string(b), 0):
		return fmt.Sprintf("(%d bytes that are no text, not shown: they may hold a secret)", len(b))
	case csv:
		return maskRow(string(b))
	}
	text := secretValue.ReplaceAllString(string(b), `${1}"`+mask+`"`)
	return secretElement.ReplaceAllString(text, "<"+mask+">")
}

// MaskKey is Mask for a record's key. Of a CSV row it is the id's field, which in a row
// that lacks a field may be the password: only a number is shown.
func MaskKey(key []byte, csv bool) string {
	if csv && key != nil {
		return maskID(string(key))
	}
	return Mask(key, false)
}

func maskID(id string) string {
	if strings.Trim(id, "0123456789") != "" {
		return mask
	}
	return id
}

func maskRow(row string) string {
	end := strings.IndexAny(row, ",;\t")
	if end < 0 {
		return mask
	}
	sep := row[end : end+1]
	return maskID(row[:end]) + strings.Repeat(sep+mask, strings.Count(row, sep))
}
