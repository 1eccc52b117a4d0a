package onlinestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// readObject calls member for each member of the JSON object that b is, with
// the unquoted name and the value as a slice of b. what names b in errors,
// which give byte offsets and never values.
func readObject(b []byte, what string, member func(name []byte, v jsontext.Value) error) error {
	return read(b, '{', what, func(d *jsontext.Decoder) error {
		quoted, err := d.ReadValue()
		if err != nil {
			return malformed(what, err)
		}
		name := unquote(quoted)
		v, err := d.ReadValue()
		if err != nil {
			return malformed(what, err)
		}
		return member(name, v)
	})
}

// readArray is readObject for the elements of an array.
func readArray(b []byte, what string, element func(v jsontext.Value) error) error {
	return read(b, '[', what, func(d *jsontext.Decoder) error {
		v, err := d.ReadValue()
		if err != nil {
			return malformed(what, err)
		}
		return element(v)
	})
}

// read walks over one object or array, and sees to it that nothing follows.
// A decoder over a bytes.Buffer reads in place: values are slices of b.
func read(b []byte, open jsontext.Kind, what string, next func(*jsontext.Decoder) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(b))
	token, err := d.ReadToken()
	if err != nil {
		return malformed(what, err)
	}
	if token.Kind() != open {
		kind := "object"
		if open == '[' {
			kind = "array"
		}
		return fmt.Errorf("%s is no JSON %s", what, kind)
	}
	for {
		switch d.PeekKind() {
		case '}', ']':
			if _, err := d.ReadToken(); err != nil {
				return malformed(what, err)
			}
			if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("something follows %s, at byte %d", what, d.InputOffset())
			}
			return nil
		}
		if err := next(d); err != nil {
			return err
		}
	}
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
func malformed(what string, err error) error {
	how := "malformed JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		how = "a name is there twice in one JSON object"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		how = "the JSON ends too early"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s: %s, at byte %d", what, how, syntax.ByteOffset)
	}
	return fmt.Errorf("%s: %s", what, how)
}
