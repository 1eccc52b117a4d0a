package couchbase

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// Deps are passed in.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: metrics go nowhere
	Engine   engine.Config         // the base: instance and limits; the sink sets the rest
	Kafka    []kgo.Opt             // seed brokers, TLS, SASL
	Settings topology.Settings
	Now      func() time.Time // nil: time.Now
	Client   *Client          // shared connection; nil: Run opens one of its own
	Decoder  codec.Decoder    // staging of Home Delivery: the source's decoder; nil: debezium's with its defaults

	// Connected: this process had a connection to this cluster before. Where nothing
	// answers that is an outage, and Run waits for its end.
	Connected bool
}

// connect is for Run.
func (d Deps) connect(ctx context.Context, cfg Config, target Target) (*Client, error) {
	for {
		client, err := Connect(ctx, cfg, d.Log, target)
		if err == nil || !d.Connected || !is(err, gocb.ErrTimeout) {
			return client, err
		}
		d.Log.Warn("Couchbase is away: waiting for it", "error", err)
	}
}

// Sink is a consumer group that writes into one bucket.
type Sink struct {
	cfg    Config
	deps   Deps
	target Target
	source string
	stage  string
	route  router
	group  *engine.Group
	meter  *meter

	mu      sync.Mutex
	running bool
	writer  *writer // while Run runs
	letters *letters
}

// NewSink is the sink of the merged documents. It starts nothing.
func NewSink(cfg Config, deps Deps) (*Sink, error) {
	s := &Sink{cfg: cfg, target: cfg.Documents, stage: "sink", route: routeDocument}
	return s.build(deps, deps.Settings.SinkGroup(), func(each goka.ProcessCallback) *goka.GroupGraph {
		return SinkGraph(deps.Settings, each)
	})
}

// NewStaging is the sink of one source's raw documents: codec.HomeDelivery or
// codec.Loyalty. It starts nothing.
func NewStaging(cfg Config, deps Deps, source string) (*Sink, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	st, err := newStaging(cfg, deps, source)
	if err != nil {
		return nil, err
	}
	s := &Sink{cfg: cfg, target: cfg.Staging, stage: "staging", source: source, route: st.route}
	return s.build(deps, deps.Settings.StagingGroup(source), func(each goka.ProcessCallback) *goka.GroupGraph {
		return StagingGraph(deps.Settings, source, each)
	})
}

func (s *Sink) build(deps Deps, group string, graph func(goka.ProcessCallback) *goka.GroupGraph) (*Sink, error) {
	if err := errors.Join(s.cfg.Validate(), deps.Settings.Validate()); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	deps.Log = deps.Log.With("sink", group)
	s.deps = deps
	var err error
	if s.meter, err = newMeter(deps.Registry, group); err != nil {
		return nil, fmt.Errorf("couchbase: metrics: %w", err)
	}
	e := deps.Engine
	e.Client, e.Group, e.Transactional, e.NewHash = deps.Kafka, group, false, topology.NewHasher
	s.group, err = engine.New(e, graph(s.process), engine.Deps{Log: deps.Log, Registry: deps.Registry}, engine.Hooks{})
	return s, err
}

// Run connects to Couchbase, makes sure that fenced writes are allowed there,
// and writes until ctx ends, which is no error. It ends with an error when
// names, rights or versions are wrong, and when nothing answers at the address
// for ConnectTimeout; once connected (Deps.Connected) it waits for Couchbase for ever.
func (s *Sink) Run(ctx context.Context) error {
	if !s.start() {
		return fmt.Errorf("couchbase: %s runs already", s.groupName())
	}
	defer s.stop()
	client := s.deps.Client
	if client == nil {
		var err error
		if client, err = s.deps.connect(ctx, s.cfg, s.target); err != nil {
			return unlessOver(ctx, err)
		}
		defer client.Close()
	}
	cfg := s.cfg
	col, err := client.collection(ctx, s.target)
	if err == nil {
		err = probe(ctx, col, s.target, cfg, s.deps.Log)
	}
	if err == nil {
		h := &histories{log: s.deps.Log, meter: s.meter, target: s.target, safe: col.durability != 0}
		col.acknowledged = h.saw
	}
	if err == nil && cfg.FirstWrite == FirstInsert {
		cfg.FirstWrite, err = s.firstWrite(ctx, client, col)
	}
	if err != nil {
		return unlessOver(ctx, err)
	}
	l, err := newLetters(s.deps.Kafka, s.meter, s.stage, s.source, s.deps.Settings.Generation)
	if err != nil {
		return err
	}
	defer l.close()
	return s.write(ctx, cfg, col, l)
}

// firstWrite is FirstInsert on a server that does it as it was found to.
func (s *Sink) firstWrite(ctx context.Context, client *Client, col *collection) (string, error) {
	odd, err := probeInsert(ctx, col, client.bodies(s.target), s.target, s.cfg, s.deps.Log)
	if err == nil && odd != "" {
		s.deps.Log.Warn("this server does not insert as others do: first writes go by way of a tombstone, which takes three writes each",
			"target", s.target.String(), "insert", odd)
		return FirstReserve, nil
	}
	return FirstInsert, err
}

// write runs the group in front of the writer. The writer outlives it, for the
// engine drains what is under way before its last commit.
func (s *Sink) write(ctx context.Context, cfg Config, st store, l *letters) error {
	w := newWriter(cfg, s.target, st, s.deps.Log, s.meter, l.send)
	s.mu.Lock()
	s.writer, s.letters = w, l
	s.mu.Unlock()
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { w.run(writing) })
	defer done.Wait()
	defer stop()
	return s.group.Run(ctx)
}

func (s *Sink) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.running
	s.running = true
	return !was
}

func (s *Sink) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.writer, s.letters = false, nil, nil
}

func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// process is the callback of the graph.
func (s *Sink) process(ctx goka.Context, value any) {
	raw := rawOf(ctx, value)
	r := s.route(raw)
	switch {
	case r.skip != "":
		s.meter.skip(r.skip)
		return
	case r.fail != nil:
		err := fmt.Errorf("partition %d, offset %d: %w", raw.Partition, raw.Offset, r.fail)
		if errors.Is(err, codec.ErrHalt) {
			err = engine.Fatal(err)
		}
		ctx.DeferCommit()(err)
		return
	}
	m := &message{key: r.key, mutation: r.mutation, raw: raw, delivery: engine.DeliveryOf(ctx), done: ctx.DeferCommit()}
	m.parts = &m.split
	s.mu.Lock()
	w, l := s.writer, s.letters
	s.mu.Unlock()
	if r.refuse != nil {
		l.send(m, r.refuse.Error())
		return
	}
	w.submit(m)
}
