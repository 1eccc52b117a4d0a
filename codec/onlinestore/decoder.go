package onlinestore

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"customer360/codec"
)

// rules is the version of what this decoder makes of a record. Raise it with
// every change that gives other bytes for the same record: it makes a new
// generation.
const rules = 1

// Config configures the decoder.
type Config struct {
	Pass codec.PassMode // what becomes of passwords
}

// Validate reports an unknown pass mode.
func (c Config) Validate() error { return c.Pass.Validate() }

// Decoder decodes onlinestore.answers. It is safe for concurrent use.
type Decoder struct {
	pass    codec.PassMode
	readers sync.Pool // of *reader
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns the decoder.
func New(cfg Config) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("onlinestore: %w", err)
	}
	return &Decoder{pass: cfg.Pass}, nil
}

// Fingerprint implements codec.Decoder.
func (d *Decoder) Fingerprint() string {
	return fmt.Sprintf("onlinestore rules=%d index=%d pass=%s", rules, indexed, d.pass)
}

// Accept implements codec.Decoder: the order of the answers is the log's.
func (d *Decoder) Accept(state []byte, _ *codec.Change) ([]byte, bool) { return state, true }

// ErrOtherEmail is the error for an answer about somebody else.
var ErrOtherEmail = errors.New("answer for another email")

// Decode implements codec.Decoder. A null value and a 404 assert nothing.
func (d *Decoder) Decode(raw *codec.Raw) (codec.Change, error) {
	switch {
	case raw.Key == nil:
		return codec.Change{Ignored: "null key"}, nil
	case raw.Value == nil:
		return codec.Change{}, nil
	}
	r, _ := d.readers.Get().(*reader)
	if r == nil {
		r = new(reader)
	}
	defer d.readers.Put(r)
	answer, err := r.read(raw.Value)
	if err != nil || answer.Status == 404 {
		return codec.Change{}, err
	}
	asked, err := codec.NormalizeEmail(string(raw.Key))
	if err != nil {
		return codec.Change{}, fmt.Errorf("the record's key: %w", err)
	}
	customer, err := readCustomer(answer.Customer)
	if err != nil {
		return codec.Change{}, err
	}
	email, err := codec.NormalizeEmail(customer.email)
	if err != nil {
		return codec.Change{}, fmt.Errorf("the customer: %w", err)
	}
	if email != asked {
		return codec.Change{}, ErrOtherEmail
	}
	orders, err := readOrders(answer.Orders)
	if err != nil {
		return codec.Change{}, err
	}
	return codec.Change{Assertions: d.assert(asked, &customer, orders)}, nil
}

// assert says what the answer asserts: the customer, then the orders as the
// store has them.
func (d *Decoder) assert(asked string, customer *customer, orders []order) []codec.Assertion {
	a := make([]codec.Assertion, 1+len(orders))
	for i, o := range orders {
		a[1+i].Key = codec.OrderKeyPrefix + string(o.id)
		a[1+i].Fields.Set(codec.FieldBody, o.body)
	}
	a[0].Key = asked
	f := &a[0].Fields
	f.Set(codec.FieldID, customer.id)
	f.SetString(codec.FieldPass, d.pass.Apply(customer.password))
	f.SetString(codec.FieldName, strings.TrimSpace(customer.name))
	f.SetString(codec.FieldEmail, strings.TrimSpace(customer.email))
	f.Set(codec.FieldOrders, appendIndex(nil, orders))
	return a
}
