package subdoc

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Canonical writes valid JSON without space and with the names of every object
// in order, as the engine writes xattrs (not bodies). Numbers and strings keep their text.
func Canonical(doc []byte) []byte {
	return appendCanonical(make([]byte, 0, len(doc)), doc, root(doc), 0)
}

// maxNesting keeps the recursion bounded; what is deeper is copied as it stands.
const maxNesting = 1000

func appendCanonical(out, doc []byte, v span, depth int) []byte {
	if v.start >= v.end || !isContainer(doc, v) || depth > maxNesting {
		return append(out, v.of(doc)...)
	}
	var all []child
	children(doc, v, func(c child) bool { all = append(all, c); return true })
	object := doc[v.start] == '{'
	if object && len(all) > 1 {
		slices.SortStableFunc(all, func(a, b child) int { return bytes.Compare(plain(a.name), plain(b.name)) })
	}
	out = append(out, doc[v.start])
	for i, c := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if object {
			out = append(append(out, c.name...), ':')
		}
		out = appendCanonical(out, doc, c.value, depth+1)
	}
	return append(out, doc[v.end-1])
}

func plain(quoted []byte) []byte {
	var s string
	if len(quoted) < 2 {
		return quoted
	}
	if bytes.IndexByte(quoted, '\\') < 0 || json.Unmarshal(quoted, &s) != nil {
		return quoted[1 : len(quoted)-1]
	}
	return []byte(s)
}
