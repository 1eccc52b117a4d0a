package kafkatest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"customer360/internal/local/kafka/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecordsOfOneTransactionAreReadAndAbortedOnesAreNot(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopic("t", 3, map[string]string{"cleanup.policy": "compact"}))
	client := b.Client(t, kgo.TransactionalID("one"), kgo.DefaultProduceTopic("t"))
	ctx := context.Background()
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			record := kgo.KeyStringRecord(fmt.Sprint("key", i), fmt.Sprint("committed ", end))
			if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	records := b.Records(t, "t")
	if len(records) != 10 {
		t.Fatalf("%d records, want the 10 of the committed transaction", len(records))
	}
	for _, r := range records {
		if string(r.Value) != "committed true" {
			t.Errorf("read %q", r.Value)
		}
	}
}

func TestDataSurvivesARestartInTheSameDir(t *testing.T) {
	dir := t.TempDir()
	first := kafkatest.Start(t, kafkatest.WithDir(dir), kafkatest.WithTopics(1, "t"))
	client := first.Client(t)
	if err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	client.Close()
	first.Stop()

	second := kafkatest.Start(t, kafkatest.WithDir(dir))
	if records := second.Records(t, "t"); len(records) != 1 || string(records[0].Value) != "kept" {
		t.Fatalf("after the restart: %v", records)
	}
}

func TestUnknownTopicsAreNotCreated(t *testing.T) {
	b := kafkatest.Start(t)
	client := b.Client(t, kgo.UnknownTopicRetries(0), kgo.AllowAutoTopicCreation())
	if err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "nobody-made-it", Value: []byte("x")}).FirstErr(); err == nil {
		t.Fatal("a topic came into being by itself")
	}
}

func TestCompactWithLivingClients(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithDir(t.TempDir()),
		kafkatest.WithTopic("t", 1, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}))
	client := b.Client(t, kgo.DefaultProduceTopic("t"))
	ctx := context.Background()
	write := func(values ...string) {
		for _, v := range values {
			if err := client.ProduceSync(ctx, kgo.KeyStringRecord("key", v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	values := func() (all []string) {
		for _, r := range b.Records(t, "t") {
			all = append(all, fmt.Sprint(r.Offset, string(r.Value)))
		}
		return all
	}
	write("a", "b", "c", "d")
	b.Compact(t, time.Now())
	if got := values(); len(got) != 4 {
		t.Errorf("records younger than the lag are gone: %v", got)
	}
	b.Compact(t, time.Now().Add(2*time.Hour))
	if got := values(); fmt.Sprint(got) != "[2c 3d]" { // the newest batch is not looked at
		t.Errorf("after the compaction: %v", got)
	}
	write("e")
	b.Compact(t, time.Now().Add(2*time.Hour))
	if got := values(); fmt.Sprint(got) != "[3d 4e]" {
		t.Errorf("after the next: %v", got)
	}
}
