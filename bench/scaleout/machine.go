package scaleout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/stack"
	"customer360/internal/freeport"
	"customer360/internal/local/couchbase"
	"customer360/internal/quiet"
	"customer360/topology"
)

const user, password = "customer360", "scale-out"

// machine is one cluster: a broker, a Couchbase node, and run processes on them.
type machine struct {
	cfg       Config
	dir       string
	broker    *stack.Component
	kafka     []kgo.Opt
	address   string
	node      *couchbase.Node
	stopNode  func() error
	graph     topology.Graph
	processes []*process
}

func start(ctx context.Context, cfg Config, dir string) (_ *machine, err error) {
	m := &machine{cfg: cfg, dir: dir, stopNode: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.end())
		}
	}()
	ports, err := freeport.Take(4)
	if err != nil {
		return nil, err
	}
	all := stack.New(cfg.Scripts, dir, [4]int(ports))
	m.broker, m.address = all.Kafka, all.Broker()
	m.kafka = []kgo.Opt{kgo.SeedBrokers(m.address), kgo.DisableClientMetrics()}
	if err := m.broker.Start(ctx); err != nil {
		return nil, err
	}
	if err := m.startNode(); err != nil {
		return nil, err
	}
	if err := m.writeConfiguration(); err != nil {
		return nil, err
	}
	settings := topology.DefaultSettings()
	settings.Partitions = cfg.Partition
	if m.graph, err = topology.New(settings); err != nil {
		return nil, err
	}
	_, err = m.command(ctx, "topics", "create")
	return m, err
}

func (m *machine) startNode() error {
	c := couchbase.DefaultConfig()
	c.Dir, c.Username, c.Password = filepath.Join(m.dir, "couchbase"), user, password
	c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	node, err := couchbase.New(c, couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	m.node, m.stopNode = node, func() error { cancel(); return <-ended }
	select {
	case <-node.Ready():
		return nil
	case err := <-ended:
		ended <- err
		return fmt.Errorf("the Couchbase node did not start: %w", err)
	}
}

func (m *machine) configuration() string { return filepath.Join(m.dir, "customer360.yaml") }

func (m *machine) writeConfiguration() error {
	text := fmt.Sprintf("standbys: %d\nkafka:\n  brokers: [%q]\n  partitions: %d\n  replication_factor: 1\ncouchbase:\n  connection_string: %q\n  username: %s\n  password: %s\nhttp:\n  listen: 127.0.0.1:0\n",
		m.cfg.Standbys, m.address, m.cfg.Partition, m.node.ConnectionString(), user, password)
	return os.WriteFile(m.configuration(), []byte(text), 0o600)
}

// end stops what runs, processes first.
func (m *machine) end() error {
	var errs []error
	for _, p := range m.processes {
		errs = append(errs, p.stop())
	}
	errs = append(errs, m.stopNode())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if m.broker != nil {
		if err := m.broker.Stop(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// documents are those of the bucket, by key.
func (m *machine) documents() (map[string]string, error) {
	docs := map[string]string{}
	err := m.node.EachDocument("customer360", func(key, body []byte) error {
		docs[string(key)] = string(body)
		return nil
	})
	return docs, err
}

// awaitQuiet waits until all that lies in Kafka is in Couchbase.
func (m *machine) awaitQuiet(ctx context.Context) error {
	g := m.graph
	g.Groups = nil
	for _, group := range m.graph.Groups {
		if m.cfg.runs(group.Stage) {
			g.Groups = append(g.Groups, group)
		}
	}
	sweeper, err := quiet.New(m.kafka, g)
	if err != nil {
		return err
	}
	defer sweeper.Close()
	var before quiet.Sweep
	return poll(ctx, m.cfg.Patience, 200*time.Millisecond, func() (bool, string, error) {
		sweep, err := sweeper.Sweep(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // what is not there yet is looked for again
		}
		done := sweep.Quiet(before)
		before = sweep
		return done, sweep.Behind, nil
	})
}

// poll looks until it is done, fails, or patience is over.
func poll(ctx context.Context, patience, every time.Duration, look func() (done bool, why string, err error)) error {
	for end := time.Now().Add(patience); ; {
		done, why, err := look()
		switch {
		case err != nil || done:
			return err
		case time.Now().After(end):
			return fmt.Errorf("after %v: %s", patience, why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// topicBytes are the sizes of the topics' logs on the broker's disk.
func (m *machine) topicBytes(ctx context.Context) (map[string]int64, error) {
	cl, err := kgo.NewClient(m.kafka...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	dirs, err := kadm.NewClient(cl).DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	dirs.Each(func(d kadm.DescribedLogDir) {
		for _, partitions := range d.Topics {
			for _, p := range partitions {
				sizes[p.Topic] += p.Size
			}
		}
	})
	return sizes, nil
}
