package debezium

import (
	"bytes"
	"fmt"

	"customer360/codec"
)

// row is what a table's row holds for us, per slot the JSON of its column as a
// slice of the record, nil where there is no such column.
type row struct {
	values [slots]value
	exact  [slots]bool // found by the exact name, which outranks another case
}

// mappedColumn is a column that a field is mapped to.
type mappedColumn struct {
	slot slot
	name []byte
}

func (m Mapping) mapped() []mappedColumn {
	var columns []mappedColumn
	for s := range slots {
		if name := m.column(s); name != "" {
			columns = append(columns, mappedColumn{s, []byte(name)})
		}
	}
	return columns
}

// take keeps a column's value where the column is mapped. Several slots may
// have the same column.
func (r *row) take(s *scanner, columns []mappedColumn, name []byte, v value) {
	for _, c := range columns {
		switch {
		case len(c.name) != len(name):
		case string(c.name) == string(name):
			if r.exact[c.slot] {
				s.keep(&r.values[c.slot], v)
			}
			r.values[c.slot], r.exact[c.slot] = v, true
		case !r.exact[c.slot] && bytes.EqualFold(c.name, name):
			r.values[c.slot] = v
		}
	}
}

func (r *row) read(s *scanner, columns []mappedColumn) {
	for name, ok := s.first(); ok; name, ok = s.more() {
		r.take(s, columns, name, s.value())
	}
}

// size is enough room for the texts of all values.
func (r *row) size() int {
	n := 0
	for _, v := range r.values {
		n += len(v)
	}
	return n
}

// assert says what the row asserts: problem where its email is unusable, err
// where the row cannot be understood.
func (d *Decoder) assert(r *row, key []byte) (assertions []codec.Assertion, problem, err error) {
	if r.values[slotEmail] == nil {
		return nil, nil, fmt.Errorf("the row has no column %q: see the mapping of columns", d.cfg.Mapping.column(slotEmail))
	}
	t := texts{arena: make([]byte, 0, r.size()+len(key)+8)}
	email := t.of(r, slotEmail)
	if t.err != nil {
		return nil, nil, d.columnError(t)
	}
	documentKey, problem := codec.NormalizeEmail(string(email))
	a := make([]codec.Assertion, 1)
	a[0].Key = documentKey
	f := &a[0].Fields
	f.Set(codec.FieldEmail, bytes.TrimSpace(email))
	f.Set(codec.FieldID, t.id(r, key))
	f.Set(codec.FieldPass, d.pass(t.of(r, slotPass)))
	f.Set(codec.FieldName, t.name(r))
	for _, m := range fieldSlots {
		f.Set(m.field, t.of(r, m.slot))
	}
	switch {
	case t.err != nil:
		return nil, nil, d.columnError(t)
	case problem != nil:
		return nil, problem, nil
	}
	return a, nil, nil
}

// fieldSlots are the fields that are a column's text as it is.
var fieldSlots = [...]struct {
	slot  slot
	field codec.Field
}{
	{slotAddress1, codec.FieldAddress1}, {slotAddress2, codec.FieldAddress2}, {slotCity, codec.FieldCity},
	{slotState, codec.FieldState}, {slotZipcode, codec.FieldZipcode}, {slotPhone, codec.FieldPhone},
}

func (d *Decoder) pass(text []byte) []byte {
	if d.cfg.Pass == codec.PassKeep {
		return text
	}
	return []byte(d.cfg.Pass.Apply(string(text)))
}

func (d *Decoder) columnError(t texts) error {
	return fmt.Errorf("column %q %w", d.cfg.Mapping.column(t.at), t.err)
}

// texts writes the texts of a row's columns one behind another into the one
// buffer that the change keeps; the first error sticks.
type texts struct {
	arena []byte
	err   error
	at    slot // where err is
}

// since is what was written from start on, closed to appending.
func (t *texts) since(start int) []byte { return t.arena[start:len(t.arena):len(t.arena)] }

func (t *texts) fail(s slot, err error) {
	if err != nil && t.err == nil {
		t.err, t.at = err, s
	}
}

func (t *texts) of(r *row, s slot) []byte {
	start := len(t.arena)
	var err error
	t.arena, err = appendText(t.arena, r.values[s])
	if string(t.arena[start:]) == unavailable {
		err = errNotThere
	}
	t.fail(s, err)
	return t.since(start)
}

func (t *texts) id(r *row, key []byte) []byte {
	start := len(t.arena)
	var err error
	if v := r.values[slotID]; v != nil && v.kind() != 'n' {
		t.arena, err = appendScalar(t.arena, v)
	} else {
		t.arena, err = appendKeyID(t.arena, key)
	}
	t.fail(slotID, err)
	return t.since(start)
}

// name is the name column, or where that is empty or missing the first and the
// last name, joined by one space.
func (t *texts) name(r *row) []byte {
	if name := bytes.TrimSpace(t.of(r, slotName)); len(name) > 0 {
		return name
	}
	first, last := bytes.TrimSpace(t.of(r, slotFirstName)), bytes.TrimSpace(t.of(r, slotLastName))
	switch {
	case len(first) == 0:
		return last
	case len(last) == 0:
		return first
	}
	start := len(t.arena)
	t.arena = append(t.arena, first...)
	t.arena = append(t.arena, ' ')
	t.arena = append(t.arena, last...)
	return t.since(start)
}
