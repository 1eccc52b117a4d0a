package onlinestore

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// customer is what getCustomerDetailsByEmail says.
type customer struct {
	id                    []byte // JSON scalar, a copy
	name, email, password string
}

var errNoID = errors.New("the customer's Id is missing, null or no scalar")

func readCustomer(b jsontext.Value) (customer, error) {
	var c customer
	var id, name, email, password once
	err := eachMember(b, "it", func(member []byte, v jsontext.Value) error {
		switch {
		case is(member, "Id"):
			return id.set(v)
		case is(member, "Name"):
			return name.set(v)
		case is(member, "Email"):
			return email.set(v)
		case is(member, "Password"):
			return password.set(v)
		}
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("the customer: %w", err)
	}
	if c.id = scalar(id.v); c.id == nil {
		return c, errNoID
	}
	for _, m := range [...]struct {
		name string
		at   *string
		v    jsontext.Value
	}{{"Name", &c.name, name.v}, {"Email", &c.email, email.v}, {"Password", &c.password, password.v}} {
		var ok bool
		if *m.at, ok = text(m.v); !ok {
			return c, fmt.Errorf("the customer's %s is no text", m.name)
		}
	}
	return c, nil
}

// maxNumber bounds the text of a number, in bytes.
const maxNumber = 128

// scalar is a string or a number as JSON, a string in one spelling whatever
// escapes the store has used; nil for anything else, and for the empty string.
func scalar(v jsontext.Value) []byte {
	switch {
	case v.Kind() == '"' && len(v) > 2:
		b, _ := jsontext.AppendQuote(nil, unquote(v))
		return b
	case v.Kind() == '0' && len(v) <= maxNumber:
		return v.Clone()
	}
	return nil
}

// text is a string, or a scalar's JSON; "" for null and where there is nothing.
func text(v jsontext.Value) (s string, ok bool) {
	switch v.Kind() {
	case '"':
		return string(unquote(v)), true
	case '0', 't', 'f':
		return string(v), len(v) <= maxNumber
	case 'n', 0:
		return "", true
	}
	return "", false
}
