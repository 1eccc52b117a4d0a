package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// Recovered comes before the first message with the committed table, Revoked
// once after the last, over a rebalance and a restart without local state.
func TestHooks(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 2000, 50
	var mu sync.Mutex
	owned, sums, problems := map[int32]bool{}, map[int32]int64{}, []string{}
	note := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	hooks := engine.Hooks{
		Recovered: func(p int32, each func(func(string, []byte) error) error) error {
			mu.Lock()
			defer mu.Unlock()
			if owned[p] {
				note("partition %d is recovered twice", p)
			}
			owned[p], sums[p] = true, 0
			last := ""
			return each(func(key string, value []byte) error {
				var st jobState
				if key <= last || !strings.HasPrefix(key, "key-") {
					note("key %q after %q", key, last)
				}
				last = key
				sums[p] += st.Count
				return json.Unmarshal(value, &st)
			})
		},
		Revoked: func(p int32) {
			mu.Lock()
			defer mu.Unlock()
			if !owned[p] {
				note("partition %d is revoked but not owned", p)
			}
			owned[p] = false
		},
	}
	graph := jobGraph(func(ctx goka.Context) {
		mu.Lock()
		defer mu.Unlock()
		if !owned[ctx.Partition()] {
			note("a message of partition %d outside of its ownership", ctx.Partition())
		}
	})
	generate(t, b.Addr, 0, n, keys, 0)
	a := start(t, jobConfig(b.Addr, dir, "a"), graph, hooks)
	awaitEnd(t, b.Addr, jobGroup, 20*time.Second, jobIn)
	bb := startJob(t, b, dir, "b")
	eventually(t, 20*time.Second, func() bool { return len(a.Status().Partitions) == 2 }, func() string { return "no rebalance" })
	_ = bb.stop()
	eventually(t, 20*time.Second, func() bool { return len(a.Status().Partitions) == 4 && a.Ready() }, func() string { return "no rebalance back" })
	_ = a.stop()
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	generate(t, b.Addr, n, n, keys, 0)
	a = start(t, jobConfig(b.Addr, dir, "a"), graph, hooks)
	conclude(t, b, dir, 2*n, keys, a)
	for p, o := range owned {
		if o {
			note("partition %d is still owned", p)
		}
	}
	if len(problems) > 0 {
		t.Error(problems)
	}
}

// An error of the hook is tried again, with a new incarnation.
func TestRecoveredMayFail(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	tries := 0
	hooks := engine.Hooks{Recovered: func(int32, func(func(string, []byte) error) error) error {
		if tries++; tries == 2 {
			return fmt.Errorf("not yet")
		}
		return nil
	}}
	generate(t, b.Addr, 0, 100, 10, 0)
	conclude(t, b, dir, 100, 10, start(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil), hooks))
}

// Records of 16 MiB and transactions larger than their bound go through, with
// every compression, and small records beside them do not starve.
func TestLargeRecords(t *testing.T) {
	for _, compression := range []string{"none", "lz4"} {
		t.Run(compression, func(t *testing.T) {
			limit := map[string]string{"max.message.bytes": "17825792"}
			table := map[string]string{"max.message.bytes": "17825792", "cleanup.policy": "compact"}
			b := kafkatest.Start(t, kafkatest.WithTopic(jobIn, jobParts, limit), kafkatest.WithTopic(jobOut, jobParts, limit), kafkatest.WithTopic(jobTable, jobParts, table))
			firstOffsets(t, b.Addr, jobGroup, jobIn)
			cl := b.Client(t, kgo.ProducerBatchMaxBytes(17<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
			value := make([]byte, 16<<20)
			for i := range value {
				value[i] = byte(i * i >> 3)
			}
			for i := range 4 {
				if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: jobIn, Key: fmt.Append(nil, "key", i), Value: value},
					&kgo.Record{Topic: jobIn, Key: fmt.Append(nil, "small", i), Value: []byte("v")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			cfg := jobConfig(b.Addr, t.TempDir(), "a")
			cfg.Compression, cfg.MaxTransactionBytes = compression, 1<<20
			cfg.TransactionTimeout = patience // the race detector makes lz4 very slow
			r := start(t, cfg, goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, msg any) {
				ctx.SetValue(msg)
				ctx.Emit(jobOut, ctx.Key(), msg)
			}), goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))), engine.Hooks{})
			awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
			_ = r.stop()
			var bytes int
			if err := engine.ReadToEnd(context.Background(), cfg.Client, jobOut, func(r *kgo.Record) error { bytes += len(r.Value); return nil }); err != nil {
				t.Fatal(err)
			}
			if want := 4*len(value) + 4; bytes != want {
				t.Errorf("%d bytes came out, want %d; %d records went in; the group's last error: %v", bytes, want, len(b.Records(t, jobIn)), r.Status().LastError)
			}
		})
	}
}

// A transaction is bounded: it is committed early, and the callbacks wait.
func TestTransactionsAreBounded(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n = 1500
	generate(t, b.Addr, 0, n, 50, 0)
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.CommitInterval, cfg.MaxTransactionRecords = 4*time.Second, 100
	registry := prometheus.NewRegistry()
	g, err := engine.New(cfg, jobGraph(nil), engine.Deps{Log: testLog(), Registry: registry}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	verify(t, b.Addr, dir, n, 50)
	figures := gathered(t, registry)
	if c := figures["customer360_engine_transactions_total/committed"]; c < 2*n/(100+20) {
		t.Errorf("%v transactions for %d outputs", c, 2*n)
	}
	if in, out := figures["customer360_engine_records_in_total/"], figures["customer360_engine_records_out_total/"]; in != n || out != 2*n {
		t.Errorf("metrics: %v in, %v out", in, out)
	}
}

func gathered(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
		for _, m := range f.GetMetric() {
			outcome := ""
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" {
					outcome = l.GetValue()
				}
			}
			figures[f.GetName()+"/"+outcome] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return figures
}
