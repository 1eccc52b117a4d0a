package debezium

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	hamba "github.com/hamba/avro/v2"

	"customer360/codec"
	"customer360/codec/avro"
)

// schemas is a registry in memory.
type schemas map[uint32]*avro.Schema

func (s schemas) JSON(wire []byte, _ time.Time) ([]byte, error) {
	schema := s[binary.BigEndian.Uint32(wire[1:])]
	if schema == nil {
		return nil, errors.New("no schema")
	}
	return schema.AppendJSON(nil, wire[5:])
}

func registryTexts(t testing.TB) (texts map[uint32]json.RawMessage) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "avro", "schemas.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

func registry(t testing.TB) schemas {
	t.Helper()
	all := schemas{}
	for id, text := range registryTexts(t) {
		s, err := avro.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		all[id] = s
	}
	return all
}

// binaryCapture reads captures whose keys and values are in base64.
func binaryCapture(t testing.TB, name string) (records []codec.Raw) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "avro", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var c struct {
			Partition  int32
			Offset     int64
			Key, Value []byte
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		records = append(records, codec.Raw{Topic: "dbserver1.inventory.customers", Partition: c.Partition, Offset: c.Offset, Key: c.Key, Value: c.Value})
	}
	if len(records) == 0 {
		t.Fatal("no records in", name)
	}
	return records
}

// finalRows is the table at the end, as the log has it: of rows that no
// statement touched since the ALTER TABLE it knows no city, and both converters
// write the column's default for row 4001's NULL.
var finalRows = []string{
	"ann@x.org: id=1006 name=Ann Über email=ann@x.org",
	"annek@noanswer.org: id=1004 name=Dup Kretchmar email=annek@noanswer.org",
	"ed@x.org: id=1002 name=George Bailey city=Kraków email=ed@x.org",
	"george@x.org: id=2003 name=Edward Walker email=george@x.org",
	"matthew.groves@example.com: id=1005 name=matthew groves email=matthew.groves@example.com",
	"sally3@acme.com: id=1001 name=Sally Replaced email=sally3@acme.com",
	`zoe@x.org: id=4001 name=Zoë 😀 O'Neil\ city=Columbus phone=+1 555 email=zoe@x.org`,
}

func avroDecoder(t testing.TB) *Decoder {
	return newDecoder(t, func(c *Config) {
		c.Registry, c.Mapping.Columns = registry(t), map[string]string{"phone": "phone"}
	})
}

// TestAvroSaysWhatJSONSays: five connectors read one binlog; whatever key and
// value come as, each row has the same changes at the same positions.
func TestAvroSaysWhatJSONSays(t *testing.T) {
	changes := func(name string) map[string][]string {
		d, told := avroDecoder(t), map[string][]string{}
		b := newTable(d)
		for i, raw := range binaryCapture(t, name) {
			c, err := d.Decode(&raw)
			if err != nil || c.Ignored != "" {
				t.Fatalf("%s, record %d: ignored %q, %v", name, i, c.Ignored, err)
			}
			plain, err := d.Transcode(&raw)
			if err != nil {
				t.Fatal(err)
			}
			var e event
			if err := e.decode(c.Position); err != nil {
				t.Fatal(err)
			}
			if e.snapshot { // the snapshots were taken at two times
				e.at, e.time = place{}, 0
			}
			says := fmt.Sprint(e)
			for _, a := range c.Assertions {
				says += " " + showAssertion(a)
			}
			told[string(plain.Key)] = append(told[string(plain.Key)], says)
			if accepted, err := b.apply(&raw); err != nil || !accepted {
				t.Errorf("%s, record %d: accepted %t, %v", name, i, accepted, err)
			}
		}
		if got := b.show(); !slices.Equal(got, finalRows) {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
		}
		return told
	}
	want := changes("customers.json")
	for _, name := range []string{"customers.avro", "customers.avro-key", "customers.avro-value"} {
		if got := changes(name); !reflect.DeepEqual(got, want) || len(want) != 10 {
			t.Errorf("%s:\n%v\nwant\n%v", name, got, want)
		}
	}
}

func TestFlatAvro(t *testing.T) {
	b := newTable(avroDecoder(t))
	for i, raw := range binaryCapture(t, "customers.flat") {
		if _, err := b.apply(&raw); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if got := b.show(); !slices.Equal(got, finalRows) {
		t.Error(strings.Join(got, "\n"))
	}
}

func TestAvroDDL(t *testing.T) {
	d := avroDecoder(t)
	for i, raw := range binaryCapture(t, "ddl.avro") {
		if c, err := d.Decode(&raw); err != nil || c.Ignored != IgnoredDDL {
			t.Errorf("record %d: %q, %v", i, c.Ignored, err)
		}
	}
}

// TestCapturesAsAvro encodes the captures of JSON by hamba/avro, with the
// schemas that Debezium registers, and expects the changes of the JSON.
func TestCapturesAsAvro(t *testing.T) {
	texts := registryTexts(t)
	// Envelope and key of the first table, and the column of the older captures.
	value := strings.Replace(string(texts[8]), `{"name":"email","type":"string"}`,
		`{"name":"email","type":"string"},{"name":"phone","type":["null","string"],"default":null}`, 1)
	key := string(texts[6])
	if !strings.Contains(value, "phone") || !strings.Contains(value, ".Envelope") || !strings.Contains(key, `"Key"`) {
		t.Fatalf("other schemas:\n%s\n%s", value, key)
	}
	keys, values := parsed(t, key), parsed(t, value)
	s := schemas{}
	for id, text := range map[uint32]string{6: key, 8: value} {
		schema, err := avro.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s[id] = schema
	}
	plain, coded := newDecoder(t, nil), newDecoder(t, func(c *Config) { c.Registry = s })
	for _, name := range []string{"noschema.all.jsonl", "noschema.pk-change.jsonl", "noschema.delete-tombstone.jsonl"} {
		for i, raw := range capture(t, name) {
			want, err := plain.Decode(&raw)
			if err != nil {
				t.Fatal(err)
			}
			for form := range 4 { // key and value on their own
				other := raw
				if form&1 != 0 {
					other.Key = encoded(t, 6, keys, raw.Key)
				}
				if form&2 != 0 && raw.Value != nil {
					other.Value = encoded(t, 8, values, raw.Value)
				}
				if got, err := coded.Decode(&other); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, record %d, form %d: %v, %v; want %v", name, i, form, got, err, want)
				}
			}
		}
	}
}

func parsed(t testing.TB, schema string) hamba.Schema {
	t.Helper()
	s, err := hamba.ParseWithCache(schema, "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// encoded is JSON as Avro in the wire format.
func encoded(t testing.TB, id uint32, s hamba.Schema, text []byte) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	b, err := hamba.Marshal(s, native(t, s, tree))
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), b...)
}

// native is JSON as the Go values that hamba/avro encodes with a schema.
func native(t testing.TB, s hamba.Schema, v any) any {
	if ref, ok := s.(*hamba.RefSchema); ok {
		s = ref.Schema()
	}
	switch s := s.(type) {
	case *hamba.RecordSchema:
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%v is no record %s", v, s.FullName())
		}
		m := map[string]any{}
		for _, f := range s.Fields() {
			m[f.Name()] = native(t, f.Type(), object[f.Name()])
		}
		return m
	case *hamba.UnionSchema:
		for _, branch := range s.Types() {
			if (branch.Type() == hamba.Null) == (v == nil) {
				name := string(branch.Type())
				if ref, ok := branch.(*hamba.RefSchema); ok {
					name = ref.Schema().FullName()
				} else if named, ok := branch.(hamba.NamedSchema); ok {
					name = named.FullName()
				}
				if v == nil {
					return nil
				}
				return map[string]any{name: native(t, branch, v)}
			}
		}
	case *hamba.PrimitiveSchema:
		number, ok := v.(json.Number)
		if !ok {
			return v
		}
		n, err := number.Int64()
		if err != nil {
			t.Fatal(err)
		}
		if s.Type() == hamba.Int {
			return int(n)
		}
		return n
	}
	t.Fatalf("%T of %v is not in the captures", s, v)
	return nil
}

// refusing is a registry that has an error for everything.
type refusing struct{ error }

func (r refusing) JSON([]byte, time.Time) ([]byte, error) { return nil, r.error }

func TestRegistryErrors(t *testing.T) {
	wire := []byte("\x00\x00\x00\x00\x07x")
	for _, err := range []error{codec.ErrLater, codec.ErrHalt, errors.New("unreadable")} {
		d := newDecoder(t, func(c *Config) { c.Registry = refusing{err} })
		for _, raw := range []codec.Raw{{Key: wire}, {Key: []byte(key1), Value: wire}} {
			if _, got := d.Decode(&raw); !errors.Is(got, err) {
				t.Errorf("%v, want %v", got, err)
			}
			if _, got := d.Transcode(&raw); !errors.Is(got, err) {
				t.Errorf("%v, want %v", got, err)
			}
		}
		if raw := record(key1, `null`); true {
			if same, err := d.Transcode(raw); err != nil || same != raw {
				t.Errorf("JSON is not left alone: %v", err)
			}
		}
	}
}

func TestKeyFormOfAvro(t *testing.T) {
	for key, want := range map[string]string{"\x00\x00\x00\x01\x02\x08": "Avro, schema 258", "\x00\x00\x00\x00\x07": "Avro, schema 7", "\x00\x01": KeyOther} {
		if got := KeyForm([]byte(key)); got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
}

func TestFingerprintOfAvro(t *testing.T) {
	none, avro := newDecoder(t, nil).Fingerprint(), newDecoder(t, func(c *Config) { c.Registry = refusing{} }).Fingerprint()
	if avro != none+" registry=1" {
		t.Errorf("%s\n%s", none, avro)
	}
}
