package simulate

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"customer360/internal/local/kafka/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "dbserver1.inventory.customers"

// start runs a world; stop ends it and returns what Run returned.
func start(t *testing.T, cfg Config, b *kafkatest.Broker, batch int) (w *World, stop func()) {
	t.Helper()
	w, err := New(cfg, Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(b.Addr)}})
	if err != nil {
		t.Fatal(err)
	}
	w.batch = batch
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	ended := false
	stop = func() {
		t.Helper()
		if ended {
			return
		}
		ended = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	}
	t.Cleanup(stop)
	select {
	case <-w.Ready():
	case err := <-done:
		ended = true
		cancel()
		t.Fatalf("Run: %v", err)
	}
	return w, stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to be that %s", what)
		}
	}
}

// event is what is read of a record again.
type event struct {
	partition int32
	key       string
	after     map[string]any
	op        string
	snapshot  string
	at        [3]int64
}

func events(t *testing.T, b *kafkatest.Broker) []event {
	t.Helper()
	var out []event
	for _, r := range b.Records(t, topic) {
		e := event{partition: r.Partition, key: string(r.Key)}
		if r.Value != nil {
			var v struct {
				After  map[string]any
				Op     string
				Source struct {
					Snapshot, File string
					Pos, Row       int64
				}
			}
			if err := json.Unmarshal(r.Value, &v); err != nil {
				t.Fatal(err)
			}
			e.after, e.op, e.snapshot = v.After, v.Op, v.Source.Snapshot
			fmt.Sscanf(v.Source.File, "mysql-bin.%d", &e.at[0]) //nolint:errcheck // 0 shows
			e.at[1], e.at[2] = v.Source.Pos, v.Source.Row
		}
		out = append(out, e)
	}
	return out
}

// replayed is the table as the records say, by key.
func replayed(records []event) map[string]map[string]any {
	table := map[string]map[string]any{}
	for _, e := range records {
		if e.after == nil {
			delete(table, e.key)
			continue
		}
		table[e.key] = e.after
	}
	return table
}

func checkTable(t *testing.T, w *World, records []event) {
	t.Helper()
	table := replayed(records)
	n := 0
	for row := range w.ExpectRows() {
		n++
		got := table[string(rowKey(row.ID))]
		if got["email"] != row.Email || got["address_line_1"] != row.Address1 || got["name"] != row.Name || got["phonenumber"] != row.Phone {
			t.Fatalf("row %d is not what the topic says", row.ID)
		}
	}
	if n != len(table) {
		t.Fatalf("%d rows, %d by the topic", n, len(table))
	}
}

func config(t *testing.T, customers int) Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.CSVDir, cfg.Customers = t.TempDir(), t.TempDir(), customers
	return cfg
}

func TestOnceLoadsAndFreezes(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(4, topic))
	cfg := config(t, 600)
	cfg.Once, cfg.EventsPerSecond, cfg.Night = true, 1000, 10*time.Millisecond
	w, stop := start(t, cfg, b, snapshotBatch)
	eventually(t, "the world is loaded", func() bool { return w.Status().Loaded })
	time.Sleep(50 * time.Millisecond) // five nights and fifty events, if there were any
	response, err := http.Get(w.StoreURL() + "/getOrdersByCustomerId?customerId=1")
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("the store: %v", err)
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	want := Status{SnapshotRows: 400, SnapshotTotal: 400, Loaded: true, Nights: 1, CSVRows: 400, Requests: 1}
	if got := w.Status(); got != want {
		t.Errorf("status %+v, want %+v", got, want)
	}
	stop()
	records := events(t, b)
	checkTable(t, w, records)
	markers := map[string]int{}
	for _, e := range records {
		if e.op != "r" {
			t.Fatalf("op %s in a frozen world", e.op)
		}
		markers[e.snapshot]++
	}
	if fmt.Sprint(markers) != "map[first:1 last:1 true:398]" {
		t.Errorf("markers %v", markers)
	}
	again, _ := start(t, cfg, b, snapshotBatch)
	time.Sleep(50 * time.Millisecond)
	if got := again.Status(); got.Nights != 1 || len(events(t, b)) != 400 {
		t.Errorf("a second start loaded again: %+v", got)
	}
}

func TestTheExportIsTheTutorials(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, topic))
	cfg := config(t, 60)
	cfg.Night, cfg.KeepCSV, cfg.EventsPerSecond = 5*time.Millisecond, 2, 0
	w, stop := start(t, cfg, b, snapshotBatch)
	eventually(t, "five nights pass", func() bool { return w.Status().Nights >= 5 })
	stop()
	files, err := os.ReadDir(cfg.CSVDir)
	if err != nil || len(files) == 0 || len(files) > 2 {
		t.Fatalf("%d files, %v; want the last two", len(files), err)
	}
	newest := w.progress.Exports[len(w.progress.Exports)-1]
	if !regexp.MustCompile(`^loyalty\d{8}_(0[1-9]|1[0-2])\d{4}\.csv$`).MatchString(newest) {
		t.Errorf("file name %s", newest)
	}
	data, err := os.ReadFile(filepath.Join(cfg.CSVDir, newest))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || strings.Join(lines[0], ",") != "Id,Password,FirstName,LastName,Email,Points" {
		t.Fatalf("header %v, %v", lines[0], err)
	}
	if !strings.Contains(string(data), "27,xrinn5xp.swd,Matthew,Groves,matthew.groves@couchbase.com,47\n") {
		t.Error("Matthew is not in the export")
	}
	k := 1
	for m := range w.ExpectMembers() {
		if k >= len(lines) || strings.Join(lines[k], ",") != fmt.Sprint(m.ID, ",", m.Password, ",", m.FirstName, ",", m.LastName, ",", m.Email, ",", m.Points) {
			t.Fatalf("line %d is not member %d", k, m.ID)
		}
		k++
	}
	if k != len(lines) {
		t.Errorf("%d lines, want %d", len(lines), k)
	}
}

func TestKeysLieWhereJavaPutsThem(t *testing.T) {
	for _, c := range []struct {
		key        string
		partitions int
		want       int
	}{{`{"id":1001}`, 12, 2}, {`{"id":1004}`, 12, 9}, {`{"id":1001}`, 4, 2}, {`{"id":1003}`, 4, 3}, {`{"id":2003}`, 4, 1}} {
		if got := kgo.StickyKeyPartitioner(nil).ForTopic("t").Partition(&kgo.Record{Key: []byte(c.key)}, c.partitions); got != c.want {
			t.Errorf("%s of %d: partition %d, want %d", c.key, c.partitions, got, c.want)
		}
	}
	b := kafkatest.Start(t, kafkatest.WithTopics(4, topic))
	cfg := config(t, 300)
	cfg.Once = true
	w, stop := start(t, cfg, b, snapshotBatch)
	eventually(t, "the world is loaded", func() bool { return w.Status().Loaded })
	stop()
	for _, e := range events(t, b) {
		if e.key == `{"id":1003}` && e.partition != 3 || e.key == `{"id":1001}` && e.partition != 2 {
			t.Errorf("%s on partition %d", e.key, e.partition)
		}
	}
}
