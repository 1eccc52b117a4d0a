package onlinestore

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"customer360/codec"
)

// order is one order of an answer.
type order struct {
	id    []byte // the integer, as the store writes it
	body  []byte // the whole order, compact
	date  []byte // PurchaseDate as a JSON string; nil: none
	when  instant
	total string // sum of price times quantity, decimal; "": it cannot be computed
}

const maxOrderID = codec.MaxKeyBytes - len(codec.OrderKeyPrefix)

var (
	errOrderID     = errors.New("OrderId is missing or no integer")
	errLongOrderID = fmt.Errorf("OrderId has more than %d digits", maxOrderID)
	errSameOrder   = errors.New("OrderId is that of an order before it")
)

// readOrders reads what getOrdersByCustomerId says. The orders share one copy
// of their bytes.
func readOrders(b jsontext.Value) ([]order, error) {
	var orders []order
	bodies := make([]byte, 0, len(b))
	seen := map[string]bool{}
	err := eachElement(b, "what the answer has as orders", func(v jsontext.Value) error {
		o, err := readOrder(v)
		if err == nil && seen[string(o.id)] {
			err = errSameOrder
		}
		if err != nil {
			return fmt.Errorf("order %d of the answer: %w", len(orders)+1, err)
		}
		start := len(bodies)
		bodies = appendCompact(bodies, v)
		o.body = bodies[start:len(bodies):len(bodies)]
		seen[string(o.id)] = true
		orders = append(orders, o)
		return nil
	})
	return orders, err
}

func readOrder(b jsontext.Value) (order, error) {
	var id, date, items once
	err := eachMember(b, "it", func(member []byte, v jsontext.Value) error {
		switch {
		case is(member, "OrderId"):
			return id.set(v)
		case is(member, "PurchaseDate"):
			return date.set(v)
		case is(member, "Items"):
			return items.set(v)
		}
		return nil
	})
	o := order{id: id.v}
	switch {
	case err != nil:
		return order{}, err
	case !isInteger(id.v):
		return order{}, errOrderID
	case len(id.v) > maxOrderID:
		return order{}, errLongOrderID
	}
	if date.v.Kind() == '"' {
		text := unquote(date.v)
		o.date, _ = jsontext.AppendQuote(nil, text)
		o.when = parseDate(string(text))
	}
	o.total = total(items.v)
	return o, nil
}

// isInteger takes one spelling per integer: JSON has no leading zeros, and -0
// is refused.
func isInteger(v jsontext.Value) bool {
	if v.Kind() != '0' || string(v) == "-0" {
		return false
	}
	return !strings.ContainsAny(string(v), ".eE")
}

// compareIntegers compares two that isInteger took, of any size.
func compareIntegers(a, b []byte) int {
	negativeA, negativeB := a[0] == '-', b[0] == '-'
	switch {
	case negativeA && !negativeB:
		return -1
	case !negativeA && negativeB:
		return 1
	case negativeA:
		a, b = b[1:], a[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(string(a), string(b)))
}

// appendCompact appends valid JSON without its white space.
func appendCompact(dst, b []byte) []byte {
	start, inText := 0, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			inText = !inText
		case '\\':
			i++ // only in text, and never its last byte
		case ' ', '\n', '\r', '\t':
			if !inText {
				dst = append(dst, b[start:i]...)
				start = i + 1
			}
		}
	}
	return append(dst, b[start:]...)
}
