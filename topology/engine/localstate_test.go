package engine_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// book keeps what was logged, one JSON object a line.
type book struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (b *book) Write(line []byte) (int, error) {
	fields := map[string]any{}
	if err := json.Unmarshal(line, &fields); err != nil {
		return 0, err
	}
	b.mu.Lock()
	b.lines = append(b.lines, fields)
	b.mu.Unlock()
	if os.Getenv("ENGINE_LOG") != "" {
		_, _ = os.Stderr.Write(line)
	}
	return len(line), nil
}

func (b *book) log() *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

// said are the lines with that message.
func (b *book) said(msg string) (found []map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		if l["msg"] == msg {
			found = append(found, l)
		}
	}
	return found
}

// watched is a group of this process with its log and its metrics.
type watched struct {
	*running
	book     *book
	registry *prometheus.Registry
}

func startWatched(t *testing.T, cfg engine.Config, graph *goka.GroupGraph, deps engine.Deps, hooks engine.Hooks) *watched {
	t.Helper()
	w := &watched{book: new(book), registry: prometheus.NewRegistry()}
	deps.Log, deps.Registry = w.book.log(), w.registry
	g, err := engine.New(cfg, graph, deps, hooks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	w.running = &running{Group: g, stop: stopper(cancel, done)}
	t.Cleanup(func() { _ = w.stop() })
	return w
}

const dropped = "local state dropped, recovering from Kafka"

// fillTable writes the newest states of n keys, as earlier runs would have.
func fillTable(t *testing.T, addr string, n int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchMaxBytes(512<<10),
		kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	pad := make([]byte, 150) // of text that does not compress
	rnd := rand.NewChaCha8([32]byte{})
	for i := range n {
		_, _ = rnd.Read(pad)
		cl.Produce(context.Background(), &kgo.Record{Topic: jobTable, Key: []byte("member-" + strconv.Itoa(i)),
			Value: fmt.Appendf(nil, `{"Count":1,"Sum":1,"Last":1,"Bad":0,"Pad":"%s"}`, base64.StdEncoding.EncodeToString(pad))}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// An empty folder is recovered from Kafka; until that is done, and the inputs
// are caught up with, the group is not ready. ENGINE_RECOVERY_KEYS says how many
// keys (20,000); `make recovery` takes a million.
func TestRecovery(t *testing.T) {
	n := 20_000
	if v := os.Getenv("ENGINE_RECOVERY_KEYS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	b, dir := startBroker(t, kafkatest.WithDir(t.TempDir())), t.TempDir()
	fillTable(t, b.Addr, n)
	generate(t, b.Addr, 0, 100, 10, 0)
	var early []string
	var w *watched
	started := make(chan struct{})
	hooks := engine.Hooks{Recovered: func(int32, func(func(string, []byte) error) error) error {
		<-started
		if s := w.Status(); w.Ready() || s.State != engine.Recovering || s.RecoveryLeft != 0 || s.RecoveryTotal < int64(n) {
			early = append(early, fmt.Sprintf("ready %t, %+v", w.Ready(), s))
		}
		return nil
	}}
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.StoreBytes = 128 << 20
	w = startWatched(t, cfg, jobGraph(nil), engine.Deps{}, hooks)
	close(started)
	eventually(t, 60*time.Second, w.Ready, func() string { return fmt.Sprintf("not ready: %+v", w.Status()) })
	if len(early) > 0 {
		t.Error(early)
	}
	line := w.book.said("running")[0]
	if line["records"] != float64(n) {
		t.Errorf("%v, want %d records", line, n)
	}
	t.Logf("%d keys: %v, %v a second", n, time.Duration(line["recovery"].(float64)), line["records_per_second"])
	for _, l := range w.book.said("recovering local state from Kafka") {
		t.Log(l)
	}
	f := gathered(t, w.registry)
	const m = "customer360_engine_"
	if f[m+"recovery_records_total/"] != float64(n) || f[m+"recovery_remaining_records/"] != 0 || f[m+"recovery_records_per_second/"] <= 0 ||
		f[m+"state_bytes/"] < float64(n)*200 || f[m+"ready/"] != 1 || f[m+"recovering/"] != 0 {
		t.Errorf("metrics %v", f)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, b.Addr, filepath.Join(dir, "a"))
}

// compareFolders: each folder of an instance equals the changelog at its own
// offset. Where that was compacted, the folder must have been at its end.
func compareFolders(t *testing.T, addr, instance string) {
	t.Helper()
	var changelog []*kgo.Record
	if err := engine.ReadToEnd(context.Background(), []kgo.Opt{kgo.SeedBrokers(addr)}, jobTable, func(r *kgo.Record) error {
		changelog = append(changelog, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	folders := engine.CompareFolders(filepath.Join(instance, jobGroup), jobTable, changelog)
	if len(folders) == 0 {
		t.Error("no folder")
	}
	for folder, problem := range folders {
		if problem != "" {
			t.Errorf("%s: %s", folder, problem)
		}
	}
}

// The changelog, or an input, was deleted and created anew: what it held is
// gone, also where no local folder knows of it. The group refuses, before and
// after the new topic has grown past the old offsets.
func TestTopicsCreatedAnewAreRefused(t *testing.T) {
	t.Parallel()
	for name, topic := range map[string]string{"changelog": jobTable, "input": jobIn} {
		for _, keep := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", folder kept ", keep), func(t *testing.T) {
				t.Parallel()
				b, dir := startBroker(t), t.TempDir()
				generate(t, b.Addr, 0, 1000, 50, 0)
				r := startJob(t, b, dir, "a")
				awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if !keep {
					if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
						t.Fatal(err)
					}
				}
				adm := kadm.NewClient(b.Client(t))
				committed, err := adm.FetchOffsets(context.Background(), jobGroup)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := adm.DeleteTopic(context.Background(), topic); err != nil {
					t.Fatal(err)
				}
				config := map[string]*string{}
				if topic == jobTable {
					config["cleanup.policy"] = kadm.StringPtr("compact")
				}
				if _, err := adm.CreateTopic(context.Background(), jobParts, 1, config, topic); err != nil {
					t.Fatal(err)
				}
				generate(t, b.Addr, 1000, 3000, 50, 0)
				if topic == jobIn { // Kafka forgets them with the topic; they were restored
					wants(t, runToEnd(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil)), "no committed offset")
					restored := kadm.Offsets{}
					committed.Each(func(o kadm.OffsetResponse) {
						restored.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.At, LeaderEpoch: -1, Metadata: o.Metadata})
					})
					if err := kadm.NewClient(b.Client(t)).CommitAllOffsets(context.Background(), jobGroup, restored); err != nil {
						t.Fatal(err)
					}
				}
				err = runToEnd(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil))
				wants(t, err, "the topic "+topic+" was deleted and created anew", jobGroup, "rebuild")
			})
		}
	}
}
