package avro

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// captures are records of Debezium 3.3.0 on MariaDB, by Apicurio's
// AvroConverter in Confluent's wire format; see the README beside them.
const captures = "../debezium/testdata/avro"

type captured struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

func capture(t testing.TB, name string) (records []captured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(captures, name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var c captured
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		records = append(records, c)
	}
	return records
}

func capturedSchemas(t testing.TB) map[uint32]*Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(captures, "schemas.json"))
	if err != nil {
		t.Fatal(err)
	}
	var texts map[uint32]json.RawMessage
	if err := json.Unmarshal(text, &texts); err != nil {
		t.Fatal(err)
	}
	schemas := map[uint32]*Schema{}
	for id, text := range texts {
		if schemas[id], err = Parse(string(text)); err != nil {
			t.Fatalf("schema %d: %v", id, err)
		}
	}
	return schemas
}

// times are what two connectors say differently about one event.
var times = regexp.MustCompile(`"ts_(ms|us|ns)":\d+|dbserver[12]`)

// smallDecimal is the one number that Java writes with an exponent and we do
// not: of a decimal with 30 digits behind the point.
var smallDecimal = strings.NewReplacer(" -1E-30 ", " -0.000000000000000000000000000001 ")

// TestJSONConverter holds the JSON to what Connect's JsonConverter wrote about
// the same events: numbers digit by digit, members in the same order.
func TestJSONConverter(t *testing.T) {
	schemas := capturedSchemas(t)
	plain := func(b []byte) string {
		if b == nil {
			return "(null)"
		}
		got, err := schemas[binary.BigEndian.Uint32(b[1:])].AppendJSON(nil, b[5:])
		if err != nil {
			t.Error(err)
		}
		return canonical(got)
	}
	for topic, records := range map[string]int{"customers": 26, "kinds": 6, "ddl": 9} {
		n, got, want := 0, map[string][]string{}, map[string][]string{} // per key: partitions differ
		for _, c := range capture(t, topic+".avro.jsonl") {
			got[plain(c.Key)] = append(got[plain(c.Key)], plain(c.Value))
			n++
		}
		for _, c := range capture(t, topic+".json.jsonl") {
			key, value := canonical(c.Key), "(null)"
			if c.Value != nil {
				value = smallDecimal.Replace(canonical(c.Value))
			}
			want[key] = append(want[key], value)
		}
		if n != records || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d records\n%s\nwant\n%s", topic, n, got, want)
		}
	}
}

// canonical has one spelling of each text, and keeps order and numbers.
func canonical(b []byte) string {
	d := json.NewDecoder(bytes.NewReader(times.ReplaceAll(b, []byte(`"t":0`))))
	d.UseNumber()
	var out strings.Builder
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		if text, ok := token.(string); ok {
			token = strconv.Quote(text)
		}
		fmt.Fprint(&out, token, " ")
	}
	return out.String()
}

func zigzag(n int64) []byte { return binary.AppendVarint(nil, n) }

func textOf(s string) []byte { return append(zigzag(int64(len(s))), s...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func double(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }

func TestValues(t *testing.T) {
	const decimal = `{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`
	const list = `{"type":"record","name":"L","fields":[{"name":"n","type":"int"},{"name":"next","type":["null","L"]}]}`
	for _, c := range []struct {
		schema string
		value  []byte
		want   string
	}{
		{`"null"`, nil, `null`},
		{`"boolean"`, []byte{1}, `true`},
		{`"int"`, zigzag(math.MinInt32), `-2147483648`},
		{`"long"`, zigzag(math.MaxInt64), `9223372036854775807`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, zigzag(1), `1`},
		{`{"type":"int","connect.name":"io.debezium.time.Date","logicalType":"date"}`, zigzag(20783), `20783`},
		{`"string"`, textOf("Zoë \"q\"\n"), `"Zoë \"q\"\n"`},
		{`"bytes"`, append(zigzag(3), 0, 255, 16), `"AP8Q"`},
		{`{"type":"fixed","name":"F","size":2}`, []byte{1, 2}, `"AQI="`},
		{`{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}`, zigzag(1), `"B"`},
		{`["string","null"]`, append(zigzag(0), textOf("x")...), `"x"`},
		{`["null",{"type":"array","items":"long"}]`, join(zigzag(1), zigzag(2), zigzag(7), zigzag(8), zigzag(-1), zigzag(1), zigzag(9), zigzag(0)), `[7,8,9]`},
		{`{"type":"map","values":"boolean"}`, join(zigzag(1), textOf("k"), []byte{0}, zigzag(0)), `{"k":false}`},
		{list, join(zigzag(1), zigzag(1), zigzag(2), zigzag(0)), `{"n":1,"next":{"n":2,"next":null}}`},
		{`{"type":"record","name":"größe.Maß","fields":[{"name":"straße","type":"int"}]}`, zigzag(3), `{"straße":3}`},
		{decimal, append(zigzag(2), 0x04, 0xd2), `12.34`},
		{decimal, append(zigzag(1), 0xff), `-0.01`},
		{decimal, append(zigzag(2), 0x80, 0x00), `-327.68`},
		{decimal, zigzag(0), `0.00`},
		{`{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal","scale":3}`, append(zigzag(1), 5), `0.005`},
		{`{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4,"scale":0}`, []byte{0x04, 0xd2}, `1234`},
		{`"double"`, double(1), `1.0`}, {`"double"`, double(0.001), `0.001`}, {`"double"`, double(1e7), `1.0E7`},
		{`"double"`, double(-1.25e-5), `-1.25E-5`}, {`"double"`, double(9999999.5), `9999999.5`}, {`"double"`, double(0), `0.0`},
		{`"double"`, double(math.NaN()), `"NaN"`}, {`"double"`, double(math.Inf(-1)), `"-Infinity"`},
		{`"float"`, binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.1)), `0.1`},
	} {
		s, err := Parse(c.schema)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		got, err := s.AppendJSON([]byte("before "), c.value)
		if err != nil || string(got) != "before "+c.want {
			t.Errorf("%s: %s, %v; want %s", c.schema, got, err, c.want)
		}
	}
}

func TestMalformedValues(t *testing.T) {
	nulls := `{"type":"array","items":"null"}`
	for _, c := range []struct{ schema, value, want string }{
		{`"long"`, "", "too early"},
		{`"long"`, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", "more than 64 bits"},
		{`"int"`, string(zigzag(1 << 40)), "more than 32 bits"},
		{`"int"`, "\x02\x02", "something follows"},
		{`"boolean"`, "\x02", "neither 0 nor 1"},
		{`"string"`, string(zigzag(1 << 40)), "too early"},
		{`"bytes"`, string(zigzag(-1)), "below 0"},
		{`"string"`, "\x04\xc3\x28", "no UTF-8"},
		{`["null","int"]`, "\x04", "there are 2"},
		{`["null","int"]`, "\x01", "number -1"},
		{`{"type":"enum","name":"E","symbols":["A"]}`, "\x02", "there are 1"},
		{nulls, string(zigzag(math.MaxInt64)), "too large"},
		{nulls, string(append(zigzag(math.MinInt64), 2)), "too large"},
		{`{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}`, "", "nest more"},
		{`{"type":"record","name":"R","fields":[{"name":"inside","type":"long"}]}`, "", "inside: "},
		{`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`, string(zigzag(300)) + strings.Repeat("\x01", 300), "a decimal of 300 bytes"},
	} {
		s, err := Parse(c.schema)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		got, err := s.AppendJSON(nil, []byte(c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %.80s, %v; want an error with %q", c.schema, c.value, got, err, c.want)
		}
	}
}

func TestMalformedSchemas(t *testing.T) {
	deep := strings.Repeat(`{"type":"array","items":`, 300) + `"int"` + strings.Repeat(`}`, 300)
	for _, schema := range []string{"", "{", `"int" "int"`, `"unheard"`, `{"type":"record","name":"R"}`, deep,
		`{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal","scale":100000}`, "\"\xff" + strings.Repeat("x", 5000) + `"`} {
		if _, err := Parse(schema); err == nil || len(err.Error()) > 400 || !strings.HasPrefix(err.Error(), "the Avro schema: ") {
			t.Errorf("%.80s: %v", schema, err)
		}
	}
}

// FuzzAppendJSON: no input ends the process, takes more memory than its size
// explains, or makes anything but JSON.
func FuzzAppendJSON(f *testing.F) {
	schemas := capturedSchemas(f)
	for _, name := range []string{"customers.avro.jsonl", "kinds.avro.jsonl", "ddl.avro.jsonl"} {
		for _, c := range capture(f, name) {
			if c.Value != nil {
				f.Add(binary.BigEndian.Uint32(c.Value[1:]), c.Value[5:])
			}
		}
	}
	hostile, err := Parse(`{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"map","values":["null","R",{"type":"array","items":"null"},"double",
		{"type":"bytes","logicalType":"decimal","precision":30,"scale":9},{"type":"fixed","name":"F","size":0}]}}]}`)
	if err != nil {
		f.Fatal(err)
	}
	schemas[0] = hostile
	f.Add(uint32(0), join(zigzag(1), textOf("k"), zigzag(2), zigzag(1<<60)))
	f.Fuzz(func(t *testing.T, id uint32, b []byte) {
		s := schemas[id]
		if s == nil {
			s = hostile
		}
		got, err := s.AppendJSON(nil, b)
		if len(got) > 2*(freeJSON+maxGrowth*len(b)) {
			t.Errorf("%d bytes of %d", len(got), len(b))
		}
		if err == nil && !json.Valid(got) {
			t.Errorf("no JSON: %q", got)
		}
	})
}

// FuzzParse: no schema ends the process.
func FuzzParse(f *testing.F) {
	f.Add(`{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"],"default":null}]}`, []byte{0})
	f.Add(`[{"type":"enum","name":"E","symbols":[]},"E"]`, []byte{0, 0})
	f.Fuzz(func(_ *testing.T, schema string, b []byte) {
		if s, err := Parse(schema); err == nil {
			_, _ = s.AppendJSON(nil, b)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	schemas, value := capturedSchemas(b), capture(b, "customers.avro.jsonl")[6].Value
	s := schemas[binary.BigEndian.Uint32(value[1:])]
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = s.AppendJSON(dst[:0], value[5:]); err != nil {
			b.Fatal(err)
		}
	}
}
