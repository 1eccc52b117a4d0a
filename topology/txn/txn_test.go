package txn

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
)

// The metadata loop is held while the partitions of a new topic are not yet
// published, but a record of it is acknowledged. EndTransaction alone aborts
// here and says nothing.
func TestTheFirstTransactionToATopicIsCommitted(t *testing.T) {
	broker := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	partition := func(string) func(*kgo.Record, int) int {
		return func(r *kgo.Record, partitions int) int {
			if string(r.Value) == "blocks" {
				<-held
				return partitions // there is none of this number: the record fails
			}
			return 0
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr), kgo.TransactionalID("id"), kgo.DefaultProduceTopic("t"),
		kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partition)))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	defer release()
	open, err := Begin(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	buffered := make(chan struct{}) // the broker answers about the topic when both records wait for it
	broker.Cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-buffered
		return nil, nil, false
	})
	acked, failed := make(chan error, 1), make(chan error, 1)
	cl.Produce(t.Context(), kgo.StringRecord("kept"), func(_ *kgo.Record, err error) { acked <- err })
	cl.Produce(t.Context(), kgo.StringRecord("blocks"), func(_ *kgo.Record, err error) { failed <- err })
	close(buffered)
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- open.Commit(t.Context()) }()
	select {
	case err := <-ended:
		t.Fatalf("ended while the topic is unknown: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if err := <-failed; err == nil {
		t.Error("a record with an invalid partition was produced")
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := broker.Records(t, "t"); len(got) != 1 || string(got[0].Value) != "kept" {
		t.Errorf("committed: %v", got)
	}
}
