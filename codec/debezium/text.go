package debezium

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxNumber bounds the text of a number, in bytes: MySQL's longest has 65 digits.
const maxNumber = 128

var (
	errNoText     = errors.New("is an object or an array, not a value")
	errNotThere   = errors.New("is not in the record (" + unavailable + "): let the server write whole rows (MySQL binlog_row_image=FULL, PostgreSQL REPLICA IDENTITY FULL)")
	errLongNumber = fmt.Errorf("is a number of more than %d bytes", maxNumber)
	errNoInt64    = errors.New("is no integer from 0 to 2^63-1")
)

// unavailable is what connectors write, by default, for a column that the
// server's log does not hold.
const unavailable = "__debezium_unavailable_value"

// unquote returns the text of a JSON string, a slice of it where nothing is
// escaped.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, quoted) // the scanner has accepted it
	return b
}

// appendText appends a scalar as text: strings unquoted, numbers and booleans
// as they are written, nothing for null.
func appendText(dst []byte, v value) ([]byte, error) {
	switch v.kind() {
	case '"':
		if bytes.IndexByte(v, '\\') < 0 {
			return append(dst, v[1:len(v)-1]...), nil
		}
		return jsontext.AppendUnquote(dst, v)
	case '0':
		if len(v) > maxNumber {
			return dst, errLongNumber
		}
		return append(dst, v...), nil
	case 't', 'f':
		return append(dst, v...), nil
	case 'n', 0:
		return dst, nil
	}
	return dst, errNoText
}

// appendScalar appends a scalar as JSON, nothing for null: a number as it is
// written, so that none above 2^53 loses a digit; a string in one spelling
// whatever escapes the source has used.
func appendScalar(dst []byte, v value) ([]byte, error) {
	if v.kind() == '"' && bytes.IndexByte(v, '\\') >= 0 {
		return jsontext.AppendQuote(dst, unquote(v))
	}
	if v.kind() == '"' {
		return append(dst, v...), nil
	}
	return appendText(dst, v)
}

// natural is a JSON integer of 64 bits that is not negative, 0 for null.
func natural(v value) (int64, error) {
	if k := v.kind(); k == 'n' || k == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(v), 10, 63)
	if err != nil {
		return 0, errNoInt64
	}
	return int64(n), nil
}
