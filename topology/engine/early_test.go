package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology/engine"
)

// A session that keeps up commits earlier than once per interval: records that
// come one by one do not wait a whole interval each.
func TestCommitsAreEarlyWhileTheSessionKeepsUp(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.CommitInterval = 5 * time.Second
	start(t, cfg, jobGraph(nil), engine.Hooks{})
	generate(t, b.Addr, 0, 1, 1, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn) // it runs
	const n = 4
	began := time.Now()
	for i := range n {
		generate(t, b.Addr, 1+i, 1, 1, 0)
		awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	}
	if took := time.Since(began); took > n*cfg.CommitInterval*3/4 {
		t.Errorf("%d records, each after the commit of the one before, took %v: an interval of %v each would be %v", n, took, cfg.CommitInterval, n*cfg.CommitInterval)
	}
}

// A session with a backlog commits once per interval: it needs the time.
func TestCommitsAreNotEarlyBehindABacklog(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	generate(t, b.Addr, 0, 12_000, 50, 0)
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.QueueBytes, cfg.CommitInterval = 1<<16, 800*time.Millisecond
	slow := goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, m any) {
		time.Sleep(2 * time.Millisecond) // the work, of each of the partitions at once
		ctx.Emit(jobOut, ctx.Key(), m)
	}), goka.Output(jobOut, new(codec.Bytes)))
	registry := prometheus.NewRegistry()
	g, err := engine.New(cfg, slow, engine.Deps{Log: testLog(), Registry: registry}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	began := time.Now()
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	took := time.Since(began)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	commits, intervals := gathered(t, registry)["customer360_engine_transactions_total/committed"], took.Seconds()/cfg.CommitInterval.Seconds()
	t.Logf("%v transactions in %.1f intervals", commits, intervals)
	if commits > 2*intervals+4 {
		t.Errorf("%v transactions in %v, which is %.1f intervals", commits, took, intervals)
	}
}

// After a commit that took long, the next early one rests for twice as long: a
// slow broker gets no more of them.
func TestEarlyCommitsRestAfterASlowOne(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	cfg := jobConfig(b.Addr, dir, "a")
	// Ticks are 1 s apart: without a rest the next commit begins 0.3 s after a slow one.
	const slow = 700 * time.Millisecond
	cfg.CommitInterval = 4 * time.Second
	copies := goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, m any) { ctx.Emit(jobOut, ctx.Key(), m) }),
		goka.Output(jobOut, new(codec.Bytes)))
	start(t, cfg, copies, engine.Hooks{})
	generate(t, b.Addr, 0, 1, 1, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn) // it runs

	rests := make(chan time.Duration, 100)
	var answered time.Time
	b.Cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		if !answered.IsZero() {
			select {
			case rests <- time.Since(answered):
			default:
			}
		}
		b.Cluster.SleepControl(func() { time.Sleep(slow) })
		answered = time.Now()
		return nil, nil, false
	})
	cl := b.Client(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { // there is always something to commit
		for ctx.Err() == nil {
			cl.Produce(ctx, &kgo.Record{Topic: jobIn, Value: []byte("record")}, nil)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	// A machine that stands still makes rests longer, or brings the interval's end
	// before that of a rest: one that is long enough is seen among three, or none is.
	for range 3 {
		select {
		case rest := <-rests:
			if t.Log("a rest of", rest); rest >= 2*slow {
				return
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("no commits")
		}
	}
	t.Errorf("commits of %v are never followed by a rest of %v", slow, 2*slow)
}
