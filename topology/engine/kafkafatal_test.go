package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// lasting are errors that nothing here can mend, by request, with a word of
// what the end of the group must say.
var lasting = []struct {
	err  *kerr.Error
	keys []kmsg.Key
	says string
}{
	{kerr.TopicAuthorizationFailed, []kmsg.Key{kmsg.Metadata, kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetFetch, kmsg.TxnOffsetCommit, kmsg.DescribeProducers, kmsg.DescribeConfigs, kmsg.AddPartitionsToTxn}, "ACLs"},
	{kerr.GroupAuthorizationFailed, []kmsg.Key{kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.TxnOffsetCommit, kmsg.AddOffsetsToTxn}, "ACLs"},
	{kerr.TransactionalIDAuthorizationFailed, []kmsg.Key{kmsg.FindCoordinator, kmsg.InitProducerID, kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn}, "ACLs"},
	{kerr.ClusterAuthorizationFailed, []kmsg.Key{kmsg.InitProducerID, kmsg.Produce}, "ACLs"},
	{kerr.MessageTooLarge, []kmsg.Key{kmsg.Produce}, "max.message.bytes"},
	{kerr.RecordListTooLarge, []kmsg.Key{kmsg.Produce}, "max.message.bytes"},
	{kerr.InvalidRecord, []kmsg.Key{kmsg.Produce}, "configuration"},
	{kerr.InvalidTimestamp, []kmsg.Key{kmsg.Produce}, "clock"},
	{kerr.UnsupportedCompressionType, []kmsg.Key{kmsg.Produce, kmsg.Fetch}, "compression_type"},
	{kerr.PolicyViolation, []kmsg.Key{kmsg.Produce}, "policy"},
	{kerr.OffsetOutOfRange, []kmsg.Key{kmsg.Fetch}, "rebuild"},
	{kerr.UnknownTopicOrPartition, []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets}, "does not exist"},
	{kerr.InvalidSessionTimeout, []kmsg.Key{kmsg.JoinGroup}, "session.timeout.ms"},
	{kerr.InconsistentGroupProtocol, []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup}, "application"},
	{kerr.InvalidGroupID, []kmsg.Key{kmsg.JoinGroup, kmsg.TxnOffsetCommit}, "application"},
	{kerr.GroupMaxSizeReached, []kmsg.Key{kmsg.JoinGroup}, "group.max.size"},
	{kerr.InvalidTransactionTimeout, []kmsg.Key{kmsg.InitProducerID}, "transaction.max.timeout.ms"},
	{kerr.OffsetMetadataTooLarge, []kmsg.Key{kmsg.TxnOffsetCommit}, "offset.metadata.max.bytes"},
	{kerr.InvalidCommitOffsetSize, []kmsg.Key{kmsg.TxnOffsetCommit}, "offset.metadata.max.bytes"},
	{kerr.UnsupportedVersion, []kmsg.Key{kmsg.Metadata, kmsg.Produce, kmsg.Fetch, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.ListOffsets, kmsg.DescribeProducers, kmsg.InitProducerID, kmsg.TxnOffsetCommit, kmsg.EndTxn}, "Kafka 4"},
}

// selects says which requests the error can be the answer to.
func selects(key kmsg.Key, e *kerr.Error) func(kmsg.Request) bool {
	return func(r kmsg.Request) bool {
		if r, ok := r.(*kmsg.FindCoordinatorRequest); ok {
			return (r.CoordinatorType == 1) == errors.Is(e, kerr.TransactionalIDAuthorizationFailed)
		}
		return byTheJob(r)
	}
}

// Every error that stays, from the start and while records flow: the group ends
// by itself, says what the broker answered, and how to mend it; nothing is
// committed that was not merged. They wait more than they work, so all at once.
func TestKafkaErrorsThatStay(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, c := range lasting {
		for _, key := range c.keys {
			for _, later := range []bool{false, true} {
				if later && atStart[key] {
					continue
				}
				name := fmt.Sprintf("%s on %s, later %v", c.err.Message, key.Name(), later)
				b, dir := startFor(t, key), t.TempDir()
				wg.Go(func() {
					err := endWith(t, b, dir, key, c.err, later)
					switch {
					case err == nil:
						t.Errorf("%s: no end", name)
					case !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "group "+jobGroup):
						t.Errorf("%s: the end is: %v", name, err)
					default:
						t.Logf("%s: %v", name, err)
					}
				})
			}
		}
	}
	wg.Wait()
}

// endWith returns how Run ends by itself, nil when it does not.
func endWith(t *testing.T, b *kafkatest.Broker, dir string, key kmsg.Key, e *kerr.Error, later bool) error {
	g, err := engine.New(jobConfig(b.Addr, dir, "a"), jobGraph(nil), engine.Deps{Log: testLog(), Registry: prometheus.NewRegistry()}, engine.Hooks{})
	if err != nil {
		t.Error(err)
		return nil
	}
	const n, keys = 60, 20
	generate(t, b.Addr, 0, n, keys, 0)
	strike := func() {
		b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e, Count: -1, When: selects(key, e)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	done := make(chan error, 1)
	if !later {
		strike()
	}
	go func() { done <- g.Run(ctx) }()
	if later {
		for g.Status().State != engine.Running && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		strike()
		generate(t, b.Addr, n, n, keys, 0)
	}
	err = receive(t, done, "Run does not end")
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A broker that says no to a password ends the group; one that hangs up without
// a word, or that was not asked for one, is tried for ever, and that is said.
func TestWrongPasswords(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-planted"
	wrong := kgo.SASL(plain.Auth{User: "user", Pass: secret}.AsMechanism())
	for name, c := range map[string]struct {
		client []kgo.Opt
		answer *kerr.Error // nil: kfake hangs up
		says   string
	}{
		"refused":       {[]kgo.Opt{wrong}, kerr.SaslAuthenticationFailed, "refuses the user or the password"},
		"no mechanism":  {[]kgo.Opt{wrong}, kerr.UnsupportedSaslMechanism, "SASL mechanism"},
		"hangs up":      {[]kgo.Opt{wrong}, nil, "password on one side only"},
		"without one":   {nil, nil, "SASL is required"},
		"TLS, not here": {[]kgo.Opt{wrong, kgo.DialTLS()}, nil, "TLS or a password on one side only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "user", "right"))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if c.answer != nil {
				b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: c.answer, Count: -1})
			}
			g, err := engine.New(jobConfig(b.ListenAddrs()[0], t.TempDir(), "a", c.client...), jobGraph(nil), engine.Deps{Log: testLog()}, engine.Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- g.Run(ctx) }()
			if c.answer == nil {
				eventually(t, 20*time.Second, func() bool { return g.Status().LastError != nil }, func() string { return "nothing is said" })
				err = g.Status().LastError
				cancel()
				if err := <-done; err != nil {
					t.Errorf("it gave up: %v", err)
				}
			} else if err = <-done; err == nil {
				t.Fatal("no end")
			}
			wants(t, err, c.says)
			if strings.Contains(err.Error(), secret) {
				t.Error("the error has the password")
			}
			t.Log(err)
		})
	}
}

// A broker whose disk is full says so for as long as it is: that is logged once
// with the broker's words, tried again and again, and goes on by itself.
func TestADiskThatIsFullIsWaitedFor(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 200, 40
	var lines lineCounter
	cfg := jobConfig(b.Addr, dir, "a")
	g, err := engine.New(cfg, jobGraph(nil), engine.Deps{Log: slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelWarn}))}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	generate(t, b.Addr, 0, n, keys, 0)
	f := b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.KafkaStorageError, Count: -1, When: byTheJob})
	generate(t, b.Addr, n, n, keys, 0)
	full := time.Now()
	eventually(t, 30*time.Second, func() bool { return errors.Is(g.Status().LastError, kerr.KafkaStorageError) }, func() string { return fmt.Sprintf("it says %v", g.Status().LastError) })
	t.Logf("said after %v: %v", time.Since(full).Round(time.Millisecond), g.Status().LastError)
	time.Sleep(time.Second)
	f.Remove()
	r := &running{Group: g, stop: stopper(cancel, done)}
	r.awaitEnd(t, b)
	conclude(t, b, dir, 2*n, keys, r)
	if n := lines.n.Load(); n < 1 || n > 2 {
		t.Errorf("%d lines of warning", n)
	}
}

// lineCounter is what a log is written to.
type lineCounter struct{ n atomic.Int32 }

func (l *lineCounter) Write(b []byte) (int, error) {
	l.n.Add(1)
	return len(b), nil
}
