package csvdir

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"customer360/codec"
	"customer360/codec/loyalty"
)

// maxIDBytes keeps the key of the staging document, loyalty-member-<id>,
// within Couchbase's limit.
const maxIDBytes = codec.MaxKeyBytes - len("loyalty-member-")

// quality is what can be done with a row.
type quality byte

const (
	usable   quality = iota // the decoder takes it
	unusable                // decodable, but without a usable email: the member is withdrawn
	broken                  // its shape is wrong: the member, if it can be told, stays as it was
)

// reading turns records into rows by a file's layout.
type reading struct {
	layout
	text []byte
}

// judge says what can be done with a record, and if not everything, why. The
// id is the member's, trimmed, nil where it cannot be told; its bytes are valid
// until the next call. Reasons never repeat values.
func (r *reading) judge(rec *record) (q quality, id []byte, reason string) {
	r.text = r.text[:0]
	if place := r.column[columnID]; place < len(rec.fields) {
		if id = bytes.TrimSpace(r.decode(rec.fields[place])); len(id) == 0 || !utf8.Valid(id) {
			id = nil
		}
	}
	switch {
	case rec.problem != "":
		return broken, id, rec.problem
	case bytes.IndexByte(rec.raw, 0) >= 0:
		return broken, id, "there are NUL bytes in the row"
	case len(rec.fields) != r.width:
		return broken, id, fmt.Sprintf("the row has %d fields, the header %d", len(rec.fields), r.width)
	case r.dirty && !utf8.Valid(rec.raw):
		return broken, id, "the row is not valid UTF-8"
	case id == nil:
		return broken, nil, "the Id is empty"
	case len(id) > maxIDBytes:
		return broken, id, fmt.Sprintf("the Id has %d bytes, the limit is %d", len(id), maxIDBytes)
	}
	email := r.decode(rec.fields[r.column[columnEmail]])
	if !plainEmail(email) {
		if _, err := codec.NormalizeEmail(string(email)); err != nil {
			return unusable, id, err.Error()
		}
	}
	return usable, id, ""
}

// plainEmail knows most addresses to be usable without an allocation: ASCII of
// at most the key's length, an @ and something that is no white space in it.
func plainEmail(b []byte) bool {
	return len(b) <= codec.MaxKeyBytes && ascii(b) == len(b) && bytes.IndexByte(b, '@') >= 0
}

// row is a usable record as loyalty.Row; its strings share one allocation.
func (r *reading) row(rec *record) loyalty.Row {
	var size [columns]int
	r.text = r.text[:0]
	for c, place := range r.column {
		if place >= 0 {
			from := len(r.text)
			r.decode(rec.fields[place])
			size[c] = len(r.text) - from
		}
	}
	all := string(r.text)
	var cut [columns]string
	for c, n := range size {
		cut[c], all = all[:n], all[n:]
	}
	return loyalty.Row{
		ID: strings.TrimSpace(cut[columnID]), Password: cut[columnPassword], FirstName: cut[columnFirstName],
		LastName: cut[columnLastName], Email: cut[columnEmail], Points: cut[columnPoints],
	}
}

// decode appends the field to r.text as UTF-8 and returns it.
func (r *reading) decode(field []byte) []byte {
	from := len(r.text)
	if !r.latin {
		r.text = append(r.text, field...)
	} else {
		for _, b := range field {
			if b < utf8.RuneSelf {
				r.text = append(r.text, b)
			} else {
				r.text = utf8.AppendRune(r.text, charmap.Windows1252.DecodeByte(b))
			}
		}
	}
	return r.text[from:]
}
