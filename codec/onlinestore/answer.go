package onlinestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Answer is what the store said about one email, details and orders together:
// the value of a record of onlinestore.answers. A null value there means that
// the email is no longer wanted.
type Answer struct {
	Status           int    // 200 or 404
	Customer, Orders []byte // JSON as the store sent it; both nil with 404
}

// Append appends the record's value: {"status":200,"customer":…,"orders":…},
// the store's bytes verbatim, or {"status":404}. Customer and Orders must be
// JSON, which ParseAnswer tells.
func (a Answer) Append(dst []byte) []byte {
	dst = append(dst, `{"status":`...)
	dst = strconv.AppendInt(dst, int64(a.Status), 10)
	if a.Customer != nil || a.Orders != nil {
		dst = append(dst, `,"customer":`...)
		dst = appendRaw(dst, a.Customer)
		dst = append(dst, `,"orders":`...)
		dst = appendRaw(dst, a.Orders)
	}
	return append(dst, '}')
}

func appendRaw(dst, raw []byte) []byte {
	if raw == nil {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

// ParseAnswer is the inverse of Append, strict about the JSON of all of it: a
// name that is there twice in one object, text that is not UTF-8 or anything
// behind the answer is an error. Errors tell byte offsets, never values.
// Customer and Orders are slices of b, without white space around them. Members
// that it does not know are ignored.
func ParseAnswer(b []byte) (Answer, error) {
	var r reader
	return r.read(b)
}

// reader reads answers. Reusing it spares what a jsontext.Decoder allocates.
type reader struct {
	d      jsontext.Decoder
	buffer bytes.Buffer
}

func (r *reader) read(b []byte) (Answer, error) {
	r.buffer = *bytes.NewBuffer(b) // read in place: values are slices of b
	r.d.Reset(&r.buffer)
	defer func() { // lets go of b
		r.buffer = bytes.Buffer{}
		r.d.Reset(&r.buffer)
	}()
	v, err := r.d.ReadValue()
	if err != nil {
		return Answer{}, malformed(err)
	}
	if _, err := r.d.ReadToken(); !errors.Is(err, io.EOF) {
		return Answer{}, fmt.Errorf("something follows the answer, at byte %d", r.d.InputOffset())
	}
	return parse(v)
}

func parse(v jsontext.Value) (Answer, error) {
	var a Answer
	var status jsontext.Value
	err := eachMember(v, "the answer", func(name []byte, v jsontext.Value) error {
		switch string(name) {
		case "status":
			status = v
		case "customer":
			a.Customer = present(v)
		case "orders":
			a.Orders = present(v)
		}
		return nil
	})
	switch {
	case err != nil:
		return Answer{}, err
	case string(status) == "404":
		return Answer{Status: 404}, nil
	case string(status) != "200":
		return Answer{}, errors.New("the answer's status is neither 200 nor 404")
	case a.Customer == nil || a.Orders == nil:
		return Answer{}, errors.New("an answer with status 200 lacks customer or orders")
	}
	a.Status = 200
	return a, nil
}

// present is v, nil for null.
func present(v jsontext.Value) []byte {
	if v.Kind() == 'n' {
		return nil
	}
	return v
}

// malformed says where JSON is wrong and how, without jsontext's excerpts of it.
func malformed(err error) error {
	how := "malformed JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		how = "a name is there twice in one JSON object"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		how = "the JSON ends too early"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("the answer: %s, at byte %d", how, syntax.ByteOffset)
	}
	return fmt.Errorf("the answer: %s", how)
}
