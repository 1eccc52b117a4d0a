package couchbase

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

// world is a broker and a node with all that the sinks need.
type world struct {
	t        *testing.T
	broker   *kafkatest.Broker
	node     *couchbase.Node
	settings topology.Settings
	cfg      Config
	registry *prometheus.Registry
	producer *kgo.Client
	client   *Client
}

const testPartitions = 3

func newWorld(t *testing.T) *world {
	t.Helper()
	s := topology.DefaultSettings()
	s.Partitions = testPartitions
	w := &world{t: t, settings: s, node: startNode(t), registry: prometheus.NewRegistry()}
	w.broker = kafkatest.Start(t, kafkatest.WithTopics(testPartitions, s.Documents(), s.HomeDeliveryTopic, topology.LoyaltyTopic, topology.DeadLetterTopic),
		kafkatest.WithTopics(1, topology.FilesTopic))
	w.firstOffsets(s.SinkGroup(), s.Documents())
	w.firstOffsets(s.StagingGroup(codec.HomeDelivery), s.HomeDeliveryTopic)
	w.firstOffsets(s.StagingGroup(codec.Loyalty), topology.LoyaltyTopic)
	w.cfg = nodeConfig(w.node)
	w.producer = w.broker.Client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerLinger(time.Millisecond))
	w.client = connect(t, w.cfg)
	return w
}

func (w *world) kafka() []kgo.Opt { return []kgo.Opt{kgo.SeedBrokers(w.broker.Addr)} }

func (w *world) firstOffsets(group, topic string) {
	w.t.Helper()
	first, err := engine.StartOffsets(context.Background(), w.kafka(), topic)
	if err == nil {
		err = engine.CommitFirstOffsets(context.Background(), w.kafka(), group, first)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deps(instance string) Deps {
	e := engine.DefaultConfig()
	e.Instance, e.SessionTimeout, e.CommitInterval = instance, 6*time.Second, 50*time.Millisecond
	return Deps{Log: testLog(), Registry: w.registry, Engine: e, Kafka: w.kafka(), Settings: w.settings, Client: w.client}
}

// running is a sink that runs.
type running struct {
	*Sink
	stop func() error
}

func (w *world) start(s *Sink, err error) *running {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r := &running{s, sync.OnceValue(func() error { cancel(); return <-done })}
	w.t.Cleanup(func() { _ = r.stop() })
	return r
}

func (w *world) produce(records ...*kgo.Record) {
	w.t.Helper()
	if err := w.producer.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// document is a record as merge writes it; nil removes.
func (w *world) document(key string, fence int64, body []byte) *kgo.Record {
	return &kgo.Record{Topic: w.settings.Documents(), Key: []byte(key), Value: body, Headers: []kgo.RecordHeader{
		{Key: codec.HeaderGeneration, Value: []byte("1")}, {Key: codec.HeaderFence, Value: strconv.AppendInt(nil, fence, 10)}}}
}

// lag is how many records a group has still to commit.
func (w *world) lag(group, topic string) (lag int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	admin := kadm.NewClient(w.producer)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return -1
	}
	at, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return -1
	}
	ends.Each(func(o kadm.ListedOffset) {
		c, _ := at.Lookup(o.Topic, o.Partition)
		lag += o.Offset - c.At
	})
	return lag
}

func (w *world) committed(group, topic string) {
	w.t.Helper()
	eventually(w.t, 20*time.Second, func() bool { return w.lag(group, topic) == 0 },
		func() string { return fmt.Sprintf("the lag of %s is %d", group, w.lag(group, topic)) })
}

func (w *world) get(t Target, key string) string {
	body, _, err := w.client.Get(context.Background(), t, key)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func (w *world) letters() []codec.DeadLetter {
	w.t.Helper()
	var letters []codec.DeadLetter
	for _, r := range w.broker.Records(w.t, topology.DeadLetterTopic) {
		headers := map[string][]byte{}
		for _, h := range r.Headers {
			headers[h.Key] = h.Value
		}
		d, err := codec.ParseDeadLetter(headers, r.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		letters = append(letters, d)
	}
	return letters
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}
