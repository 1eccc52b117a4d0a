package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/emitters/csvdir"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/admin"
)

// world is a small installation.
type world struct {
	conf   config.Config
	broker *kafkatest.Broker
	graph  topology.Graph
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{conf: config.Default(), broker: kafkatest.Start(t)}
	var err error
	if w.graph, err = topology.New(topology.DefaultSettings()); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Create(t.Context(), w.broker.Client(t), w.graph, 1); err != nil {
		t.Fatal(err)
	}
	node := couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Password = "secret of Couchbase"
		c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	})
	store := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "secret" || r.URL.Query().Get("customerEmail") != nobody {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(store.Close)
	w.conf.Kafka.Brokers, w.conf.Kafka.ReplicationFactor = []string{w.broker.Addr}, 1
	w.conf.Couchbase.ConnectionString, w.conf.Couchbase.Username = node.ConnectionString(), couchbasetest.Username
	w.conf.Couchbase.Password = "secret of Couchbase"
	w.conf.OnlineStore.URL, w.conf.OnlineStore.Headers = store.URL, map[string]config.Secret{"Authorization": "secret"}
	w.conf.StateDir, w.conf.Loyalty.Folder = t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(w.conf.Loyalty.Folder, "a.csv"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.publish(t, &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(`{"id":1}`), Value: []byte("{}")})
	return w
}

func (w *world) publish(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	if err := w.broker.Client(t).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) run(t *testing.T, limit time.Duration) []Finding {
	t.Helper()
	found, err := Run(t.Context(), w.conf, Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(w.conf.Kafka.Brokers...)}, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if strings.Contains(f.What+f.Where+f.Remedy, "secret") {
			t.Errorf("a secret is told: %+v", f)
		}
		if f.Check == "" || (f.Severity == OK) != (f.Remedy == "") {
			t.Errorf("incomplete: %+v", f)
		}
	}
	return found
}

// has finds what a check says with that severity and word.
func has(t *testing.T, found []Finding, check string, severity Severity, word string) {
	t.Helper()
	for _, f := range found {
		if f.Check == check && f.Severity == severity && strings.Contains(f.Where+" "+f.What, word) {
			return
		}
	}
	t.Errorf("no %s of %s with %q in:", severity, check, word)
	for _, f := range found {
		t.Logf("  %+v", f)
	}
}

func TestEverythingIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	found := w.run(t, time.Minute)
	for _, f := range found {
		if f.Severity == Error {
			t.Errorf("%+v", f)
		}
	}
	for check, word := range map[string]string{"kafka": "transaction.version 2", "topics": "as they should be", "delivery": "sampled keys",
		"transactions": "none hangs", "dead-letters": "none", "couchbase": "bucket staging", "store": "404", "clock-store": "fits",
		"clock-kafka": "fits", "loyalty": "a.csv", "disk": "free", "topology": "no generation yet", "retention": "8 groups"} {
		has(t, found, check, OK, word)
	}
	has(t, found, "groups", Warning, "group merge.g1 the group does not exist")
	has(t, found, "replication", Warning, "one replica each")
}

// A server that is away is one finding, and the others are looked at.
func TestServersAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conf.Kafka.Brokers = []string{couchbasetest.FreeAddress(t)}
	found := w.run(t, 5*time.Second)
	has(t, found, "kafka", Error, "Kafka does not answer")
	has(t, found, "store", OK, "404")
	has(t, found, "couchbase", OK, "bucket customer360")
	has(t, found, "disk", OK, "free")
	errors := 0
	for _, f := range found {
		if f.Severity == Error {
			errors++
		}
	}
	if errors != 1 {
		t.Errorf("%d errors: %+v", errors, found)
	}
	w.conf.Kafka.Brokers = []string{w.broker.Addr}
	w.conf.Couchbase.ConnectionString = "couchbase://" + couchbasetest.FreeAddress(t)
	w.conf.OnlineStore.URL = "http://user:secret@" + couchbasetest.FreeAddress(t) + "/api"
	found = w.run(t, 5*time.Second)
	has(t, found, "couchbase", Error, "bucket customer360")
	has(t, found, "store", Error, "does not answer")
	has(t, found, "topics", OK, "as they should be")
}

func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cases := map[string]func(c *config.Config){
		"store Error 401":                 func(c *config.Config) { c.OnlineStore.Headers = nil },
		"couchbase Error authentication":  func(c *config.Config) { c.Couchbase.Password = "another secret" },
		"couchbase Error bucket nowhere":  func(c *config.Config) { c.Couchbase.Documents.Bucket = "nowhere" },
		"loyalty Error not there":         func(c *config.Config) { c.Loyalty.Folder = filepath.Join(c.StateDir, "none") },
		"loyalty OK a.csv":                func(c *config.Config) { c.Loyalty.Pattern = "none, A.CSV" },
		"loyalty Warning no file":         func(c *config.Config) { c.Loyalty.Pattern = "*.tsv" },
		"replication Error 3 replicas":    func(c *config.Config) { c.Kafka.ReplicationFactor = 3 },
		"delivery Error topic is not":     func(c *config.Config) { c.Delivery.Topic = "other" },
		"topics Error should be 24":       func(c *config.Config) { c.Kafka.Partitions = 24 },
		"disk Error is no folder":         func(c *config.Config) { c.StateDir = filepath.Join(c.Loyalty.Folder, "a.csv") },
		"couchbase-bucket Unknown cannot": func(*config.Config) {},
	}
	if err := os.Symlink("a.csv", filepath.Join(w.conf.Loyalty.Folder, "link.txt")); err == nil { // Windows may refuse
		cases["loyalty OK link.txt"] = func(c *config.Config) { c.Loyalty.Pattern = "link.txt" }
	}
	for name, change := range cases {
		before := w.conf
		change(&w.conf)
		parts := strings.SplitN(name, " ", 3)
		t.Run(name, func(t *testing.T) {
			has(t, w.run(t, 10*time.Second), parts[0], Severity(strings.ToLower(parts[1])), parts[2])
		})
		w.conf = before
	}
}

func TestDeadLettersDeletedRecordsAndFutureClocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl := w.broker.Client(t)
	d := codec.DeadLetter{Stage: "rekey", Topic: "t", Reason: "r"}
	letter := &kgo.Record{Topic: topology.DeadLetterTopic, Key: []byte(d.Coordinates()), Timestamp: time.Now()}
	for k, v := range d.KafkaHeaders() {
		letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: k, Value: v})
	}
	records := w.graph.Settings.Records()
	w.publish(t, letter,
		&kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(`{"id":2}`), Value: []byte("{}"), Timestamp: time.Now().Add(3 * time.Hour)},
		&kgo.Record{Topic: records, Key: []byte("k"), Timestamp: time.Now().Add(-166 * time.Hour)},
		&kgo.Record{Topic: records, Key: []byte("k"), Timestamp: time.Now().Add(-165 * time.Hour)})
	p := topology.Partition([]byte("k"), 12)
	commit(t, cl, w.graph.Settings.MergeGroup(), records, p, 0)
	found := w.run(t, time.Minute)
	has(t, found, "dead-letters", Warning, "1 in the last 24 h")
	has(t, found, "clock-kafka", Warning, "apart from Kafka")
	has(t, found, "retention", Error, "lag 2")
	has(t, found, "groups", Warning, "group merge.g1 no members")
	deleteBefore(t, cl, records, p, 1)
	has(t, w.run(t, time.Minute), "retention", Error, "1 records were deleted unread")
}

// TestHeldFiles: a file that a newer import has overtaken waits for nobody.
func TestHeldFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, f := range []csvdir.File{{Name: "overtaken.csv", Hash: "aa", Phase: csvdir.Held}, {Name: "newer.csv", Hash: "bb", Phase: csvdir.Done}, {Name: "part.csv", Hash: "dd", Phase: csvdir.Incomplete, Row: 4, Rows: 9}, {Name: "waits.csv", Hash: "cc", Phase: csvdir.Held}} {
		f.MTime = int64(i + 1)
		value, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		w.publish(t, &kgo.Record{Topic: topology.FilesTopic, Key: []byte(f.Key()), Value: value})
	}
	found := w.run(t, time.Minute)
	has(t, found, "loyalty", Warning, "loyalty file waits.csv")
	has(t, found, "loyalty", Error, "loyalty file part.csv it was imported in part only, 4 of 9 rows")
	for _, f := range found {
		if strings.Contains(f.What+f.Where, "overtaken") {
			t.Errorf("%+v", f)
		}
	}
}

func TestDamagedState(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "0", "merge.g1", "merge.g1-table.3")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "CONDEMNED"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &doctor{conf: config.Config{StateDir: dir}}
	found, err := d.disk(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i].Check = "disk"
	}
	has(t, found, "disk", Warning, "merge.g1-table.3")
	has(t, found, "disk", OK, "3 MiB")
}
