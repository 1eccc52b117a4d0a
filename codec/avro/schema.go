package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hamba/avro/v2"
)

// Schema reads the values that were written with it. It is safe for concurrent
// use.
type Schema struct{ root *node }

// maxScale bounds the digits that a decimal's scale adds; MySQL's largest is 30.
const maxScale = 1000

// connectDecimal is the name of Connect's decimals, which say their scale also
// where Avro's own logical type does not hold.
const connectDecimal = "org.apache.kafka.connect.data.Decimal"

// nameRules switches hamba's check of names off, once: a registry only holds
// schemas that Java has accepted, and Java takes letters beyond ASCII.
var nameRules = sync.OnceFunc(func() { avro.SkipNameValidation = true })

// Parse reads a schema as a registry holds it (JSON text).
func Parse(schema string) (*Schema, error) {
	nameRules()
	root, err := parse(schema)
	if err != nil {
		text := err.Error()
		if len(text) > longestError { // hamba repeats what it does not understand
			text = strings.ToValidUTF8(text[:longestError], "") + " ..."
		}
		return nil, fmt.Errorf("the Avro schema: %s", text)
	}
	return &Schema{root}, nil
}

const longestError = 300

func parse(schema string) (*node, error) {
	text, err := withoutDefaults(schema)
	if err != nil {
		return nil, err
	}
	// A cache of its own: versions of a schema share their names.
	parsed, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, err
	}
	c := compiler{named: map[string]*node{}}
	return c.compile(parsed, 0)
}

// withoutDefaults takes the fields' defaults out: a value holds all fields of
// the schema that it was written with, and parsers disagree on which defaults
// are right.
func withoutDefaults(schema string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(schema)))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, errors.New("no JSON")
	}
	if d.More() {
		return nil, errors.New("something follows the JSON")
	}
	strip(tree)
	return json.Marshal(tree)
}

func strip(tree any) {
	switch t := tree.(type) {
	case []any:
		for _, item := range t {
			strip(item)
		}
	case map[string]any:
		fields, _ := t["fields"].([]any)
		for _, f := range fields {
			if field, ok := f.(map[string]any); ok {
				delete(field, "default")
			}
		}
		if t["type"] == "enum" {
			delete(t, "default")
		}
		for _, key := range []string{"type", "fields", "items", "values"} {
			strip(t[key])
		}
	}
}

// node is one type of a schema.
type node struct {
	kind    avro.Type
	name    string   // of a named type, for errors
	members []member // record
	types   []*node  // union: its branches; array, map: the one type of the items
	symbols [][]byte // enum, quoted
	size    int      // fixed, bytes
	decimal bool     // bytes, fixed
	scale   int      // of a decimal
}

type member struct {
	name  string
	start []byte // the quoted name and a colon
	of    *node
}

type compiler struct{ named map[string]*node }

// compile bounds how deep types nest by maxDepth, as it is for values.
func (c *compiler) compile(s avro.Schema, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("types nest more than %d deep", maxDepth)
	}
	if ref, ok := s.(*avro.RefSchema); ok {
		s = ref.Schema()
	}
	n := &node{kind: s.Type()}
	if named, ok := s.(avro.NamedSchema); ok {
		if known := c.named[named.FullName()]; known != nil {
			return known, nil
		}
		n.name = named.FullName()
		c.named[n.name] = n
	}
	return n, c.fill(n, s, depth)
}

func (c *compiler) fill(n *node, s avro.Schema, depth int) error {
	var inner []avro.Schema
	switch s := s.(type) {
	case *avro.RecordSchema:
		return c.record(n, s, depth)
	case *avro.UnionSchema:
		inner = s.Types()
	case *avro.ArraySchema:
		inner = []avro.Schema{s.Items()}
	case *avro.MapSchema:
		inner = []avro.Schema{s.Values()}
	case *avro.EnumSchema:
		for _, symbol := range s.Symbols() {
			quoted, err := jsontext.AppendQuote(nil, symbol)
			if err != nil {
				return fmt.Errorf("enum %s: a symbol is no UTF-8", s.FullName())
			}
			n.symbols = append(n.symbols, quoted)
		}
	case *avro.FixedSchema:
		n.size = s.Size()
		return n.setDecimal(s.Logical(), s.Prop)
	case *avro.PrimitiveSchema:
		if n.kind == avro.Bytes {
			return n.setDecimal(s.Logical(), s.Prop)
		}
	case *avro.NullSchema:
	default:
		return fmt.Errorf("an unknown type %s", s.Type())
	}
	for _, i := range inner {
		of, err := c.compile(i, depth+1)
		if err != nil {
			return err
		}
		n.types = append(n.types, of)
	}
	return nil
}

func (c *compiler) record(n *node, s *avro.RecordSchema, depth int) error {
	for _, f := range s.Fields() {
		start, err := jsontext.AppendQuote(nil, f.Name())
		if err != nil {
			return fmt.Errorf("record %s: a field's name is no UTF-8", s.FullName())
		}
		of, err := c.compile(f.Type(), depth+1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{f.Name(), append(start, ':'), of})
	}
	return nil
}

// setDecimal finds the scale where the bytes are a decimal's.
func (n *node) setDecimal(logical avro.LogicalSchema, prop func(string) any) error {
	if d, ok := logical.(*avro.DecimalLogicalSchema); ok {
		n.decimal, n.scale = true, d.Scale()
	} else if prop("connect.name") == connectDecimal || prop("logicalType") == string(avro.Decimal) {
		switch scale := prop("scale").(type) {
		case float64:
			n.decimal, n.scale = true, int(scale)
		case nil:
			n.decimal = true
		}
	}
	if n.decimal && (n.scale < 0 || n.scale > maxScale) {
		return fmt.Errorf("a decimal's scale is %d: from 0 to %d can be read", n.scale, maxScale)
	}
	return nil
}
