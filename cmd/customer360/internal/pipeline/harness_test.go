package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/internal/deadletters"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

// deadline is for outcomes: far beyond what a slow machine needs.
const deadline = 4 * time.Minute

// cluster is a Kafka, a Couchbase, a store and a CSV folder for pipelines of
// one test. All of it ends with the test.
type cluster struct {
	t       *testing.T
	config  config.Config
	changes []func(*config.Config)
	broker  *kafkatest.Broker
	kafka   []kgo.Opt
	client  *kgo.Client // of the test itself; partitions are chosen by hand
	follow  *follower
	node    *node
	store   *store
	dir     string
	runs    []*running
	serves  []*served // those that follow the generations

	rawPartitions int32 // of the raw topics; 0: as kafka.partitions

	compacts bool // every step ends with a compaction: see scenario
}

// start starts everything but pipelines; change is applied to the configuration.
func start(t *testing.T, change ...func(*config.Config)) *cluster {
	t.Helper()
	return startCompacting(t, false, change...)
}

// startCompacting says whether steps end with a compaction.
func startCompacting(t *testing.T, compacts bool, change ...func(*config.Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), changes: change, compacts: compacts}
	// Sessions shorter than Kafka's 6 s are allowed, for tests that wait for their end.
	options := []kafkatest.Option{kafkatest.WithKfake(kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "1000"}))}
	if compacts {
		options = append(options, kafkatest.WithDir(c.in("kafka")))
	}
	c.broker = kafkatest.Start(t, options...)
	c.kafka = []kgo.Opt{kgo.SeedBrokers(c.broker.Addr)}
	c.client = c.broker.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	c.node = startNode(t, c.in("couchbase"))
	c.store = startStore(t)
	c.config = config.Default()
	c.config.StoreBytes, c.config.CacheBytes = 4<<20, 1<<20
	c.config.Kafka.Brokers, c.config.Kafka.Partitions, c.config.Kafka.ReplicationFactor = []string{c.broker.Addr}, 4, 1
	c.config.Kafka.CommitInterval = 40 * time.Millisecond
	c.config.Couchbase.ConnectionString = c.node.ConnectionString()
	c.config.Couchbase.Username, c.config.Couchbase.Password = couchbasetest.Username, couchbasetest.Password
	c.config.Loyalty.Folder = c.in("loyalty")
	c.config.Loyalty.Stable, c.config.Loyalty.Poll = 50*time.Millisecond, 100*time.Millisecond
	c.config.OnlineStore.URL, c.config.OnlineStore.RequestsPerSecond = c.store.url, 5000
	c.config.OnlineStore.Timeout = deadline // requests are held while the cluster is looked at
	for _, f := range change {
		f(&c.config)
	}
	if err := os.Mkdir(c.config.Loyalty.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) in(name string) string { return filepath.Join(c.dir, name) }

// running is one pipeline, as of one process.
type running struct {
	*Pipeline
	t        *testing.T
	registry *prometheus.Registry
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error // once ended
}

// new makes a pipeline of an instance; it fails where New does.
func (c *cluster) new(cfg config.Config, instance string, stages ...string) (*Pipeline, error) {
	return c.newWith(prometheus.NewRegistry(), cfg, instance, stages...)
}

func (c *cluster) newWith(registry *prometheus.Registry, cfg config.Config, instance string, stages ...string) (*Pipeline, error) {
	if len(stages) == 0 {
		stages = Stages()
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	log := slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	return New(ctx, cfg, Deps{Log: log.With("instance", instance), Registry: registry, Kafka: c.kafka,
		Instance: instance, Dir: c.in(instance)}, stages, true)
}

// run starts a pipeline of an instance, of all stages unless told otherwise.
func (c *cluster) run(instance string, stages ...string) *running {
	c.t.Helper()
	registry := prometheus.NewRegistry()
	p, err := c.newWith(registry, c.config, instance, stages...)
	if err != nil {
		c.t.Fatalf("making the pipeline: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Pipeline: p, t: c.t, registry: registry, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = p.Run(ctx)
	}()
	c.t.Cleanup(func() {
		cancel()
		r.wait()
	})
	c.followed(p)
	c.runs = append(c.runs, r)
	return r
}

// followed starts the follower, once the topics are there.
func (c *cluster) followed(p *Pipeline) {
	if c.follow == nil {
		c.follow = startFollower(c.t, c.kafka, p.Graph())
	}
}

// stop ends a pipeline, which must end without an error.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if err := r.wait(); err != nil {
		r.t.Fatalf("the pipeline ended with: %v", err)
	}
}

// wait waits for the pipeline's own end.
func (r *running) wait() error {
	r.t.Helper()
	select {
	case <-r.ended:
		return r.err
	case <-time.After(deadline):
		r.t.Error("the pipeline did not end")
		return errors.New("did not end")
	}
}

// metric is the value of a counter or gauge, summed over the labels that are not given, as
// in metric("customer360_processors_ignored_total", "reason", "ddl").
func (r *running) metric(name string, labels ...string) (sum float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			given := 0
			for _, l := range m.GetLabel() {
				for i := 0; i+1 < len(labels); i += 2 {
					if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
						given++
					}
				}
			}
			if f.GetName() == name && given == len(labels)/2 {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (r *running) alive() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// produce writes records one after the other, each to its Partition.
func (c *cluster) produce(records ...*kgo.Record) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := c.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		c.t.Fatalf("producing: %v", err)
	}
}

// letters are the dead letters, folded.
func (c *cluster) letters() []deadletters.Letter {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	letters, err := deadletters.List(ctx, c.kafka)
	if err != nil {
		c.t.Fatal(err)
	}
	return letters
}

// read returns the committed records of a topic.
func (c *cluster) read(topic string) (records []*kgo.Record) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	err := engine.ReadToEnd(ctx, c.kafka, topic, func(r *kgo.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return records
}

// place is where Java's producer puts a key in a topic of the test.
func (c *cluster) place(key []byte) int32 { return topology.Partition(key, c.rawCount()) }

func (c *cluster) rawCount() int32 {
	if c.rawPartitions > 0 {
		return c.rawPartitions
	}
	return c.config.Kafka.Partitions
}
