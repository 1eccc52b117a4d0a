package processors

import (
	"bytes"
	"cmp"

	"github.com/go-json-experiment/json/jsontext"
)

// identifier is an id as a source writes it, a JSON scalar, prepared for
// comparing: 1, 1029, "27".
type identifier struct {
	text     []byte // without quotes and escapes
	digits   []byte // of an integer, without sign and leading zeros
	integer  bool
	negative bool
	kind     jsontext.Kind
}

func parseIdentifier(scalar []byte) identifier {
	id := identifier{text: scalar, kind: jsontext.Value(scalar).Kind()}
	if id.kind == '"' && len(scalar) >= 2 {
		id.text = scalar[1 : len(scalar)-1]
		if bytes.IndexByte(id.text, '\\') >= 0 {
			if text, err := jsontext.AppendUnquote(nil, scalar); err == nil {
				id.text = text
			}
		}
	}
	digits, negative := bytes.CutPrefix(id.text, []byte{'-'})
	if len(digits) == 0 {
		return id
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return id
		}
	}
	id.integer = true
	id.digits = bytes.TrimLeft(digits, "0")
	id.negative = negative && len(id.digits) > 0
	return id
}

// compare orders ids: integers first, by their value and of any size, whether
// quoted or not; the rest bytewise; equal ones by JSON type, numbers before
// strings. What is still equal is for the caller to order by raw identity.
func (a *identifier) compare(b *identifier) int {
	if a.integer != b.integer {
		if a.integer {
			return -1
		}
		return 1
	}
	if !a.integer {
		return cmp.Or(bytes.Compare(a.text, b.text), cmp.Compare(a.rank(), b.rank()))
	}
	return cmp.Or(a.compareValue(b), cmp.Compare(a.rank(), b.rank()))
}

func (a *identifier) compareValue(b *identifier) int {
	if a.negative != b.negative {
		if a.negative {
			return -1
		}
		return 1
	}
	order := cmp.Or(cmp.Compare(len(a.digits), len(b.digits)), bytes.Compare(a.digits, b.digits))
	if a.negative {
		return -order
	}
	return order
}

// rank orders JSON types; jsontext spells a number's kind '0' and a string's '"'.
func (a *identifier) rank() int {
	switch a.kind {
	case '0':
		return 0
	case '"':
		return 1
	}
	return 2
}
