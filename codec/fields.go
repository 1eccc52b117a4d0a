package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Field numbers a field that a source can assert. The numbers are the wire
// format of records and tables: never reuse one.
type Field uint8

// The fields of a customer, then those of an order.
const (
	FieldID            Field = 1  // JSON scalar with the source's own type: 1, 1029, "27"
	FieldPass          Field = 2  // after the pass mode has been applied
	FieldName          Field = 3  // first and last name joined by one space
	FieldAddress1      Field = 4  //
	FieldAddress2      Field = 5  //
	FieldCity          Field = 6  //
	FieldState         Field = 7  //
	FieldZipcode       Field = 8  //
	FieldPhone         Field = 9  //
	FieldEmail         Field = 10 // as the source spells it, trimmed
	FieldLoyaltyPoints Field = 11 // the text of the CSV
	FieldOrders        Field = 12 // index of the newest 100 orders and their count, JSON
	FieldBody          Field = 13 // an order's whole document, JSON, compacted
	maxField           Field = 13
)

var fieldNames = [maxField + 1]string{
	FieldID: "id", FieldPass: "pass", FieldName: "name", FieldAddress1: "address1", FieldAddress2: "address2",
	FieldCity: "city", FieldState: "state", FieldZipcode: "zipcode", FieldPhone: "phone", FieldEmail: "email",
	FieldLoyaltyPoints: "loyaltyPoints", FieldOrders: "orders", FieldBody: "body",
}

// String returns the field's name as configuration and documents spell it.
func (f Field) String() string {
	if f <= maxField && fieldNames[f] != "" {
		return fieldNames[f]
	}
	return fmt.Sprintf("field(%d)", uint8(f))
}

// Fields is what one identity asserts about one document: a value, as text or
// JSON, per field. Empty values do not exist: setting one is leaving it out.
type Fields struct {
	values [maxField + 1][]byte
}

// Get returns the field's value, nil where there is none.
func (f *Fields) Get(name Field) []byte { return f.values[name] }

// Set stores a value; an empty one removes the field. The bytes are not copied.
func (f *Fields) Set(name Field, value []byte) {
	if len(value) == 0 {
		value = nil
	}
	f.values[name] = value
}

// SetString is Set for text.
func (f *Fields) SetString(name Field, value string) { f.Set(name, []byte(value)) }

// Append appends the canonical encoding: in the order of the numbers, per
// field present its number (1 byte), the length (uvarint) and the bytes.
func (f *Fields) Append(dst []byte) []byte {
	for n := Field(1); n <= maxField; n++ {
		if v := f.values[n]; v != nil {
			dst = append(dst, byte(n))
			dst = binary.AppendUvarint(dst, uint64(len(v)))
			dst = append(dst, v...)
		}
	}
	return dst
}

var errFields = errors.New("malformed fields")

// Decode sets f to what Append wrote; the values are slices of b.
func (f *Fields) Decode(b []byte) error {
	*f = Fields{}
	last := Field(0)
	for len(b) > 0 {
		n := Field(b[0])
		size, k := binary.Uvarint(b[1:])
		if n <= last || n > maxField || k <= 0 || size == 0 || size > uint64(len(b)-1-k) {
			return errFields
		}
		f.values[n] = b[1+k : 1+k+int(size) : 1+k+int(size)]
		b, last = b[1+k+int(size):], n
	}
	return nil
}

// CheckFields says whether b is what Append writes, as Decode does, and keeps
// nothing of it.
func CheckFields(b []byte) error {
	last := Field(0)
	for len(b) > 0 {
		n := Field(b[0])
		size, k := binary.Uvarint(b[1:])
		if n <= last || n > maxField || k <= 0 || size == 0 || size > uint64(len(b)-1-k) {
			return errFields
		}
		b, last = b[1+k+int(size):], n
	}
	return nil
}
