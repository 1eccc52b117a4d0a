package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"

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
