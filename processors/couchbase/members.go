package couchbase

import (
	"bytes"

	"github.com/couchbase/gocbcore/v10/memd"

	"github.com/couchbase/gocbcore/v10"
)

// The server takes 16 operations in one request, the fence is one of them; it
// parses values to a depth of 32.
const (
	maxMembers   = 15
	usualMembers = 4 // a customer's document has 3
	maxDepth     = 24
)

// parts are the members of a body once somebody has asked for them: to plan a
// step needs them, and so does every try of it.
type parts struct {
	cut bool
	ops []gocbcore.SubDocOp
}

// members of the body, as members finds them; not to be written into.
func (m mutation) members() []gocbcore.SubDocOp {
	if m.parts == nil {
		return members(m.body)
	}
	if !m.parts.cut {
		m.parts.cut, m.parts.ops = true, members(m.body)
	}
	return m.parts.ops
}

// insertable says whether the body can be put together by insert.
func (m mutation) insertable() bool { return m.members() != nil }

// members are the operations that make the body of an empty object, byte for
// byte: the server appends each member behind those that are there, its name in
// quotes, a colon, the value as it was sent. Nil for bodies that do not come out
// the same: no object, none or too many members, a name that is no plain path or
// stands there twice, space around the outermost tokens, too deep.
func members(body []byte) []gocbcore.SubDocOp {
	if len(body) < 2 || body[0] != '{' {
		return nil
	}
	ops := make([]gocbcore.SubDocOp, 0, usualMembers)
	for at := 1; len(ops) < maxMembers; {
		name := plainName(body[at:])
		if name == "" {
			return nil
		}
		for _, other := range ops {
			if other.Path == name {
				return nil
			}
		}
		at += len(name) + 2
		if at == len(body) || body[at] != ':' {
			return nil
		}
		at++
		n := valueLength(body[at:])
		if n == 0 {
			return nil
		}
		ops = append(ops, gocbcore.SubDocOp{Op: memd.SubDocOpDictAdd, Path: name, Value: body[at : at+n : at+n]})
		if at += n; body[at] == '}' {
			if at != len(body)-1 {
				return nil
			}
			return ops
		}
		at++
	}
	return nil
}

// plainName is the name in quotes at the beginning, if it is a path that means
// itself.
func plainName(b []byte) string {
	if len(b) < 2 || b[0] != '"' {
		return ""
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 1 || end > 64 {
		return ""
	}
	for _, c := range b[1 : 1+end] {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return ""
		}
	}
	return string(b[1 : 1+end])
}

// valueLength is where the value at the beginning ends: at the comma or brace
// behind it. 0: space around it, or too deep.
func valueLength(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return 0
			}
		case ' ', '\t', '\n', '\r':
			if depth == 0 {
				return 0
			}
		case ',', '}', ']':
			if depth == 0 {
				return i
			}
			if b[i] != ',' {
				depth--
			}
		}
	}
	return 0
}
