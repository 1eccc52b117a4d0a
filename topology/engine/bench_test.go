package engine_test

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

const benchKeys = 10_000

// benchGraph does per record what merge does, without its work: it reads the
// key's state, writes one of 300 bytes and emits a document of 200 bytes with
// two headers.
func benchGraph(done *atomic.Int64) *goka.GroupGraph {
	state, document := bytes.Repeat([]byte("s"), 300), bytes.Repeat([]byte("d"), 200)
	return goka.DefineGroup(jobGroup,
		engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, _ any) {
			ctx.Value()
			ctx.SetValue(state)
			engine.Emit(ctx, jobOut, ctx.Key(), document, engine.Header{Key: "generation", Value: []byte("1")}, engine.Header{Key: "fence", Value: strconv.AppendInt(nil, ctx.Offset(), 10)})
			done.Add(1)
		}),
		goka.Output(jobOut, new(codec.Bytes)),
		goka.Persist(new(codec.Bytes)))
}

// fill writes n records of 300 bytes.
func fill(b *testing.B, addr string, n int) {
	b.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(1<<20))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	value := bytes.Repeat([]byte("v"), 300)
	var failed kgo.FirstErrPromise
	for i := range n {
		cl.Produce(b.Context(), &kgo.Record{Topic: jobIn, Key: []byte("customer-" + strconv.Itoa(i%benchKeys) + "@example.com"), Value: value}, failed.Promise())
	}
	if err := failed.Err(); err != nil {
		b.Fatal(err)
	}
}

// Per record, from the fetch to the commit. The broker (kfake) and its share are
// in all figures.
func BenchmarkTransactional(b *testing.B) {
	broker := kafkatest.Start(b, kafkatest.WithTopics(jobParts, jobIn, jobOut),
		kafkatest.WithTopic(jobTable, jobParts, map[string]string{"cleanup.policy": "compact"}))
	cfg := jobConfig(broker.Addr, b.TempDir(), "a")
	cfg.CommitInterval, cfg.CacheBytes = 100*time.Millisecond, 32<<20
	var done atomic.Int64
	benchGroup(b, broker, cfg, benchGraph(&done), &done)
}

// The same for a sink that is done at once.
func BenchmarkSink(b *testing.B) {
	broker := kafkatest.Start(b, kafkatest.WithTopics(jobParts, jobIn, jobOut))
	var done atomic.Int64
	benchGroup(b, broker, sinkConfig(broker.Addr, "a"), sinkGraph(func(ctx goka.Context) {
		finish := ctx.DeferCommit()
		done.Add(1)
		finish(nil)
	}), &done)
}

func benchGroup(b *testing.B, broker *kafkatest.Broker, cfg engine.Config, graph *goka.GroupGraph, done *atomic.Int64) {
	client := []kgo.Opt{kgo.SeedBrokers(broker.Addr)}
	first, err := engine.StartOffsets(b.Context(), client, jobIn)
	if err == nil {
		err = engine.CommitFirstOffsets(b.Context(), client, cfg.Group, first)
	}
	if err != nil {
		b.Fatal(err)
	}
	g, err := engine.New(cfg, graph, engine.Deps{Log: testLog()}, engine.Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	await := func(ok func() bool) {
		b.Helper()
		for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				b.Fatalf("%+v", g.Status())
			}
		}
	}
	adm := kadm.NewClient(broker.Client(b))
	settled := func() bool {
		lag, err := groupLag(adm, cfg.Group, jobIn)
		return err == nil && lag == 0
	}
	await(func() bool { return g.Status().State == engine.Running })
	fill(b, broker.Addr, 20_000) // warm-up
	await(settled)
	done.Store(0)
	// What is filled is read and done at once: filling is in the time.
	b.ReportAllocs()
	b.ResetTimer()
	fill(b, broker.Addr, b.N)
	await(func() bool { return done.Load() == int64(b.N) })
	await(settled)
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if g.Status().LastError != nil {
		b.Fatal(g.Status().LastError)
	}
}
