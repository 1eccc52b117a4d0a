package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// transact produces the records in one transaction and ends it.
func transact(t *testing.T, cl *kgo.Client, end kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(context.Background(), end); err != nil {
		t.Fatal(err)
	}
}

func on(topic string, partition int32, key, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value)}
}

func readAll(t *testing.T, b *kafkatest.Broker, topic string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var got []string
	err := engine.ReadToEnd(ctx, []kgo.Opt{kgo.SeedBrokers(b.Addr)}, topic, func(r *kgo.Record) error {
		got = append(got, fmt.Sprintf("%d %s=%s", r.Partition, r.Key, r.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadToEndSeesCommittedRecordsOnly(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(4, "t"))
	manual := kgo.RecordPartitioner(kgo.ManualPartitioner())
	a := b.Client(t, manual, kgo.TransactionalID("a"))
	open := b.Client(t, manual, kgo.TransactionalID("open"))
	if got := readAll(t, b, "t"); len(got) != 0 {
		t.Fatalf("an empty topic has %v", got)
	}
	transact(t, a, kgo.TryCommit, on("t", 0, "k", "1"), on("t", 2, "k", "2"))
	transact(t, a, kgo.TryAbort, on("t", 0, "k", "no"), on("t", 1, "k", "no"))
	transact(t, a, kgo.TryCommit, on("t", 0, "k", "3"))
	want := []string{"0 k=1", "0 k=3", "2 k=2"}
	if got := readAll(t, b, "t"); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}

	// The stable part of partition 3 ends in an aborted record, and an open
	// transaction follows: no record that a consumer shows lies at the end.
	if err := a.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := a.ProduceSync(context.Background(), on("t", 3, "k", "no")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := open.ProduceSync(context.Background(), on("t", 3, "k", "open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := a.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b, "t"); !slices.Equal(got, want) {
		t.Fatalf("with an open transaction: got %v, want %v", got, want)
	}
	if err := open.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b, "t"); !slices.Equal(got, append(want, "3 k=open")) {
		t.Fatalf("after its commit: got %v", got)
	}
}

func TestReadToEndOfACompactedTopic(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopic("t", 2, map[string]string{"cleanup.policy": "compact"}))
	cl := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("a"))
	for i := range 50 {
		transact(t, cl, kgo.TryCommit, on("t", 0, "k", fmt.Sprint(i)), on("t", 1, fmt.Sprint("k", i%2), fmt.Sprint(i)))
	}
	transact(t, cl, kgo.TryAbort, on("t", 0, "k", "no"))
	b.Cluster.Compact()
	want := []string{"0 k=49", "1 k0=48", "1 k1=49"}
	if got := readAll(t, b, "t"); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestReadToEndReportsErrors(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
	cl := b.Client(t)
	if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	opts := []kgo.Opt{kgo.SeedBrokers(b.Addr)}
	if err := engine.ReadToEnd(context.Background(), opts, "none", nil); err == nil {
		t.Error("a missing topic gives no error")
	}
	stop := errors.New("stop")
	if err := engine.ReadToEnd(context.Background(), opts, "t", func(*kgo.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the callback: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := engine.ReadToEnd(ctx, opts, "t", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Records far over a fetch's usual size come through.
func TestReadToEndReadsLargeRecords(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopic("t", 1, map[string]string{"max.message.bytes": "17825792"}))
	cl := b.Client(t, kgo.ProducerBatchMaxBytes(17<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 3 {
		if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: make([]byte, 16<<20)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, b, "t"); len(got) != 3 {
		t.Fatalf("%d records, want 3", len(got))
	}
}

// TestReaderGoesOn: each round gives what was committed since the last one, also
// where fn has failed in between.
func TestReaderGoesOn(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(2, "t"))
	a := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("a"))
	r := engine.NewReader([]kgo.Opt{kgo.SeedBrokers(b.Addr)}, "t")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	round := func(want ...string) {
		t.Helper()
		var got []string
		if err := r.Read(ctx, func(r *kgo.Record) error {
			got = append(got, string(r.Value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the round has %v, want %v", got, want)
		}
	}
	round()
	transact(t, a, kgo.TryCommit, on("t", 0, "k", "1"), on("t", 1, "k", "2"))
	round("1", "2")
	round()
	transact(t, a, kgo.TryAbort, on("t", 0, "k", "no"))
	transact(t, a, kgo.TryCommit, on("t", 0, "k", "3"), on("t", 0, "k", "4"))
	stop := errors.New("stop")
	if err := r.Read(ctx, func(*kgo.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the round ended with %v", err)
	}
	round("3", "4")
	if next := r.Next(); next[0] < 5 || next[1] < 2 {
		t.Errorf("it goes on at %v", next)
	}
}
