package txn

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
)

// forget answers one Produce request as a broker does that has deleted all
// records of the producer, and with them its state.
func forget(b *kafkatest.Broker) {
	b.Cluster.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		return kafkatest.Forgotten(kreq.(*kmsg.ProduceRequest)), nil, true
	})
}

func transactional(t *testing.T, b *kafkatest.Broker, opts ...kgo.Opt) *kgo.Client {
	return b.Client(t, append([]kgo.Opt{kgo.TransactionalID("id"), kgo.DefaultProduceTopic("t"), kgo.ProducerLinger(0), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)...)
}

func produce(t *testing.T, cl *kgo.Client, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func values(t *testing.T, b *kafkatest.Broker) (got []string) {
	t.Helper()
	for _, r := range b.Records(t, "t") {
		got = append(got, string(r.Value))
	}
	return got
}

// A producer that a partition has forgotten takes a new epoch. kgo alone
// commits "second" here, says nil, and "first" is lost.
func TestAnEpochTakenWithinATransactionIsNoCommit(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
	cl := transactional(t, b)
	open, err := Begin(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "first")
	forget(b)
	produce(t, cl, "second")
	if err := open.Commit(t.Context()); !errors.Is(err, ErrReset) || !errors.Is(err, kerr.TransactionAbortable) {
		t.Fatalf("the commit ended with %v", err)
	}
	if err := open.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := values(t, b); len(got) != 0 {
		t.Errorf("committed: %v", got)
	}
	if open, err = Begin(t.Context(), cl); err != nil { // all of it again
		t.Fatal(err)
	}
	produce(t, cl, "first")
	produce(t, cl, "second")
	if err := open.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := values(t, b); len(got) != 2 {
		t.Errorf("committed: %v", got)
	}
}

// The coordinator aborts a transaction that outlasts its timeout.
func TestATransactionThatTimedOutIsNoCommit(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
	cl := transactional(t, b, kgo.TransactionTimeout(100*time.Millisecond))
	open, err := Begin(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "late")
	time.Sleep(300 * time.Millisecond)
	if err := open.Commit(t.Context()); err == nil {
		t.Error("committed what the coordinator had aborted")
	}
	if got := values(t, b); len(got) != 0 {
		t.Errorf("committed: %v", got)
	}
}

// The topic's log that has the acknowledged records is gone.
func TestATopicCreatedAnewIsNoCommit(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
	cl := transactional(t, b)
	open, err := Begin(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "first")
	recreate(t, b, "t", 1)
	// The client must have seen it: a produce fails for that.
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("second")).FirstErr(); err == nil {
		t.Fatal("produced to a topic created anew")
	}
	if err := open.Commit(t.Context()); err == nil {
		t.Error("committed what is gone")
	}
	if err := open.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if got := values(t, b); len(got) != 0 {
		t.Errorf("committed: %v", got)
	}
}

func recreate(t *testing.T, b *kafkatest.Broker, topic string, partitions int32) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{topic}
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), b.Client(t))
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.CreateTopic(t, topic, partitions, nil)
}

// Whatever EndTxn and InitProducerID are answered, nil means committed.
func TestNilMeansCommitted(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.EndTxn, kmsg.InitProducerID, kmsg.Produce} {
		for _, e := range []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress,
			kerr.ConcurrentTransactions, kerr.UnknownServerError, kerr.ProducerFenced, kerr.InvalidProducerEpoch,
			kerr.InvalidProducerIDMapping, kerr.InvalidTxnState, kerr.TransactionAbortable, kerr.OutOfOrderSequenceNumber,
			kerr.UnknownProducerID, kerr.TransactionalIDAuthorizationFailed} {
			t.Run(key.Name()+"/"+e.Message, func(t *testing.T) {
				t.Parallel()
				b := kafkatest.Start(t, kafkatest.WithTopics(1, "t"))
				cl := transactional(t, b)
				ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
				defer cancel()
				if key != kmsg.InitProducerID {
					if _, _, err := cl.ProducerID(ctx); err != nil {
						t.Fatal(err)
					}
				}
				f := b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e})
				open, err := Begin(ctx, cl)
				if err == nil {
					if err = cl.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err == nil {
						err = open.Commit(ctx)
					}
					if err != nil {
						_ = open.Abort(ctx)
					}
				}
				want := 0
				if err == nil {
					want = 1
				}
				if got := values(t, b); len(got) != want || f.Hits() != 1 {
					t.Errorf("ended with %v, committed: %v, %d requests failed", err, got, f.Hits())
				}
			})
		}
	}
}
