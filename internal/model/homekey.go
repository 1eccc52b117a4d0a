package model

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// keyForm names the form of a raw key.
func keyForm(key []byte) string {
	switch _, wrapped := keyPayload(key); {
	case checkJSON(key) != nil || kind(key) != '{':
		return "other"
	case wrapped:
		return "wrapped"
	}
	return "bare"
}

// keyPayload of an object with the members schema and payload and no other.
func keyPayload(key []byte) ([]byte, bool) {
	if checkJSON(key) != nil || kind(key) != '{' {
		return nil, false
	}
	schema, payload := false, []byte(nil)
	all := members(key)
	for _, k := range all {
		switch k.name {
		case "schema":
			schema = true
		case "payload":
			payload = k.value
		}
	}
	return payload, len(all) == 2 && schema && payload != nil
}

// keyID is the external id that a raw key holds, as JSON.
func keyID(key []byte) (string, error) {
	if checkJSON(key) != nil {
		if len(bytes.TrimSpace(key)) == 0 || !utf8.Valid(key) {
			return "", errRefused
		}
		return quoteID(string(key)), nil
	}
	if payload, ok := keyPayload(key); ok {
		key = payload
	}
	if kind(key) != '{' {
		return presentID(key)
	}
	parts := members(key)
	if len(parts) == 1 {
		return presentID(parts[0].value)
	}
	var texts []string
	for _, p := range parts {
		t, err := text(p.value)
		if err != nil {
			return "", err
		}
		texts = append(texts, t)
	}
	if len(texts) == 0 {
		return "", errRefused
	}
	return quoteID(strings.Join(texts, "/")), nil
}

func presentID(b []byte) (string, error) {
	if kind(b) == 'n' {
		return "", errRefused
	}
	return scalarID(b)
}

// scalarID is an id with the source's own type: a number verbatim, text in one
// spelling.
func scalarID(b []byte) (string, error) {
	b = bytes.TrimSpace(b)
	if kind(b) != '"' {
		return text(b)
	}
	if bytes.ContainsRune(b, '\\') {
		return quoteID(unquote(b)), nil
	}
	return string(b), nil
}
