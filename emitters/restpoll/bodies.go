package restpoll

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// What the poller itself reads of the store's bodies: the customer's id, which
// the second request needs, and the ids of products. Everything else is the
// decoder's. Both key cases are taken.

var (
	errNoObject = errors.New("the details are no JSON object")
	errNoID     = errors.New("the details hold no usable Id")
)

// wellFormed says whether b is one JSON value, so that an answer can frame it.
// Names and text are the decoder's to judge.
func wellFormed(b []byte) bool {
	return jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// scanner reads bodies; one worker's own, since its decoder is reused.
type scanner struct {
	source bytes.Reader
	dec    *jsontext.Decoder
}

func (s *scanner) reset(body []byte) {
	s.source.Reset(body)
	opts := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	if s.dec == nil {
		s.dec = jsontext.NewDecoder(&s.source, opts...)
		return
	}
	s.dec.Reset(&s.source, opts...)
}

// customerID returns the text of the details' Id, a number or a string.
func (s *scanner) customerID(details []byte) (string, error) {
	s.reset(details)
	if s.dec.PeekKind() != '{' {
		return "", errNoObject
	}
	var id []byte
	err := s.object(func(name []byte) error {
		if id != nil || !bytes.EqualFold(name, []byte(`"Id"`)) {
			return s.dec.SkipValue()
		}
		v, err := s.scalar()
		id = bytes.Clone(v)
		return err
	})
	switch {
	case err != nil:
		return "", errNoObject
	case len(id) == 0:
		return "", errNoID
	}
	return string(id), nil
}

// products calls seen with the id of each product that the orders name.
// Malformed orders end it silently: the decoder will say so.
func (s *scanner) products(orders []byte, seen func(id []byte)) {
	s.reset(orders)
	_ = s.array(func() error { // one order
		return s.object(func(name []byte) error {
			if !bytes.EqualFold(name, []byte(`"Items"`)) {
				return s.dec.SkipValue()
			}
			return s.array(func() error { // one item
				return s.object(func(name []byte) error {
					if !bytes.EqualFold(name, []byte(`"ProductId"`)) {
						return s.dec.SkipValue()
					}
					id, err := s.scalar()
					if err == nil && len(id) > 0 {
						seen(id)
					}
					return err
				})
			})
		})
	})
}

// object reads an object: member gets each name, in its quotes, and reads the
// value. Anything else is skipped.
func (s *scanner) object(member func(name []byte) error) error {
	return s.composite('{', '}', func() error {
		name, err := s.dec.ReadValue()
		if err != nil {
			return err
		}
		return member(name)
	})
}

// array reads an array: element reads each of its values.
func (s *scanner) array(element func() error) error { return s.composite('[', ']', element) }

func (s *scanner) composite(begin, end jsontext.Kind, element func() error) error {
	if s.dec.PeekKind() != begin {
		return s.dec.SkipValue()
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	for s.dec.PeekKind() != end {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := s.dec.ReadToken()
	return err
}

// scalar returns the text of a number or string, nil of anything else; it is
// good until the next read.
func (s *scanner) scalar() ([]byte, error) {
	v, err := s.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	switch v.Kind() {
	case '0':
		return v, nil
	case '"':
		return jsontext.AppendUnquote(nil, v)
	}
	return nil, nil
}

// errTooLarge and errCut say that a body was not read to its end.
var (
	errTooLarge = errors.New("the body is larger than allowed")
	errCut      = errors.New("the body was cut off")
)

// readBody appends the body to dst, limit bytes at most; what was read is
// returned with an error too. length is what the store announced, -1 unknown.
func readBody(dst []byte, body io.Reader, length int64, limit int) ([]byte, error) {
	start := len(dst)
	if length > int64(limit) {
		return dst, fmt.Errorf("%w: %d bytes, the limit is %d", errTooLarge, length, limit)
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		// One byte beyond the limit tells a full body from a larger one.
		end := min(cap(dst), start+limit+1)
		n, err := body.Read(dst[len(dst):end])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst)-start > limit:
			return dst[:start+limit], fmt.Errorf("%w: the limit is %d bytes", errTooLarge, limit)
		case err == io.EOF:
			return dst, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return dst, errCut
		case err != nil:
			return dst, err
		}
	}
}
