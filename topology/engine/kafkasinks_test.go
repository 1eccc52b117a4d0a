package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology/engine"
)

// passingInSinks are the errors of requests that only sinks send, or that
// strike them in another way: their outputs (dead letters) have no transaction.
var passingInSinks = map[kmsg.Key][]*kerr.Error{
	kmsg.OffsetCommit: {kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownMemberID,
		kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.RequestTimedOut, kerr.KafkaStorageError, kerr.UnknownServerError},
	kmsg.Heartbeat: {kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.NotCoordinator},
	kmsg.Fetch:     {kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.UnknownServerError},
	kmsg.Produce:   {kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.OutOfOrderSequenceNumber, kerr.UnknownServerError},
}

// sinkFault leaves the tests' own producer alone.
func sinkFault(key kmsg.Key, e *kerr.Error, count int) kfake.Fault {
	f := kfake.Fault{Keys: []kmsg.Key{key}, Err: e, Count: count}
	if key == kmsg.Produce {
		f.Topic = jobOut
	}
	return f
}

// All work is done, and no offset committed ahead of it.
func TestKafkaErrorsThatPassInSinks(t *testing.T) {
	for key, errs := range passingInSinks {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			b, adm := startSinkBroker(t)
			d := newDownstream(t)
			n := 0
			for _, e := range errs {
				r := start(t, sinkConfig(b.Addr, "a"), sinkGraph(d.callback), engine.Hooks{})
				eventually(t, 20*time.Second, func() bool { return r.Status().State == engine.Running }, func() string { return "not running" })
				generate(t, b.Addr, n, 40, 40, 0)
				n += 40
				f := b.Cluster.Fault(sinkFault(key, e, 2))
				generate(t, b.Addr, n, 200, 40, 0)
				n += 200
				awaitHits(t, f, 2)
				eventually(t, 60*time.Second, func() bool { return d.check(adm) == int64(n) || t.Failed() }, func() string { return e.Message + ": not all is committed" })
				if err := r.stop(); err != nil {
					t.Errorf("%s: %v", e.Message, err)
				}
			}
			d.wg.Wait()
			d.check(adm)
		})
	}
}

// What nothing here can mend ends a sink, too.
func TestKafkaErrorsThatStayInSinks(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, c := range []struct {
		key  kmsg.Key
		err  *kerr.Error
		says string
	}{
		{kmsg.OffsetCommit, kerr.GroupAuthorizationFailed, "ACLs"},
		{kmsg.OffsetCommit, kerr.TopicAuthorizationFailed, "ACLs"},
		{kmsg.OffsetCommit, kerr.OffsetMetadataTooLarge, "offset.metadata.max.bytes"},
		{kmsg.OffsetCommit, kerr.UnsupportedVersion, "Kafka 4"},
		{kmsg.Produce, kerr.TopicAuthorizationFailed, "producing to " + jobOut},
		{kmsg.Produce, kerr.MessageTooLarge, "producing to " + jobOut},
		{kmsg.Fetch, kerr.TopicAuthorizationFailed, "fetching " + jobIn},
		{kmsg.Heartbeat, kerr.GroupAuthorizationFailed, "ACLs"},
	} {
		b, adm := startSinkBroker(t)
		d := newDownstream(t)
		wg.Go(func() {
			g, err := engine.New(sinkConfig(b.Addr, "a"), sinkGraph(d.callback), engine.Deps{Log: testLog()}, engine.Hooks{})
			if err != nil {
				t.Error(err)
				return
			}
			b.Cluster.Fault(sinkFault(c.key, c.err, -1))
			generate(t, b.Addr, 0, 200, 40, 0)
			ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
			defer cancel()
			if err := g.Run(ctx); ctx.Err() != nil || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), sinkGroup) {
				t.Errorf("%s on %s: the end is %v", c.err.Message, c.key.Name(), err)
			}
			d.wg.Wait()
			d.check(adm)
		})
	}
	wg.Wait()
}
