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
var secretValue = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|pwd|secret|token|authorization|api_?key)[\\"']*\s*[:=]\s*)("(?:[^"\\]|(?s:\\.))*(?:"|\\?$)|\\+"(?s:.*)|[^\s,;&}\]]+)`)

// Mask makes raw bytes fit to be shown: JSON and other text with secrets
// covered; a CSV row with every field but the first covered, since which one
// is the password stands in another line; of other bytes only the size.
func Mask(b []byte, csv bool) string {
	switch {
	case b == nil:
		return "null"
	case !utf8.Valid(b) || strings.ContainsRune(string(b), 0):
		return fmt.Sprintf("(%d bytes that are no text, not shown: they may hold a secret)", len(b))
	case csv:
		return maskRow(string(b))
	}
	return secretValue.ReplaceAllString(string(b), `${1}"`+mask+`"`)
}

func maskRow(row string) string {
	end := strings.IndexAny(row, ",;\t")
	if end < 0 {
		return mask
	}
	sep := row[end : end+1]
	return row[:end] + strings.Repeat(sep+mask, strings.Count(row, sep))
}
