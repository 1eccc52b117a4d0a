package onlinestore

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// The walks below go over JSON that ParseAnswer has found valid, so they only
// look for where values end.

// eachMember calls member for each member of an object, with the unquoted name.
// what names v in errors.
func eachMember(v jsontext.Value, what string, member func(name []byte, v jsontext.Value) error) error {
	if v.Kind() != '{' {
		return fmt.Errorf("%s is no JSON object", what)
	}
	for i := next(v, 1); v[i] != '}'; i = next(v, i) {
		end := valueEnd(v, i)
		name := unquote(v[i:end])
		i = next(v, end)
		end = valueEnd(v, i)
		if err := member(name, v[i:end:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// eachElement is eachMember for the elements of an array.
func eachElement(v jsontext.Value, what string, element func(v jsontext.Value) error) error {
	if v.Kind() != '[' {
		return fmt.Errorf("%s is no JSON array", what)
	}
	for i := next(v, 1); v[i] != ']'; i = next(v, i) {
		end := valueEnd(v, i)
		if err := element(v[i:end:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// next is where the next value or closing bracket begins.
func next(v []byte, i int) int {
	for {
		switch v[i] {
		case ' ', '\n', '\r', '\t', ',', ':':
			i++
		default:
			return i
		}
	}
}

// valueEnd is where the value that begins at i ends.
func valueEnd(v []byte, i int) int {
	switch v[i] {
	case '"':
		return textEnd(v, i)
	case '{', '[':
		return bracketsEnd(v, i)
	}
	for ; i < len(v); i++ {
		switch v[i] {
		case ' ', '\n', '\r', '\t', ',', ']', '}':
			return i
		}
	}
	return i
}

func textEnd(v []byte, i int) int {
	for i++; v[i] != '"'; i++ {
		if v[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func bracketsEnd(v []byte, i int) int {
	for depth := 0; ; {
		switch v[i] {
		case '"':
			i = textEnd(v, i)
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
}

// once is a member that must not be there twice, in whatever case.
type once struct{ v jsontext.Value }

var errTwice = errors.New("a member is there twice, in PascalCase and in camelCase")

func (o *once) set(v jsontext.Value) error {
	if o.v != nil {
		return errTwice
	}
	o.v = v
	return nil
}

// is tells whether a member has the name, in PascalCase or camelCase.
func is(member []byte, pascal string) bool {
	return len(member) == len(pascal) && member[0]|0x20 == pascal[0]|0x20 && string(member[1:]) == pascal[1:]
}

// unquote returns the text of a JSON string, a slice of it where nothing is
// escaped.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has accepted it
	return b
}
