package debezium

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Forms of a Kafka key.
const (
	KeyBare    = "bare"    // {"id":1}: a JSON converter without schemas
	KeyWrapped = "wrapped" // {"schema":…,"payload":{"id":1}}: with schemas
	KeyOther   = "other"   // anything else: a string, a number, Avro, no JSON
)

// KeyForm names the form of a key. rekey pins the first one that it sees:
// another form of the same row's key hashes to another partition, so the row's
// state would be split.
func KeyForm(key []byte) string {
	d := jsontext.NewDecoder(bytes.NewBuffer(key))
	if d.PeekKind() != '{' {
		return KeyOther
	}
	members, schema, payload := 0, false, false
	if _, err := d.ReadToken(); err != nil {
		return KeyOther
	}
	for ; d.PeekKind() == '"'; members++ {
		name, err := d.ReadValue()
		if err != nil {
			return KeyOther
		}
		schema = schema || string(name) == `"schema"`
		payload = payload || string(name) == `"payload"`
		if d.SkipValue() != nil {
			return KeyOther
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return KeyOther
	}
	if members == 2 && schema && payload {
		return KeyWrapped
	}
	return KeyBare
}
