package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxKey is the longest document key in bytes, maxNumber the longest number.
const (
	maxKey    = 246
	maxNumber = 128
)

var errRefused = errors.New("refused")

// member is one member of an object, its value as the source wrote it.
type member struct {
	name  string
	value []byte
}

// checkJSON refuses what is not JSON in UTF-8 with whole surrogate pairs.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) || !json.Valid(b) || hasHalfPair(b) {
		return errRefused
	}
	return nil
}

// hasHalfPair looks for \ud800 to \udfff that are no pair in valid JSON.
func hasHalfPair(b []byte) bool {
	surrogate := func(b []byte) string {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' || b[2]|0x20 != 'd' {
			return ""
		}
		switch {
		case strings.ContainsRune("89abAB", rune(b[3])):
			return "high"
		case strings.ContainsRune("cdefCDEF", rune(b[3])):
			return "low"
		}
		return ""
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		switch surrogate(b[i:]) {
		case "low":
			return true
		case "high":
			if surrogate(b[i+6:]) != "low" {
				return true
			}
			i += 11
		default:
			i++
		}
	}
	return false
}

// hasTwin tells whether any object in valid JSON has one name twice.
func hasTwin(b []byte) bool {
	switch kind(b) {
	case '{':
		seen := map[string]bool{}
		for _, m := range members(b) {
			if seen[m.name] || hasTwin(m.value) {
				return true
			}
			seen[m.name] = true
		}
	case '[':
		for _, e := range elements(b) {
			if hasTwin(e) {
				return true
			}
		}
	}
	return false
}

// members of a valid JSON object, as they come.
func members(b []byte) []member {
	var all []member
	d := json.NewDecoder(bytes.NewReader(b))
	_, _ = d.Token()
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		_ = d.Decode(&value)
		all = append(all, member{name.(string), bytes.TrimSpace(value)})
	}
	return all
}

func elements(b []byte) [][]byte {
	var raw []json.RawMessage
	_ = json.Unmarshal(b, &raw)
	all := make([][]byte, len(raw))
	for i, e := range raw {
		all[i] = bytes.TrimSpace(e)
	}
	return all
}

// kind of a JSON value: { [ " t f n, 0 for a number; NUL where there is none.
func kind(b []byte) byte {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		return '0'
	}
	return b[0]
}

func unquote(b []byte) string {
	var s string
	_ = json.Unmarshal(b, &s)
	return s
}

// quote as documents have text: only what must be escaped, U+2028 and U+2029.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// quoteID is quote for ids, which have U+2028 and U+2029 as they are.
func quoteID(s string) string {
	var b strings.Builder
	for _, r := range s {
		q := string(r)
		if r != '\u2028' && r != '\u2029' {
			q = quote(q)
			q = q[1 : len(q)-1]
		}
		b.WriteString(q)
	}
	return `"` + b.String() + `"`
}

// text of a scalar; "" for null and where there is nothing.
func text(b []byte) (string, error) {
	switch kind(b) {
	case '"':
		return unquote(b), nil
	case '0':
		if len(b) > maxNumber {
			return "", errRefused
		}
		return string(b), nil
	case 't', 'f':
		return string(b), nil
	case 'n', 0:
		return "", nil
	}
	return "", errRefused
}

// emailKey is the document key of an email.
func emailKey(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errRefused
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if !strings.Contains(s, "@") || len(s) > maxKey {
		return "", errRefused
	}
	return s, nil
}

// keptPass is what the pass mode leaves of a password.
func (m *Model) keptPass(s string) string {
	switch {
	case s == "" || m.options.PassMode == "drop":
		return ""
	case m.options.PassMode == "hash":
		sum := sha256.Sum256([]byte(s))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	return s
}

// joined is first and last name with one space between them.
func joined(first, last string) string {
	return strings.TrimSpace(strings.TrimSpace(first) + " " + strings.TrimSpace(last))
}

// profile leaves empty values out.
func profile(pairs ...string) map[string]string {
	p := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" { //nolint:gosec // pairs has an even number of items
			p[pairs[i]] = pairs[i+1] //nolint:gosec // pairs has an even number of items
		}
	}
	return p
}
