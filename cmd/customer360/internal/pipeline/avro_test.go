package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/internal/deadletters"
	"customer360/topology"
)

// avroCaptures are described in the README beside them.
const avroCaptures = "../../../../codec/debezium/testdata/avro"

// schemaRegistry answers for the captures' schemas, or with a status.
type schemaRegistry struct {
	url    string
	status atomic.Int32 // 0: as it should
	asked  atomic.Int32
}

func startRegistry(t *testing.T) *schemaRegistry {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(avroCaptures, "schemas.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schemas map[string]json.RawMessage
	if err := json.Unmarshal(text, &schemas); err != nil {
		t.Fatal(err)
	}
	s := &schemaRegistry{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		schema, known := schemas[strings.TrimPrefix(r.URL.Path, "/schemas/ids/")]
		switch status := int(s.status.Load()); {
		case status != 0:
			w.WriteHeader(status)
		case !known:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
		default:
			_ = json.NewEncoder(w).Encode(map[string]string{"schema": string(schema)})
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func withRegistry(s *schemaRegistry) func(*config.Config) {
	return func(c *config.Config) { c.Delivery.Registry.URL = s.url }
}

func avroRecords(t *testing.T, name string) (records []*kgo.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(avroCaptures, name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var c struct {
			Partition  int32
			Timestamp  int64
			Key, Value []byte
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Topic: topology.HomeDeliveryTopic, Partition: c.Partition,
			Timestamp: time.UnixMilli(c.Timestamp), Key: c.Key, Value: c.Value})
	}
	return records
}

var avroDocuments = func() map[string]string {
	want := map[string]string{}
	for _, r := range []row{{1001, "Sally", "Replaced", "sally3@acme.com"}, {1002, "George", "Bailey", "ed@x.org"}, {1004, "Dup", "Kretchmar", "annek@noanswer.org"},
		{1005, "matthew", "groves", "matthew.groves@example.com"}, {1006, "Ann", "Über", "ann@x.org"}, {2003, "Edward", "Walker", "george@x.org"},
		{4001, "Zoë 😀", `O'Neil\`, "zoe@x.org"}} {
		want[r.Mail] = r.document()
	}
	// The captures' table has a city since its ALTER TABLE.
	want["ed@x.org"] = strings.Replace(want["ed@x.org"], `,"email"`, `,"city":"Kraków","email"`, 1)
	want["zoe@x.org"] = strings.Replace(want["zoe@x.org"], `,"email"`, `,"city":"Columbus","email"`, 1)
	return want
}()

// perConnector is what two connectors say differently about one event.
var perConnector = regexp.MustCompile(`"(ts_[mun]s|pos|name|snapshot)":("dbserver\d"|"last\w*"|\d+)`)

// onlyTmp expects the one dead letter that the captures give: in the middle of
// a swap a row has the email tmp.
func (c *cluster) onlyTmp() {
	c.t.Helper()
	for _, l := range c.letters() {
		if l.Reason != "the email is not usable as a key: no @ in it" {
			c.t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
		}
	}
}

// staged is the bucket staging, each value in one spelling.
func (c *cluster) staged() map[string]string {
	c.t.Helper()
	all := c.documents("staging")
	for key, value := range all {
		var compact any
		d := json.NewDecoder(strings.NewReader(perConnector.ReplaceAllString(value, `"$1":0`)))
		d.UseNumber()
		if err := d.Decode(&compact); err != nil {
			c.t.Fatalf("staging, %s: %v", key, err)
		}
		b, _ := json.Marshal(compact)
		all[key] = string(b)
	}
	return all
}

// TestAvroCaptures: five connectors wrote one series, with key and value in
// Avro or JSON. Documents and raw documents are the same.
func TestAvroCaptures(t *testing.T) {
	var want map[string]string
	for _, name := range []string{"customers.json", "customers.avro", "customers.avro-key", "customers.avro-value", "customers.flat"} {
		t.Run(name, func(t *testing.T) {
			c := start(t, withRegistry(startRegistry(t)))
			c.run("one")
			for _, r := range avroRecords(t, name) {
				c.produce(r)
			}
			c.expect(avroDocuments)
			staged := c.staged()
			if want == nil {
				want = staged
			}
			if d := difference(want, staged); d != "" && name != "customers.flat" || len(staged) != 7 || staged[`{"id":4001}`] == "" {
				t.Errorf("staging, %d documents: %s", len(staged), d)
			}
			c.onlyTmp()
		})
	}
}

// TestRegistryAway: while no schema can be had, records wait; nothing is
// skipped, and nobody has to do anything afterwards.
func TestRegistryAway(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	s.status.Store(http.StatusServiceUnavailable)
	c := start(t, withRegistry(s))
	r := c.run("one")
	for _, record := range avroRecords(t, "customers.avro") {
		c.produce(record)
	}
	for _, part := range []string{"rekey.home_delivery", "staging.home_delivery"} {
		c.until(part+" tells of the registry", func() bool {
			for _, p := range r.Parts() {
				if p.Name == part && strings.Contains(p.State, "the schema registry answers with the status 503") {
					return true
				}
			}
			return false
		})
	}
	asked := s.asked.Load()
	c.until("it is asked again", func() bool { return s.asked.Load() > asked+3 })
	if !r.alive() || len(c.documents("customer360")) != 0 || len(c.documents("staging")) != 0 {
		t.Error("it does not wait")
	}
	c.noLetters()
	s.status.Store(0)
	c.expect(avroDocuments)
	c.onlyTmp()
}

// TestRegistryRefuses: wrong credentials stop the source before the record.
func TestRegistryRefuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{401: "home_delivery.schema_registry.username and password", 403: "the right to read"} {
		s := startRegistry(t)
		s.status.Store(int32(status))
		c := start(t, withRegistry(s), func(c *config.Config) {
			c.Delivery.Registry.Username, c.Delivery.Registry.Password = "debezium", "hunter2"
		})
		r := c.run("one", "rekey")
		c.produce(avroRecords(t, "customers.avro")...)
		err := r.wait()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: %v", status, err)
		}
		c.noLetters()
		c.runs = nil // it has ended as it should
		s.status.Store(0)
		c.run("two")
		c.expect(avroDocuments)
	}
}

// TestAnotherKeySchema: the same row under another schema id has other bytes
// and lies on another partition, so that stops the source, also after a restart.
func TestAnotherKeySchema(t *testing.T) {
	t.Parallel()
	c := start(t, withRegistry(startRegistry(t)))
	records := avroRecords(t, "customers.avro")
	id := binary.BigEndian.Uint32(records[0].Key[1:])
	r := c.run("one")
	c.produce(records...)
	c.expect(avroDocuments)
	other := again(records[0])[0]
	binary.BigEndian.PutUint32(other.Key[1:], 15) // the key of another connector's table
	other.Partition = c.place(other.Key)
	c.produce(other)
	want := fmt.Sprintf("began with Avro, schema %d keys and this one is Avro, schema 15", id)
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if err := c.run("one").wait(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("after a restart: %v, want %q", err, want)
	}
}

// TestUnknownSchema: what the registry says it does not know is a dead letter
// that can be shown and published again.
func TestUnknownSchema(t *testing.T) {
	t.Parallel()
	c := start(t, withRegistry(startRegistry(t)))
	c.run("one")
	records := avroRecords(t, "customers.avro")
	c.produce(records...)
	bad := again(records[0], records[0])
	bad[0].Value = append([]byte{0, 0, 0, 0x27, 0x0f}, "\x00hunter2"...)
	bad[1].Value = append(bad[1].Value[:5:5], 0x00)
	c.produce(bad...)
	var letters []deadletters.Letter
	c.until("two dead letters", func() bool {
		letters = slices.DeleteFunc(c.letters(), func(l deadletters.Letter) bool { return strings.Contains(l.Reason, "no @") })
		return len(letters) == 2
	})
	newest := ""
	for _, l := range letters {
		want := "the value: schema 9999: the schema registry does not know the schema (404, error code 40403)"
		if len(l.Value) == 6 {
			want, newest = "the value: not what schema ", l.Coordinates()
		}
		if !strings.Contains(l.Reason, want) || l.Stage != "rekey" || strings.Contains(deadletters.Mask(l.Value, false), "hunter2") {
			t.Errorf("%s %s, want %q", l.Stage, l.Reason, want)
		}
	}
	c.expect(avroDocuments)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if _, err := deadletters.Retry(ctx, c.kafka, newest); err != nil {
		t.Error(err)
	}
	c.until("another", func() bool { return len(c.letters()) == 4 })
}

// TestRegistryAndGeneration: whether Avro is read decides what documents
// become; where the registry is does not.
func TestRegistryAndGeneration(t *testing.T) {
	t.Parallel()
	c := start(t, withRegistry(startRegistry(t)))
	c.run("one").stop()
	other := c.config
	other.Delivery.Registry = config.Registry{URL: "https://elsewhere:8081", Username: "u", Password: "p"}
	if _, err := c.new(other, "one"); err != nil {
		t.Error(err)
	}
	other.Delivery.Registry = config.Registry{}
	if _, err := c.new(other, "one"); err == nil || !strings.Contains(err.Error(), "registry=1") {
		t.Errorf("without a registry: %v", err)
	}
}
