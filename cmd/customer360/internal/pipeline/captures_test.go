package pipeline

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// captured is one line of a capture.
type captured struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Timestamp int64             `json:"timestamp"`
	Headers   map[string]string `json:"headers"`
	Key       *string           `json:"key"`
	Value     *string           `json:"value"`
}

func capture(t *testing.T, name string) (all []captured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c captured
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if len(all) == 0 || lines.Err() != nil {
		t.Fatalf("capture %s: %d records, %v", name, len(all), lines.Err())
	}
	return all
}

// record is the captured record, in the topic of Home Delivery.
func (c captured) record(partition int32) *kgo.Record {
	r := &kgo.Record{Topic: topology.HomeDeliveryTopic, Partition: partition, Timestamp: time.UnixMilli(c.Timestamp)}
	for _, k := range slices.Sorted(maps.Keys(c.Headers)) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: []byte(c.Headers[k])})
	}
	if c.Key != nil {
		r.Key = []byte(*c.Key)
	}
	if c.Value != nil {
		r.Value = []byte(*c.Value)
	}
	return r
}

// row is the table's row as far as the captures' table has columns.
type row struct {
	ID                int64
	First, Last, Mail string
}

// endState folds a capture as a database would: the last image of each row.
// It shares no code with the product.
func endState(t *testing.T, all []captured) (rows map[int64]row, staged map[string]string) {
	t.Helper()
	rows, staged = map[int64]row{}, map[string]string{}
	for _, c := range all {
		if c.Value == nil {
			delete(staged, *c.Key)
			continue
		}
		staged[*c.Key] = *c.Value
		var v struct {
			Payload json.RawMessage `json:"payload"`
		}
		body := []byte(*c.Value)
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		if v.Payload != nil {
			body = v.Payload
		}
		type image struct {
			ID    int64  `json:"id"`
			First string `json:"first_name"`
			Last  string `json:"last_name"`
			Email string `json:"email"`
		}
		var change struct{ Before, After *image }
		if err := json.Unmarshal(body, &change); err != nil {
			t.Fatal(err)
		}
		if change.After == nil {
			delete(rows, change.Before.ID)
			continue
		}
		a := change.After
		rows[a.ID] = row{a.ID, a.First, a.Last, a.Email}
	}
	return rows, staged
}

// text of a JSON string, without Go's escapes for HTML.
func text(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

func (r row) document() string {
	return fmt.Sprintf(`{"type":"user","profile":{"name":%s,"email":%s},"xrefs":[{"external_system":"home_delivery","external_ID":%d}]}`,
		text(r.First+" "+r.Last), text(r.Mail), r.ID)
}

// golden reads documents, one a line behind its key; with -update it writes got
// first, unless the file is made by hand (nil).
func golden(t *testing.T, name string, got map[string]string) map[string]string {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update && got != nil {
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(got)) {
			fmt.Fprintf(&b, "%s\t%s\n", key, got[key])
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(file)) {
		key, body, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		want[key] = body
	}
	return want
}

func (c *cluster) noLetters() {
	c.t.Helper()
	for _, l := range c.letters() {
		c.t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
	}
}

func TestCaptures(t *testing.T) {
	for _, name := range []string{"noschema.all", "schema.all"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.run("one")
			all := capture(t, name)
			for _, r := range all { // one by one: the order over partitions counts
				if r.Partition >= c.config.Kafka.Partitions {
					t.Fatalf("partition %d", r.Partition)
				}
				c.produce(r.record(r.Partition))
			}
			rows, staged := endState(t, all)
			want := map[string]string{}
			for _, r := range rows {
				want[r.Mail] = r.document()
			}
			c.expect(want)
			if d := difference(golden(t, name, c.documents("customer360")), c.documents("customer360")); d != "" {
				t.Error(d)
			}
			if d := difference(staged, c.documents("staging")); d != "" {
				t.Error("staging: ", d)
			}
			c.noLetters()
		})
	}
}
