package engine_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// The classes of docs/faults.md. What belongs to a class does not depend on the
// request, but which errors a request can meet does.
var (
	moving    = []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}
	leader    = []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.KafkaStorageError}
	member    = []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress}
	producer  = []*kerr.Error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping}
	txnState  = []*kerr.Error{kerr.ConcurrentTransactions, kerr.InvalidTxnState, kerr.TransactionAbortable}
	sequence  = []*kerr.Error{kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID}
	replicas  = []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut}
	whatever  = []*kerr.Error{kerr.UnknownServerError, kerr.NetworkException, kerr.ThrottlingQuotaExceeded}
	logMoving = []*kerr.Error{kerr.OffsetNotAvailable, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.UnknownTopicOrPartition}
)

// passing are the errors that strike and go away, by request.
var passing = map[kmsg.Key][][]*kerr.Error{
	kmsg.Metadata:          {leader[:2], whatever[:1], {kerr.UnknownTopicOrPartition}},
	kmsg.FindCoordinator:   {moving[:2], whatever[:1]},
	kmsg.JoinGroup:         {moving, member, whatever[:1]},
	kmsg.SyncGroup:         {moving, member, whatever[:1]},
	kmsg.Heartbeat:         {moving, member, whatever[:1]},
	kmsg.OffsetFetch:       {moving, {kerr.UnstableOffsetCommit}, whatever[:1]},
	kmsg.ListOffsets:       {leader, logMoving, whatever[:1]},
	kmsg.DescribeProducers: {leader[:1], whatever[:1]},
	kmsg.DescribeConfigs:   {{kerr.RequestTimedOut}, whatever[:1]},
	kmsg.InitProducerID:    {moving, txnState[:1], producer, whatever[:1]},
	kmsg.Fetch:             {leader, logMoving, whatever[:2], {kerr.CorruptMessage}},
	kmsg.Produce:           {leader, replicas, producer, txnState, sequence, whatever, {kerr.CorruptMessage}},
	kmsg.TxnOffsetCommit:   {moving, member, producer, txnState, whatever[:2], {kerr.RequestTimedOut}},
	kmsg.EndTxn:            {moving, producer, txnState, whatever[:2]},
	// Before KIP-890.
	kmsg.AddPartitionsToTxn: {moving, producer, txnState, whatever[:1]},
	kmsg.AddOffsetsToTxn:    {moving, producer, txnState, whatever[:1]},
}

// startFor is a broker that is sent such requests.
func startFor(t *testing.T, key kmsg.Key) *kafkatest.Broker {
	if key == kmsg.AddPartitionsToTxn || key == kmsg.AddOffsetsToTxn {
		return startOlder(t, kversion.V3_6_0())
	}
	return startBroker(t)
}

// atStart are the requests that only a joining instance sends.
var atStart = map[kmsg.Key]bool{kmsg.Metadata: true, kmsg.FindCoordinator: true, kmsg.JoinGroup: true, kmsg.SyncGroup: true,
	kmsg.OffsetFetch: true, kmsg.ListOffsets: true, kmsg.DescribeProducers: true, kmsg.DescribeConfigs: true, kmsg.InitProducerID: true}

// byTheJob leaves the tests' own producer alone.
func byTheJob(r kmsg.Request) bool {
	switch r := r.(type) {
	case *kmsg.ProduceRequest:
		return r.TransactionID != nil
	case *kmsg.InitProducerIDRequest:
		return r.TransactionalID != nil
	}
	return true
}

// awaitEnd is that of the job; a group that has ended is no use waiting for.
func (r *running) awaitEnd(t *testing.T, b *kafkatest.Broker) {
	t.Helper()
	adm := kadm.NewClient(b.Client(t))
	ended := false
	eventually(t, 60*time.Second, func() bool {
		lag, err := groupLag(adm, jobGroup, jobIn)
		ended = r.Status().LastError != nil && r.Status().State == engine.Stopped
		return ended || err == nil && lag == 0
	}, func() string { return fmt.Sprintf("not at the end: %+v", r.Status()) })
	if ended {
		t.Fatalf("the group has ended: %v", r.Status().LastError)
	}
}

func awaitHits(t *testing.T, f *kfake.FaultHandle, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := f.Wait(ctx, n); err != nil {
		t.Errorf("%d requests failed, want %d: %v", f.Hits(), n, err)
	}
	f.Remove()
}

// Every error that goes away, on every request that can be answered with it,
// once before anything else: the outcome is that of a calm run, and the group goes
// on by itself. The first of a class strikes again in the middle, three times in a
// row; with ENGINE_LONG all do.
func TestKafkaErrorsThatPass(t *testing.T) {
	for key, classes := range passing {
		for _, class := range classes {
			t.Run(fmt.Sprintf("%s/%s", key.Name(), class[0].Message), func(t *testing.T) {
				t.Parallel()
				b, dir := startFor(t, key), t.TempDir()
				const each, keys = 60, 20
				n := 0
				for i, e := range class {
					var f *kfake.FaultHandle
					var r *running
					strike := func(count int) {
						if atStart[key] { // before the tests' own clients are hit
							awaitHits(t, f, count)
						}
						begin := time.Now()
						generate(t, b.Addr, n, each, keys, 0)
						n += each
						awaitHits(t, f, count)
						r.awaitEnd(t, b)
						t.Logf("%s, %d in a row: at the end after %v", e.Message, count, time.Since(begin).Round(time.Millisecond))
					}
					f = b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e, When: byTheJob})
					r = startJob(t, b, dir, "a")
					strike(1)
					if i == 0 || os.Getenv("ENGINE_LONG") != "" {
						f = b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e, Count: 3, When: byTheJob})
						if atStart[key] {
							if err := r.stop(); err != nil {
								t.Error(err)
							}
							r = startJob(t, b, dir, "a")
						}
						strike(3)
					}
					if err := r.stop(); err != nil {
						t.Errorf("%s: %v", e.Message, err)
					}
				}
				verify(t, b.Addr, dir, n, keys)
			})
		}
	}
}

// A partition whose records were all deleted has forgotten its producers. kgo
// then takes a new epoch in the middle of the transaction, without an error:
// what was acknowledged before is aborted, and must be done again.
func TestAForgottenProducerLosesNothing(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const part, keys = 1000, 50
	var produced, forgotten int // of the cluster's goroutine
	done := make(chan struct{})
	b.Cluster.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		if req.TransactionID == nil || forgotten == 5 {
			return nil, nil, false
		}
		if produced++; produced%2 != 0 {
			return nil, nil, false
		}
		if forgotten++; forgotten == 1 {
			close(done)
		}
		return kafkatest.Forgotten(req), nil, true
	})
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.CommitInterval = 500 * time.Millisecond // several requests each
	r := start(t, cfg, jobGraph(nil), engine.Hooks{})
	n := 0
	for there := false; !there; {
		if n == 20*part {
			t.Fatal("no producer was forgotten")
		}
		generate(t, b.Addr, n, part, keys, 1000)
		r.awaitEnd(t, b)
		n += part
		select {
		case <-done:
			there = true
		default:
		}
	}
	conclude(t, b, dir, n, keys, r)
}
