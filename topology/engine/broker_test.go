package engine_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// runs is a group that is expected to end by itself, later.
func runs(t *testing.T, cfg engine.Config, graph *goka.GroupGraph) (g *engine.Group, end func() error) {
	t.Helper()
	g, err := engine.New(cfg, graph, engine.Deps{Log: testLog()}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	eventually(t, 30*time.Second, func() bool { return g.Status().State == engine.Running }, func() string { return fmt.Sprintf("not running: %+v", g.Status()) })
	return g, func() error {
		t.Helper()
		err := receive(t, done, "Run does not end")
		if err == nil || ctx.Err() != nil {
			t.Fatalf("Run ended with %v, context %v, after %v", err, ctx.Err(), g.Status().LastError)
		}
		return err
	}
}

// The group, job or sink, and how the test starts it.
func kinds(t *testing.T, b *kafkatest.Broker) map[string]func(t *testing.T) (engine.Config, *goka.GroupGraph) {
	return map[string]func(t *testing.T) (engine.Config, *goka.GroupGraph){
		"job": func(t *testing.T) (engine.Config, *goka.GroupGraph) {
			return jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil)
		},
		"sink": func(*testing.T) (engine.Config, *goka.GroupGraph) {
			return sinkConfig(b.Addr, "a"), sinkGraph(func(goka.Context) {})
		},
	}
}

// What changes a topic so that no group may go on, while groups run: they end
// and say why, a new start says so too, and nothing is read that was not
// committed before.
func TestTopicsThatChangeWhileRunning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, b *kafkatest.Broker, adm *kadm.Client)
		says   []string
	}{
		"input created anew": {func(t *testing.T, b *kafkatest.Broker, adm *kadm.Client) {
			if _, err := adm.DeleteTopic(t.Context(), jobIn); err != nil {
				t.Fatal(err)
			}
			b.CreateTopic(t, jobIn, jobParts, nil)
			generate(t, b.Addr, 0, 400, 50, 0) // more than were committed: no offset is out of range
		}, []string{jobIn, "rebuild"}},
		"more partitions": {func(t *testing.T, _ *kafkatest.Broker, adm *kadm.Client) {
			if _, err := adm.UpdatePartitions(t.Context(), 2*jobParts, jobIn); err != nil {
				t.Fatal(err)
			}
		}, []string{jobIn, " partitions", "rebuild"}},
		"records gone": {func(t *testing.T, b *kafkatest.Broker, _ *kadm.Client) {
			f := b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: jobIn, Err: kerr.NotLeaderForPartition, Count: -1})
			generate(t, b.Addr, 200, 200, 50, 0)
			for p := range int32(jobParts) {
				if err := b.Cluster.DeleteRecords(jobIn, p, b.Cluster.PartitionInfo(jobIn, p).HighWatermark); err != nil {
					t.Fatal(err)
				}
			}
			f.Remove()
		}, []string{jobIn, "gone from the log", "rebuild"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			firstOffsets(t, b.Addr, sinkGroup, jobIn)
			generate(t, b.Addr, 0, 200, 50, 0)
			adm := kadm.NewClient(b.Client(t))
			var ends []func() error
			for kind, of := range kinds(t, b) {
				cfg, graph := of(t)
				_, end := runs(t, cfg, graph)
				awaitEnd(t, b.Addr, cfg.Group, 30*time.Second, jobIn)
				ends = append(ends, func() error {
					err := end()
					t.Logf("%s: %v", kind, err)
					return err
				})
			}
			c.change(t, b, adm)
			for _, end := range ends {
				wants(t, end(), c.says...)
			}
			for _, of := range kinds(t, b) {
				cfg, graph := of(t)
				wants(t, runToEnd(t, cfg, graph), "rebuild")
			}
			// 200 records of 50 keys were merged, and no other.
			for _, r := range b.Records(t, jobOut) {
				if n, err := strconv.Atoi(string(r.Value)); err != nil || n > 4 {
					t.Errorf("an output of what is not the log any more: %s", r.Value)
				}
			}
		})
	}
}

// The commits are gone, as with a topic that was deleted or by a tool: a sink
// guesses no more than a job does (TestMissingOffsetsAreFatal).
func TestMissingOffsetsAreFatalInSinks(t *testing.T) {
	t.Parallel()
	b, adm := startSinkBroker(t)
	if _, err := adm.DeleteOffsets(t.Context(), sinkGroup, kadm.TopicsSet{jobIn: {1: {}}}); err != nil {
		t.Fatal(err)
	}
	wants(t, runToEnd(t, sinkConfig(b.Addr, "a"), sinkGraph(func(goka.Context) { t.Error("a callback") })),
		"group sink", "no committed offset for "+jobIn+"/1", "rebuild")
}

// The broker goes away with a transaction open, for longer than transaction and
// session last, and comes back with its data. With ENGINE_LONG it is away for
// 60 s, with the timeouts of production.
func TestBrokerAwayWithinATransaction(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	b := startBroker(t, kafkatest.WithDir(data), kafkatest.WithKfake(kfake.SyncWrites(), kfake.GroupMinSessionTimeout(time.Second)))
	cfg, away := jobConfig(b.Addr, dir, "a"), 4*time.Second
	cfg.CommitInterval, cfg.TransactionTimeout, cfg.SessionTimeout = time.Second, 3*time.Second, 2*time.Second
	if os.Getenv("ENGINE_LONG") != "" {
		away = time.Minute
		cfg.TransactionTimeout, cfg.SessionTimeout = engine.DefaultConfig().TransactionTimeout, engine.DefaultConfig().SessionTimeout
	}
	const n, keys = 6000, 100
	r := start(t, cfg, jobGraph(nil), engine.Hooks{})
	eventually(t, 20*time.Second, func() bool { return r.Status().State == engine.Running }, func() string { return "not running" })
	// With a commit a second the transaction stays open for a while.
	generate(t, b.Addr, 0, n/2, keys, 0)
	adm := kadm.NewClient(b.Client(t))
	eventually(t, 20*time.Second, func() bool {
		open, err := adm.ListTransactions(t.Context(), nil, []string{"Ongoing"})
		return err == nil && len(open) == 1
	}, func() string { return "no transaction is open" })
	var port int
	if _, err := fmt.Sscanf(b.Addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	b.Stop()
	gone := time.Now()
	eventually(t, away+40*time.Second, func() bool { return r.Status().LastError != nil }, func() string { return "the outage is not seen" })
	noticed, why := time.Since(gone), r.Status().LastError
	time.Sleep(time.Until(gone.Add(away)))
	b = kafkatest.Start(t, kafkatest.WithDir(data), kafkatest.WithPort(port), kafkatest.WithKfake(kfake.GroupMinSessionTimeout(time.Second)))
	back := time.Now()
	generate(t, b.Addr, n/2, n-n/2, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 120*time.Second, jobIn)
	t.Logf("away for %v, noticed after %v (%v), all %d records merged %v after it was back", away, noticed.Round(time.Millisecond), why, n, time.Since(back).Round(time.Millisecond))
	conclude(t, b, dir, n, keys, r)
}
