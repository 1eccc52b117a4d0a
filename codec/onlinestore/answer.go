package onlinestore

import (
	"errors"
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
// JSON; the poller has looked.
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

// ParseAnswer is the inverse of Append, strict about the JSON of all of it.
// Customer and Orders are slices of b. Members that it does not know are
// ignored.
func ParseAnswer(b []byte) (Answer, error) {
	var a Answer
	var status []byte
	err := readObject(b, "the answer", func(name []byte, v jsontext.Value) error {
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
	if err != nil {
		return Answer{}, err
	}
	switch string(status) {
	case "200":
		if a.Customer == nil || a.Orders == nil {
			return Answer{}, errors.New("an answer with status 200 lacks customer or orders")
		}
		a.Status = 200
		return a, nil
	case "404":
		return Answer{Status: 404}, nil
	}
	return Answer{}, errors.New("the answer's status is neither 200 nor 404")
}

// present is v, nil for null.
func present(v jsontext.Value) []byte {
	if v.Kind() == 'n' {
		return nil
	}
	return v
}
