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
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/internal/deadletters"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
)

// deadline is for outcomes: far beyond what a slow machine needs.
const deadline = 60 * time.Second

// cluster is a Kafka, a Couchbase, a store and a CSV folder for pipelines of
// one test. All of it ends with the test.
type cluster struct {
	t      *testing.T
	config config.Config
	kafka  []kgo.Opt
	client *kgo.Client // of the test itself; partitions are chosen by hand
	follow *follower
	node   *node
	store  *store
	dir    string
	runs   []*running
}

// start starts everything but pipelines; change is applied to the configuration.
func start(t *testing.T, change ...func(*config.Config)) *cluster {
	t.Helper()
	broker := kafkatest.Start(t)
	c := &cluster{t: t, dir: t.TempDir(), kafka: []kgo.Opt{kgo.SeedBrokers(broker.Addr)}}
	c.client = broker.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	c.node = startNode(t, c.in("couchbase"))
	c.store = startStore(t)
	c.config = config.Default()
	c.config.StoreBytes, c.config.CacheBytes = 4<<20, 1<<20
	c.config.Kafka.Brokers, c.config.Kafka.Partitions, c.config.Kafka.ReplicationFactor = []string{broker.Addr}, 4, 1
	c.config.Kafka.CommitInterval = 40 * time.Millisecond
	c.config.Couchbase.ConnectionString = c.node.ConnectionString()
	c.config.Couchbase.Username, c.config.Couchbase.Password = couchbasetest.Username, couchbasetest.Password
	c.config.Loyalty.Folder = c.in("loyalty")
	c.config.Loyalty.Stable, c.config.Loyalty.Poll = 50*time.Millisecond, 100*time.Millisecond
	c.config.OnlineStore.URL, c.config.OnlineStore.RequestsPerSecond = c.store.url, 5000
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
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended
}

// new makes a pipeline of an instance; it fails where New does.
func (c *cluster) new(cfg config.Config, instance string, stages ...string) (*Pipeline, error) {
	if len(stages) == 0 {
		stages = Stages()
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	log := slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	return New(ctx, cfg, Deps{Log: log.With("instance", instance), Registry: prometheus.NewRegistry(), Kafka: c.kafka,
		Instance: instance, Dir: c.in(instance)}, stages, true)
}

// run starts a pipeline of an instance, of all stages unless told otherwise.
func (c *cluster) run(instance string, stages ...string) *running {
	c.t.Helper()
	p, err := c.new(c.config, instance, stages...)
	if err != nil {
		c.t.Fatalf("making the pipeline: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Pipeline: p, t: c.t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = p.Run(ctx)
	}()
	c.t.Cleanup(func() {
		cancel()
		r.wait()
	})
	if c.follow == nil {
		c.follow = startFollower(c.t, c.kafka, p.Graph())
	}
	c.runs = append(c.runs, r)
	return r
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

// place is where Java's producer puts a key in a topic of the test.
func (c *cluster) place(key []byte) int32 { return topology.Partition(key, c.config.Kafka.Partitions) }

// node is an embedded Couchbase that can go away and come back.
type node struct {
	*couchbase.Node
	t      *testing.T
	config couchbase.Config
	stop   func()
}

func startNode(t *testing.T, dir string) *node {
	t.Helper()
	cfg := couchbase.DefaultConfig()
	cfg.Dir, cfg.Username, cfg.Password = dir, couchbasetest.Username, couchbasetest.Password
	cfg.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	n := &node{t: t, config: cfg, stop: func() {}}
	t.Cleanup(func() { n.stop() })
	n.start()
	return n
}

// start starts the node, after stop on the same address and folder.
func (n *node) start() {
	n.t.Helper()
	log := slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	var err error
	if n.Node, err = couchbase.New(n.config, couchbase.Deps{Log: log}); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	n.stop = func() {
		cancel()
		n.stop = func() {}
		select {
		case err := <-ended:
			if err != nil {
				n.t.Errorf("the Couchbase node ended with: %v", err)
			}
		case <-time.After(deadline):
			n.t.Error("the Couchbase node did not end")
		}
	}
	select {
	case <-n.Ready():
	case err := <-ended:
		ended <- nil
		n.t.Fatalf("the Couchbase node did not start: %v", err)
	}
	n.config.Listen = n.Addr()
}

// documents are all of a bucket.
func (c *cluster) documents(bucket string) map[string]string {
	c.t.Helper()
	all := map[string]string{}
	if err := c.node.EachDocument(bucket, func(key, body []byte) error {
		all[string(key)] = string(body)
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return all
}
