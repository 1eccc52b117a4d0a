// Package kafkatest starts the embedded broker for the tests of other packages:
// in memory unless told otherwise, one node, a free port, the settings of
// internal/local/kafka, automatic topic creation off. It ends with the test.
package kafkatest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka"
)

// Broker is a running node. Cluster gives access to its control functions and
// faults (ControlKey, SleepControl, AddFault ...).
type Broker struct {
	Addr    string
	Cluster *kfake.Cluster

	settings options
	port     *port
}

type options struct {
	topics map[string]topic
	kfake  []kfake.Opt
	dir    string
	port   int
}

type topic struct {
	partitions int32
	config     map[string]*string
}

// Option changes what Start starts.
type Option func(*options)

// WithTopics creates topics with that many partitions and Kafka's defaults.
func WithTopics(partitions int32, names ...string) Option {
	return func(o *options) {
		for _, name := range names {
			o.topics[name] = topic{partitions: partitions}
		}
	}
}

// WithTopic creates one topic with its settings, as in WithTopic("t", 4,
// map[string]string{"cleanup.policy": "compact"}).
func WithTopic(name string, partitions int32, config map[string]string) Option {
	return func(o *options) {
		values := make(map[string]*string, len(config))
		for k, v := range config {
			values[k] = &v
		}
		o.topics[name] = topic{partitions: partitions, config: values}
	}
}

// WithDir keeps the data in dir, without fsync: Stop and Start again with the
// same dir to test a restart.
func WithDir(dir string) Option { return func(o *options) { o.dir = dir } }

// WithKfake passes options of kfake itself; they win over Start's own.
func WithKfake(opts ...kfake.Opt) Option {
	return func(o *options) { o.kfake = append(o.kfake, opts...) }
}

// WithPort listens on a fixed port: what a restart needs that clients survive.
func WithPort(port int) Option { return func(o *options) { o.port = port } }

// Start returns a running broker that is stopped when the test ends.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	o := options{topics: make(map[string]topic)}
	for _, opt := range opts {
		opt(&o)
	}
	port, err := openPort(o.port)
	if err != nil {
		t.Fatalf("opening the embedded broker's port: %v", err)
	}
	b := &Broker{Addr: port.Addr().String(), settings: o, port: port}
	b.open(t)
	t.Cleanup(b.Stop)
	for name, topic := range o.topics {
		b.createTopic(t, name, topic)
	}
	return b
}

// open starts a node behind the port.
func (b *Broker) open(t testing.TB) {
	t.Helper()
	kopts := []kfake.Opt{
		kfake.Ports(0), // one node; the listener is ours
		kfake.ListenFn(func(string, string) (net.Listener, error) { return b.port.open(), nil }),
		kfake.ClusterID("customer360-test"),
		kfake.BrokerConfigs(kafka.Settings()),
	}
	if b.settings.dir != "" {
		kopts = append(kopts, kfake.DataDir(b.settings.dir))
	}
	cluster, err := kfake.NewCluster(append(kopts, b.settings.kfake...)...)
	if err != nil {
		t.Fatalf("starting the embedded broker: %v", err)
	}
	b.Cluster = cluster
}

// Stop ends the broker now. It may be called more than once.
func (b *Broker) Stop() {
	b.Cluster.Close()
	_ = b.port.Close()
}

// Compact compacts every compacted topic as Kafka's cleaner would at that time,
// and more thoroughly: the newest batch alone of a partition is left as it is.
// It needs WithDir. The node is exchanged: clients lose their connections, and
// Cluster is another one, without the former one's controls and faults.
func (b *Broker) Compact(t testing.TB, now time.Time) {
	t.Helper()
	if b.settings.dir == "" {
		t.Fatal("compaction needs a broker with a folder")
	}
	b.Cluster.Close()
	if err := kafka.Compact(b.settings.dir, now); err != nil {
		t.Fatal(err)
	}
	b.open(t)
}

// CreateTopic creates a topic; one that exists already is left as it is.
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int32, config map[string]string) {
	t.Helper()
	o := options{topics: make(map[string]topic)}
	WithTopic(name, partitions, config)(&o)
	b.createTopic(t, name, o.topics[name])
}

func (b *Broker) createTopic(t testing.TB, name string, topic topic) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	admin := kadm.NewClient(b.Client(t))
	defer admin.Close()
	resp, err := admin.CreateTopic(ctx, topic.partitions, 1, topic.config, name)
	if err != nil && resp.ErrMessage == "" {
		t.Fatalf("creating topic %s: %v", name, err)
	}
}

// Client returns a client of the broker that is closed when the test ends.
func (b *Broker) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr)}, opts...)...)
	if err != nil {
		t.Fatalf("connecting to the embedded broker: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

// Records reads topics from their beginning until every partition's last stable
// offset is reached, read_committed, and returns what it met by partition order.
func (b *Broker) Records(t testing.TB, topics ...string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client := b.Client(t)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topics...)
	if err != nil {
		t.Fatalf("listing the ends of %v: %v", topics, err)
	}
	starts, err := kadm.NewClient(client).ListStartOffsets(ctx, topics...)
	if err != nil {
		t.Fatalf("listing the starts of %v: %v", topics, err)
	}
	var records []*kgo.Record
	ends.Each(func(end kadm.ListedOffset) {
		if end.Err != nil {
			t.Fatalf("the end of %s/%d: %v", end.Topic, end.Partition, end.Err)
		}
		start, _ := starts.Lookup(end.Topic, end.Partition)
		records = append(records, b.partition(ctx, t, end.Topic, end.Partition, start.Offset, end.Offset)...)
	})
	return records
}

// partition reads one partition up to end. Control records are kept in the
// fetch, so that a trailing transaction marker is seen to be the end.
func (b *Broker) partition(ctx context.Context, t testing.TB, topic string, partition int32, start, end int64) []*kgo.Record {
	t.Helper()
	if start >= end {
		return nil
	}
	client := b.Client(t,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(start)}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond))
	defer client.Close()
	var records []*kgo.Record
	for next := start; next < end; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("reading %s/%d at %d of %d: %v", topic, partition, next, end, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() && r.Offset < end {
				records = append(records, r)
			}
		})
	}
	return records
}

// Forgotten is the answer of partitions that have forgotten the producer, since
// all of its records are deleted, for a control function of Produce.
func Forgotten(req *kmsg.ProduceRequest) *kmsg.ProduceResponse {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode, rp.LogStartOffset = p.Partition, kerr.UnknownProducerID.Code, 1<<40
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
