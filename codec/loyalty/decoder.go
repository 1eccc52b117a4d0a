// Package loyalty owns the records of the loyalty system: the row of its
// nightly CSV as a JSON document, the row's position in the order of all
// imports, and the decoder of loyalty.members.
//
// Non-obvious
//
//   - The order is that of the files (time, content hash, row), not that of
//     the topic: an older file that is imported late changes nothing.
//   - A record without position headers was not written by the importer: a
//     null by an operator or a compaction tool, a row by somebody's script. It
//     counts by its place in the log and leaves the stored position alone, so
//     the next file decides again, while a repetition of the last one does not.
//   - Values are never interpreted: points may be "0", "" or "many".
package loyalty

import (
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

// Decoder decodes loyalty.members. It is safe for concurrent use.
type Decoder struct {
	pass    codec.PassMode
	readers sync.Pool // of *reader
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns the decoder.
func New(cfg Config) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("loyalty: %w", err)
	}
	return &Decoder{pass: cfg.Pass}, nil
}

// Fingerprint implements codec.Decoder.
func (d *Decoder) Fingerprint() string { return fmt.Sprintf("loyalty rules=%d pass=%s", rules, d.pass) }

// Decode implements codec.Decoder. A null value withdraws the member.
func (d *Decoder) Decode(raw *codec.Raw) (codec.Change, error) {
	if raw.Key == nil {
		return codec.Change{Ignored: "null key"}, nil
	}
	var c codec.Change
	if HasPosition(raw.Headers) {
		p, err := ParsePosition(raw.Headers)
		if err != nil {
			return codec.Change{}, err
		}
		c.Position = p.encode()
	}
	if raw.Value == nil {
		return c, nil
	}
	r, _ := d.readers.Get().(*reader)
	if r == nil {
		r = new(reader)
	}
	defer d.readers.Put(r)
	row, err := r.read(raw.Value)
	if err != nil {
		return codec.Change{}, err
	}
	if row.ID == "" {
		row.ID = string(raw.Key)
	}
	c.Assertions, c.Problem = d.assert(&row)
	return c, nil
}

func (d *Decoder) assert(row *Row) ([]codec.Assertion, error) {
	key, err := codec.NormalizeEmail(row.Email)
	if err != nil {
		return nil, err
	}
	a := make([]codec.Assertion, 1)
	a[0].Key = key
	f := &a[0].Fields
	f.Set(codec.FieldID, quote(row.ID))
	f.SetString(codec.FieldPass, d.pass.Apply(row.Password))
	f.SetString(codec.FieldName, fullName(row.FirstName, row.LastName))
	f.SetString(codec.FieldEmail, strings.TrimSpace(row.Email))
	f.SetString(codec.FieldLoyaltyPoints, row.Points)
	return a, nil
}

func fullName(first, last string) string {
	return strings.TrimSpace(strings.TrimSpace(first) + " " + strings.TrimSpace(last))
}

// Accept implements codec.Decoder: the state is the position of the newest
// accepted record that has one, empty before that.
func (d *Decoder) Accept(state []byte, c *codec.Change) ([]byte, bool) {
	if len(c.Position) == 0 {
		return state, true
	}
	stored, ok := decodePosition(state)
	if !ok {
		return c.Position, true
	}
	next, ok := decodePosition(c.Position)
	if !ok || next.Compare(stored) <= 0 {
		return state, false
	}
	return c.Position, true
}
