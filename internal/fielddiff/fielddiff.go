// Package fielddiff says in which fields two versions of a document differ, with
// secrets masked.
//
// Fields of a customer are type, profile.<member>, xrefs and pass (the references
// are the same, a pass is not); of any other document (an order) they are its
// members. A document that is no JSON object has one field, body. Two that mean
// the same in other bytes differ in bytes.
package fielddiff

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"customer360/codec"
	"customer360/internal/deadletters"
)

// Change is a field that differs. Before and After are its JSON, shortened and
// masked; "" where it is not there. Of pass both only say that it is there.
type Change struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Names of fields that are no member of a document.
const (
	Pass  = "pass"
	Xrefs = "xrefs"
	Body  = "body"
	Bytes = "bytes"
)

const hidden = "********"

type object = map[string]json.RawMessage

// Compare lists the fields that differ, in the order of their names; none for
// equal bytes.
func Compare(key string, before, after []byte) []Change {
	if bytes.Equal(before, after) {
		return nil
	}
	var a, b object
	if json.Unmarshal(before, &a) != nil || json.Unmarshal(after, &b) != nil || a == nil || b == nil {
		return []Change{{Field: Body}}
	}
	var changes []Change
	if codec.IsOrderKey(key) {
		changes = members("", a, b, nil)
	} else {
		changes = customer(a, b)
	}
	if len(changes) == 0 {
		return []Change{{Field: Bytes}}
	}
	slices.SortFunc(changes, func(x, y Change) int { return strings.Compare(x.Field, y.Field) })
	return changes
}

// customer looks into profile and xrefs.
func customer(a, b object) []Change {
	changes := members("", a, b, []string{"profile", "xrefs"})
	var pa, pb object
	if unmarshal(a["profile"], &pa) && unmarshal(b["profile"], &pb) {
		changes = append(changes, members("profile.", pa, pb, nil)...)
	} else if c, ok := member("profile", "profile", a, b); ok {
		changes = append(changes, c)
	}
	if same(a["xrefs"], b["xrefs"]) {
		return changes
	}
	xa, passA, okA := references(a["xrefs"])
	xb, passB, okB := references(b["xrefs"])
	if !okA || !okB || !slices.Equal(xa, xb) {
		changes = append(changes, Change{Xrefs, list(xa, okA), list(xb, okB)})
	}
	for _, at := range slices.Sorted(maps.Keys(passA)) {
		if other, ok := passB[at]; ok && !same(passA[at], other) {
			changes = append(changes, Change{Pass, secret(passA[at]), secret(other)})
			break
		}
	}
	return changes
}

// unmarshal is true for a member that is an object or not there.
func unmarshal(raw json.RawMessage, into *object) bool {
	return raw == nil || json.Unmarshal(raw, into) == nil
}

// references are the xrefs without their passes, and the passes beside them.
func references(raw json.RawMessage) (refs []string, passes map[string]json.RawMessage, ok bool) {
	if raw == nil {
		return nil, nil, true
	}
	var items []object
	if json.Unmarshal(raw, &items) != nil {
		return nil, nil, false
	}
	passes = map[string]json.RawMessage{}
	for _, item := range items {
		pass := item["pass"]
		delete(item, "pass")
		text, err := json.Marshal(item)
		if err != nil {
			return nil, nil, false
		}
		refs = append(refs, string(text))
		passes[string(text)] = pass
	}
	return refs, passes, true
}

// list shows references; what is none is not shown, since it may hold a pass.
func list(refs []string, ok bool) string {
	switch {
	case !ok:
		return hidden
	case refs == nil:
		return ""
	}
	return show("", []byte("["+strings.Join(refs, ",")+"]"))
}

func secret(pass json.RawMessage) string {
	if pass == nil {
		return ""
	}
	return hidden
}

// members compares the members of two objects, but for some.
func members(prefix string, a, b object, without []string) (changes []Change) {
	union := object{}
	maps.Copy(union, a)
	maps.Copy(union, b)
	for _, name := range slices.Sorted(maps.Keys(union)) {
		if slices.Contains(without, name) {
			continue
		}
		if c, ok := member(prefix+name, name, a, b); ok {
			changes = append(changes, c)
		}
	}
	return changes
}

func member(field, name string, a, b object) (Change, bool) {
	if same(a[name], b[name]) {
		return Change{}, false
	}
	return Change{field, show(name, a[name]), show(name, b[name])}, true
}

// same compares two values by what they mean: numbers by their text.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	return bytes.Equal(canonical(a), canonical(b))
}

func canonical(raw json.RawMessage) []byte {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return raw
	}
	text, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return text
}

// longest is how much of a value is shown.
const longest = 200

func show(name string, value []byte) string {
	if value == nil {
		return ""
	}
	text := deadletters.MaskHeader(name, value)
	if len(text) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}
