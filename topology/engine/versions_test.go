package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"customer360/internal/local/kafka/kafkatest"
)

// older are clusters with transactions of before KIP-890.
var older = map[string]func() *kversion.Versions{
	"2.8": kversion.V2_8_0, "3.0": kversion.V3_0_0, "3.6": kversion.V3_6_0, "3.9": kversion.V3_9_0,
}

func startOlder(t *testing.T, v *kversion.Versions) *kafkatest.Broker {
	return startBroker(t, kafkatest.WithKfake(kfake.MaxVersions(v)))
}

func TestExactlyOnceOnOlderBrokers(t *testing.T) {
	t.Parallel()
	for name, version := range older {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overFaults(t, startOlder(t, version()), 6000, 1)
		})
	}
}

// A dead instance has left a transaction open on the table. Its successor does
// not go on before it is aborted: where it can be found by raising its epoch,
// on 2.8 by waiting for its timeout.
func TestTransactionsLeftOpenOnOlderBrokers(t *testing.T) {
	t.Parallel()
	for name, version := range older {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dir := startOlder(t, version()), t.TempDir()
			const n, keys = 400, 40
			dead := b.Client(t, kgo.TransactionalID(jobGroup+"-dead"), kgo.TransactionTimeout(5*time.Second), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			if err := dead.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for p := range int32(jobParts) {
				if err := dead.ProduceSync(t.Context(), on(jobTable, p, "key-0", `{"Count":1000}`)).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			begin := time.Now()
			r := startJob(t, b, dir, "a")
			generate(t, b.Addr, 0, n, keys, 0)
			r.awaitEnd(t, b)
			t.Logf("took over in %v", time.Since(begin).Round(time.Millisecond))
			if err := dead.EndTransaction(context.Background(), kgo.TryCommit); err == nil {
				t.Error("the dead one has committed")
			}
			conclude(t, b, dir, n, keys, r)
		})
	}
}

// A late produce request of an aborted transaction finds the epoch raised.
func TestAbortsRaiseTheEpochOnOlderBrokers(t *testing.T) {
	t.Parallel()
	b, dir := startOlder(t, kversion.V3_6_0()), t.TempDir()
	ended := b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
		return !r.(*kmsg.EndTxnRequest).Commit
	}})
	f := b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 2})
	r := startJob(t, b, dir, "a")
	generate(t, b.Addr, 0, 400, 40, 0)
	awaitHits(t, f, 2)
	conclude(t, b, dir, 400, 40, r)
	if n := ended.Hits(); n != 0 {
		t.Errorf("%d transactions were aborted under their own epoch", n)
	}
}

func TestBrokersThatAreTooOldAreFatal(t *testing.T) {
	t.Parallel()
	b := startOlder(t, kversion.V2_7_0())
	wants(t, runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil)), "Kafka 2.8", "DescribeProducers")
}
