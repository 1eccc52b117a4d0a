package subdoc

import (
	"bytes"
	"encoding/json"
)

// span is a range of a document's bytes.
type span struct{ start, end int }

func (s span) of(doc []byte) []byte { return doc[s.start:s.end] }

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the offset behind the string that begins at i.
func skipString(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(doc)
}

// skipValue returns the offset behind the value that begins at i. It counts
// brackets instead of descending: a document may be nested deeply.
func skipValue(doc []byte, i int) int {
	if i >= len(doc) {
		return len(doc)
	}
	switch doc[i] {
	case '"':
		return skipString(doc, i)
	case '{', '[':
		return skipContainer(doc, i)
	}
	for i < len(doc) {
		switch doc[i] {
		case ',', '}', ']', ':', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

func skipContainer(doc []byte, i int) int {
	for depth := 0; i < len(doc); {
		switch doc[i] {
		case '"':
			i = skipString(doc, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(doc)
}

// root is the document without the space around it.
func root(doc []byte) span {
	start := skipSpace(doc, 0)
	return span{start, skipValue(doc, start)}
}

// child is a member of an object or an element of an array.
type child struct {
	name  []byte // quoted, as it stands; nil in an array
	whole span   // name and value
	value span
	comma int // offset of the comma before it, -1 for the first
}

// children calls yield for each child of the container at in.start, until it says no.
func children(doc []byte, in span, yield func(child) bool) {
	object := doc[in.start] == '{'
	comma := -1
	for i := in.start + 1; ; {
		i = skipSpace(doc, i)
		if i >= in.end-1 {
			return
		}
		c := child{comma: comma}
		c.whole.start = i
		if object {
			end := skipString(doc, i)
			c.name = doc[i:end]
			i = skipSpace(doc, end)
			if i >= in.end-1 {
				return
			}
			i = skipSpace(doc, i+1) // the colon
		}
		c.value = span{i, skipValue(doc, i)}
		c.whole.end = c.value.end
		if c.value.end <= c.value.start || c.value.end >= in.end || !yield(c) {
			return
		}
		i = skipSpace(doc, c.value.end)
		if i >= in.end-1 || doc[i] != ',' {
			return
		}
		comma = i
		i++
	}
}

// named tells whether a quoted name of a document is the plain name.
func named(quoted []byte, name string) bool {
	if len(quoted) < 2 {
		return false
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	var plain string
	return json.Unmarshal(quoted, &plain) == nil && plain == name
}
