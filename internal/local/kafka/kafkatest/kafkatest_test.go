package kafkatest_test

import (
	"context"
	"fmt"
	"testing"

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
