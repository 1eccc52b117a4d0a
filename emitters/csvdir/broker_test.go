package csvdir

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
)

func TestMissingTopicsEndRun(t *testing.T) {
	b := newBench(t)
	empty := kafkatest.Start(t)
	i, err := New(b.config(), Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(empty.Addr)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := i.Run(ctx); err == nil || !strings.Contains(err.Error(), "customer360 topics create") {
		t.Errorf("Run: %v", err)
	}
}

// The broker and the folder come late, the broker goes and returns.
func TestTheBrokerIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	b := &bench{t: t, dir: filepath.Join(t.TempDir(), "later"), state: t.TempDir()}
	b.broker = &kafkatest.Broker{Addr: "127.0.0.1:" + strconv.Itoa(port)}
	i, _ := b.start(b.config())
	eventually(t, "it is away", func() bool { return i.Status().State == Away && i.Status().Problem != "" })
	data := t.TempDir()
	boot := func(topics ...kafkatest.Option) {
		b.broker = kafkatest.Start(t, append(topics, kafkatest.WithPort(port), kafkatest.WithDir(data))...)
	}
	boot(kafkatest.WithTopics(3, topology.LoyaltyTopic), kafkatest.WithTopics(1, topology.FilesTopic), kafkatest.WithTopics(2, topology.DeadLetterTopic))
	b.idle(i) // without a folder
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.drop("one.csv", header+members(1, 10, 1))
	eventually(t, "the first is done", func() bool { l := i.Status().Last; return l != nil && l.Name == "one.csv" })
	b.broker.Stop()
	b.drop("two.csv", header+members(1, 11, 1))
	time.Sleep(100 * time.Millisecond)
	boot()
	eventually(t, "the second is done", func() bool { l := i.Status().Last; return l != nil && l.Name == "two.csv" })
	if alive := b.alive(); len(alive) != 11 {
		t.Errorf("%d members", len(alive))
	}
}

// kfake hangs up on a wrong password, where Kafka says what is wrong: so the
// answer is one that is put in.
func TestRefusedAuthorisationEndsRun(t *testing.T) {
	for name, c := range map[string]struct {
		key kmsg.Key
		err *kerr.Error
	}{
		"the topics":           {kmsg.Metadata, kerr.TopicAuthorizationFailed},
		"the transactional id": {kmsg.InitProducerID, kerr.TransactionalIDAuthorizationFailed},
		"writing":              {kmsg.Produce, kerr.TopicAuthorizationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.drop("one.csv", header+members(1, 10, 1))
			b.broker.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: c.err, Count: -1})
			i, err := New(b.config(), Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(b.broker.Addr)}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if err := i.Run(ctx); !errors.Is(err, c.err) {
				t.Errorf("Run: %v", err)
			}
		})
	}
	if !fatal(fmt.Errorf("dialling: %w", kerr.SaslAuthenticationFailed)) {
		t.Error("a wrong password would be tried for ever")
	}
}

// Whatever it waits for: 5 s after Ctrl-C the process is to be gone.
func TestRunEndsSoonWhereTheBrokerHangs(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.TransactionRows = 20
	hanging := make(chan struct{})
	b.broker.Cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(hanging)
		return nil, nil, true // never answered
	})
	_, stop := b.start(cfg)
	b.drop("one.csv", header+members(1, 100, 1))
	<-hanging
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
}
