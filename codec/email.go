package codec

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxKeyBytes is the longest document key, in bytes: what Couchbase takes in a
// named collection (facts/couchbase.md; 250 in the default collection).
const MaxKeyBytes = 246

// OrderKeyPrefix precedes an order's number in its document key.
const OrderKeyPrefix = "order::"

// Errors of NormalizeEmail. They describe a record that is decodable but names
// no customer: it becomes the empty map and a dead letter.
var (
	ErrEmailMissing = errors.New("the email is missing or empty")
	ErrEmailInvalid = errors.New("the email is not usable as a key")
)

// NormalizeEmail returns the document key for an email as a source spells it:
// Unicode white space trimmed, strings.ToLower, nothing else; the limits hold
// for the result. Errors match ErrEmailMissing or ErrEmailInvalid and never
// repeat the address.
func NormalizeEmail(s string) (string, error) {
	if !utf8.ValidString(s) { // before ToLower, which would make all of them U+FFFD
		return "", fmt.Errorf("%w: not valid UTF-8", ErrEmailInvalid)
	}
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case s == "":
		return "", ErrEmailMissing
	case !strings.Contains(s, "@"):
		return "", fmt.Errorf("%w: no @ in it", ErrEmailInvalid)
	case len(s) > MaxKeyBytes:
		return "", fmt.Errorf("%w: %d bytes, the limit of a key is %d", ErrEmailInvalid, len(s), MaxKeyBytes)
	}
	return s, nil
}

// IsOrderKey tells an order's document key from a customer's.
func IsOrderKey(key string) bool {
	return strings.HasPrefix(key, OrderKeyPrefix) && !strings.Contains(key, "@")
}
