package subdoc

import (
	"encoding/json"
	"errors"
	"strconv"
)

func splice(doc []byte, cut span, with []byte) []byte {
	return concat(doc[:cut.start], with, doc[cut.end:])
}

func concat(parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	out := make([]byte, 0, size)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// appendChild adds behind the last child of a container.
func appendChild(doc []byte, in span, added []byte) []byte {
	end := in.start + 1
	children(doc, in, func(c child) bool { end = c.whole.end; return true })
	if end > in.start+1 {
		return splice(doc, span{end, end}, concat([]byte{','}, added))
	}
	return splice(doc, span{end, end}, added)
}

func prependChild(doc []byte, in span, added []byte) []byte {
	start := in.start + 1
	if first := skipSpace(doc, start); first < in.end-1 {
		added = concat(added, []byte{','})
	}
	return splice(doc, span{start, start}, added)
}

func array(elements []byte) []byte { return concat([]byte{'['}, elements, []byte{']'}) }

func member(name string, value []byte) []byte {
	quoted, err := json.Marshal(name)
	if err != nil { // a string always marshals
		return nil
	}
	return concat(quoted, []byte{':'}, value)
}

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }
