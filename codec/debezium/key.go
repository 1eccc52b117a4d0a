package debezium

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Forms of a Kafka key.
const (
	KeyBare    = "bare"    // {"id":1}: a JSON converter without schemas
	KeyWrapped = "wrapped" // {"schema":…,"payload":{"id":1}}: with schemas
	KeyOther   = "other"   // anything else: a string, a number, no JSON

	// KeyRegistry begins the form of a key in a schema registry's format (Avro);
	// the schema's id follows.
	KeyRegistry = "Avro, schema "
)

// KeyForm names the form of a key. rekey pins the first one that it sees:
// another form of the same row's key hashes to another partition, so the row's
// state would be split.
func KeyForm(key []byte) string {
	if isRegistry(key) {
		return registryForm(key)
	}
	s := newScanner(key)
	v := s.value()
	if s.end() != nil || v.kind() != '{' {
		return KeyOther
	}
	if _, ok := unwrap(v); ok {
		return KeyWrapped
	}
	return KeyBare
}

// unwrap returns the payload of a valid object that has exactly the members
// schema and payload.
func unwrap(v value) (payload value, ok bool) {
	members, schema := 0, false
	s := scanner{b: v}
	for name, ok := s.first(); ok; name, ok = s.more() {
		members++
		m := s.value()
		switch string(name) {
		case "schema":
			schema = true
		case "payload":
			payload = m
		}
	}
	return payload, members == 2 && schema && payload != nil
}

var errKeyHasNoID = errors.New("is not in the row, and the Kafka key holds no id")

// appendKeyID appends the id that a Kafka key holds, as a JSON scalar: its only
// member, or as one string all members joined by "/"; of a key that is no
// object the key itself, as text where it is no JSON.
func appendKeyID(dst, key []byte) ([]byte, error) {
	s := newScanner(key)
	v := s.value()
	if s.end() != nil {
		if len(bytes.TrimSpace(key)) == 0 {
			return dst, errKeyHasNoID
		}
		return jsontext.AppendQuote(dst, key)
	}
	if v.kind() != '{' {
		return appendPresent(dst, v)
	}
	if payload, ok := unwrap(v); ok {
		v = payload
	}
	if v.kind() != '{' {
		return appendPresent(dst, v)
	}
	return appendMembers(dst, v)
}

// appendPresent is appendScalar for a value that must not be null.
func appendPresent(dst []byte, v value) ([]byte, error) {
	if v.kind() == 'n' {
		return dst, errKeyHasNoID
	}
	return appendScalar(dst, v)
}

func appendMembers(dst []byte, object value) ([]byte, error) {
	var members []value
	s := scanner{b: object}
	for _, ok := s.first(); ok; _, ok = s.more() {
		members = append(members, s.value())
	}
	switch len(members) {
	case 0:
		return dst, errKeyHasNoID
	case 1:
		return appendPresent(dst, members[0])
	}
	var text []byte
	for i, m := range members {
		if i > 0 {
			text = append(text, '/')
		}
		var err error
		if text, err = appendText(text, m); err != nil {
			return dst, err
		}
	}
	return jsontext.AppendQuote(dst, text)
}
