package loyalty

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Row is a member as the CSV has it: every value is the file's text.
type Row struct {
	ID, Password, FirstName, LastName, Email, Points string
}

// AppendJSON appends the row as the tutorial's staging document: all six
// members in this order, all of them strings. Bytes that are not UTF-8 become
// U+FFFD.
func (r Row) AppendJSON(dst []byte) []byte {
	for _, m := range [...]struct{ name, value string }{
		{`{"id":`, r.ID}, {`,"password":`, r.Password}, {`,"firstName":`, r.FirstName},
		{`,"lastName":`, r.LastName}, {`,"email":`, r.Email}, {`,"points":`, r.Points},
	} {
		dst = append(dst, m.name...)
		dst, _ = jsontext.AppendQuote(dst, m.value)
	}
	return append(dst, '}')
}

// member returns where a member of the staging document belongs, nil for one
// that a row does not have.
func (r *Row) member(name []byte) *string {
	switch string(name) {
	case "id":
		return &r.ID
	case "password":
		return &r.Password
	case "firstName":
		return &r.FirstName
	case "lastName":
		return &r.LastName
	case "email":
		return &r.Email
	case "points":
		return &r.Points
	}
	return nil
}

// ParseRow reads a staging document, whoever wrote it: numbers and booleans
// count as their text, null as nothing, members that a row does not have are
// ignored. Errors tell byte offsets, never values.
func ParseRow(b []byte) (Row, error) {
	var r reader
	return r.read(b)
}

// reader reads rows. Reusing it spares what a jsontext.Decoder allocates.
type reader struct {
	d      jsontext.Decoder
	buffer bytes.Buffer
}

func (r *reader) read(b []byte) (Row, error) {
	r.buffer = *bytes.NewBuffer(b)
	r.d.Reset(&r.buffer)
	defer func() { // lets go of b
		r.buffer = bytes.Buffer{}
		r.d.Reset(&r.buffer)
	}()
	if r.d.PeekKind() != '{' {
		if _, err := r.d.ReadValue(); err != nil {
			return Row{}, malformed(err)
		}
		return Row{}, errors.New("the value is no JSON object")
	}
	if _, err := r.d.ReadToken(); err != nil {
		return Row{}, malformed(err)
	}
	var row Row
	for r.d.PeekKind() == '"' {
		if err := r.readMember(&row); err != nil {
			return Row{}, err
		}
	}
	if _, err := r.d.ReadToken(); err != nil { // the closing brace
		return Row{}, malformed(err)
	}
	if _, err := r.d.ReadToken(); !errors.Is(err, io.EOF) {
		return Row{}, fmt.Errorf("something follows the JSON object, at byte %d", r.d.InputOffset())
	}
	return row, nil
}

func (r *reader) readMember(row *Row) error {
	quoted, err := r.d.ReadValue()
	if err != nil {
		return malformed(err)
	}
	at := row.member(unquote(quoted))
	v, err := r.d.ReadValue()
	if err != nil {
		return malformed(err)
	}
	if at == nil {
		return nil
	}
	switch v.Kind() {
	case '"':
		*at = string(unquote(v))
	case 'n':
		*at = ""
	case '0', 't', 'f':
		*at = string(v)
	default:
		return fmt.Errorf("a member of the row is an object or an array, at byte %d", r.d.InputOffset())
	}
	return nil
}

// unquote returns the text of a JSON string, a slice of it where nothing is
// escaped.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has accepted it
	return b
}

// malformed says where JSON is wrong and how, without jsontext's excerpts of it.
func malformed(err error) error {
	what := "malformed JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		what = "a name that is there twice in one JSON object"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		what = "JSON that ends too early"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s, at byte %d", what, syntax.ByteOffset)
	}
	return errors.New(what)
}

// quote is s as a JSON string.
func quote(s string) []byte {
	b, _ := jsontext.AppendQuote(make([]byte, 0, len(s)+2), s)
	return b
}
