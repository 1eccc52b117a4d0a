package debezium

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"customer360/codec"
)

func newDecoder(t testing.TB, change func(*Config)) *Decoder {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// table is what rekey keeps: per identity the decoder's state and what was
// asserted last.
type table struct {
	d        *Decoder
	states   map[string][]byte
	asserted map[string][]codec.Assertion
	ignored  map[string]int
}

func newTable(d *Decoder) *table {
	return &table{d: d, states: map[string][]byte{}, asserted: map[string][]codec.Assertion{}, ignored: map[string]int{}}
}

func (b *table) apply(raw *codec.Raw) (accepted bool, err error) {
	c, err := b.d.Decode(raw)
	if err != nil {
		return false, err
	}
	if c.Ignored != "" {
		b.ignored[c.Ignored]++
		return false, nil
	}
	key := string(raw.Key)
	b.states[key], accepted = b.d.Accept(b.states[key], &c)
	if accepted {
		b.asserted[key] = c.Assertions
	}
	return accepted, nil
}

// show is one line per customer: its key and all fields, sorted.
func (b *table) show() []string {
	var lines []string
	for _, assertions := range b.asserted {
		for _, a := range assertions {
			lines = append(lines, showAssertion(a))
		}
	}
	slices.Sort(lines)
	return lines
}

func showAssertion(a codec.Assertion) string {
	line := a.Key + ":"
	for f := codec.Field(1); f <= codec.FieldBody; f++ {
		if v := a.Fields.Get(f); v != nil {
			line += fmt.Sprintf(" %s=%s", f, v)
		}
	}
	return line
}

// captured is a line of a capture.
type captured struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Headers   map[string]string `json:"headers"`
	Key       *string           `json:"key"`
	Value     *string           `json:"value"`
}

func text(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

func capture(t testing.TB, name string) []codec.Raw {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var records []codec.Raw
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c captured
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(name, err)
		}
		records = append(records, codec.Raw{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, Key: text(c.Key), Value: text(c.Value)})
	}
	return records
}

func captures(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatal("no captures", err)
	}
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	return paths
}

// at is a streamed source block: server/file:pos:row.
func at(place string) string {
	var server, file, pos, row int64
	place, time, timed := strings.Cut(place, "@")
	if n, err := fmt.Sscanf(place, "%d/%d:%d:%d", &server, &file, &pos, &row); err != nil || n != 4 {
		panic("at: " + place)
	}
	if timed {
		time = `,"ts_ms":` + time
	}
	return fmt.Sprintf(`{"snapshot":"false","db":"inventory","table":"customers","server_id":%d,"gtid":null,"file":"mysql-bin.%06d","pos":%d,"row":%d%s}`,
		server, file, pos, row, time)
}

// rowOf is an image of the row with that email, null for "".
func rowOf(email string) string {
	if email == "" {
		return "null"
	}
	return fmt.Sprintf(`{"id":1,"name":"N","email":%q}`, email)
}

// envelope is a bare envelope whose after has the email.
func envelope(op, source, email string) string {
	return fmt.Sprintf(`{"before":null,"after":%s,"source":%s,"op":%q,"ts_ms":1}`, rowOf(email), source, op)
}

// wrap is a value or key as a JSON converter with schemas writes it.
func wrap(payload string) string {
	return `{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}]},"payload":` + payload + `}`
}

func record(key, value string) *codec.Raw {
	raw := &codec.Raw{Topic: "dbserver1.inventory.customers", Key: []byte(key)}
	if value != "" {
		raw.Value = []byte(value)
	}
	return raw
}

const key1 = `{"id":1}`

// decode1 decodes a value that must decode, under the key of row 1.
func decode1(t testing.TB, d *Decoder, value string) codec.Change {
	t.Helper()
	c, err := d.Decode(record(key1, value))
	if err != nil {
		t.Fatalf("%v\n%s", err, value)
	}
	return c
}

// one is the line of the only assertion.
func one(t testing.TB, c codec.Change) string {
	t.Helper()
	if len(c.Assertions) != 1 || c.Problem != nil || c.Ignored != "" {
		t.Fatalf("%d assertions, problem %v, ignored %q", len(c.Assertions), c.Problem, c.Ignored)
	}
	return showAssertion(c.Assertions[0])
}
