package restpoll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// flushPatience is how long an end waits for results on their way to Kafka.
const flushPatience = time.Second

// Deps are what the poller is given.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Kafka    []kgo.Opt         // how to reach the brokers
	Engine   engine.Config     // Client, Instance, Dir and what else is common to all groups
	Settings topology.Settings // their generation's documents say who is wanted
	Decoder  codec.Decoder     // of onlinestore.answers: the one that rekey uses
	TopicID  string            // of onlinestore.answers, as the generation has it; "": not known
	HTTP     *http.Client      // nil: one of the poller's own
	Now      func() time.Time  // nil: time.Now

	Admit func(ctx context.Context) error // the group's hook of the engine; nil: none
}

// Poller is one instance of the group restpoll with its HTTP workers.
type Poller struct {
	cfg      Config
	deps     Deps
	log      *slog.Logger
	now      func() time.Time
	group    *engine.Group
	schedule *schedule
	client   *client
	metrics  metrics

	publisher *publisher    // while it runs
	recovery  chan struct{} // a partition was recovered
	requests  atomic.Int64
	last      lastError
}

// New checks and builds; it starts nothing.
func New(cfg Config, deps Deps) (*Poller, error) {
	if err := errors.Join(cfg.Validate(), deps.Settings.Validate()); err != nil {
		return nil, err
	}
	if deps.Decoder == nil || deps.Registry == nil {
		return nil, errors.New("restpoll: a decoder and a metrics registry are needed")
	}
	if room := cfg.MaxBodyBytes + recordOverhead; deps.Engine.MaxRecordBytes < room {
		return nil, fmt.Errorf("restpoll: answers of %d bytes need records of %d: the engine takes %d", cfg.MaxBodyBytes, room, deps.Engine.MaxRecordBytes)
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	p := &Poller{
		cfg: cfg, deps: deps, log: deps.Log, now: deps.Now,
		schedule: newSchedule(cfg, int(deps.Settings.Partitions), rand.Float64),
		recovery: make(chan struct{}, 1),
	}
	p.schedule.polls = deps.Settings.Polls()
	var err error
	if p.client, err = newClient(cfg, deps.HTTP, deps.Now); err != nil {
		return nil, fmt.Errorf("restpoll: %w", err)
	}
	if p.group, err = p.newGroup(); err != nil {
		return nil, fmt.Errorf("restpoll: %w", err)
	}
	if err := p.register(deps.Registry); err != nil {
		return nil, err
	}
	return p, nil
}

// newGroup puts the graph on the engine.
func (p *Poller) newGroup() (*engine.Group, error) {
	cfg := p.deps.Engine
	cfg.Group, cfg.Transactional = p.deps.Settings.PollerGroup(), true
	cfg.Expendable = []string{p.deps.Settings.Polls()} // what is unread there is asked for again
	rules := NewRules(p.cfg, p.deps.Settings, p.deps.Decoder, p.deps.TopicID)
	return engine.New(cfg, graph(p.deps.Settings, rules, p.decided),
		engine.Deps{Log: p.log, Registry: p.deps.Registry},
		engine.Hooks{Admit: p.deps.Admit, Recovered: p.recovered, Revoked: p.revoked})
}

func (p *Poller) decided(partition int32, topic, key string, offset int64, d *decision) {
	p.metrics.decisions.WithLabelValues(d.outcome).Inc()
	if d.dead != nil {
		p.log.Debug("an answer became a dead letter", "email", mask(key), "topic", topic, "partition", partition, "offset", offset)
	}
	p.schedule.decided(p.now(), partition, topic, key, offset, d)
}

func (p *Poller) recovered(partition int32, each func(fn func(key string, value []byte) error) error) error {
	if err := p.schedule.recovered(p.now(), partition, p.deps.Settings.Generation, each); err != nil {
		err = fmt.Errorf("reading who is wanted in partition %d: %w", partition, err)
		if errors.Is(err, codec.ErrNewer) {
			return engine.Fatal(err)
		}
		return err
	}
	select {
	case p.recovery <- struct{}{}:
	default:
	}
	return nil
}

func (p *Poller) revoked(partition int32) { p.schedule.revoked(p.now(), partition) }

// Run polls until ctx ends (nil), or the group fails for good. Requests under
// way are abandoned then: their emails stay due.
func (p *Poller) Run(ctx context.Context) error {
	publisher, err := newPublisher(p.deps.Kafka, p.deps.Settings.Polls())
	if err != nil {
		return fmt.Errorf("restpoll: %w", err)
	}
	p.publisher = publisher
	defer publisher.close()
	defer p.client.http.CloseIdleConnections()

	// Results that are written already may still arrive: each saves a request.
	writing, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	tasks, ctx := errgroup.WithContext(ctx)
	p.schedule.begin(ctx)
	defer func() { p.schedule.revokeAll(p.now()) }()

	jobs := make(chan job)
	tasks.Go(func() error {
		if err := p.group.Run(ctx); err != nil {
			return fmt.Errorf("restpoll: %w", err)
		}
		return ctx.Err()
	})
	tasks.Go(func() error { return p.dispatch(ctx, jobs) })
	for range p.cfg.Concurrency {
		tasks.Go(func() error { return p.work(ctx, writing, jobs) })
	}
	tasks.Go(func() error { return p.open(ctx) })
	tasks.Go(func() error { return p.knowProducts(ctx) })
	tasks.Go(func() error {
		<-ctx.Done()
		flush, cancel := context.WithTimeout(writing, flushPatience)
		defer cancel()
		_ = publisher.kafka.Flush(flush) // what is left stays due
		abandon()
		return nil
	})
	if err := tasks.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// knowProducts reads which products are published already.
func (p *Poller) knowProducts(ctx context.Context) error {
	for {
		err := engine.ReadToEnd(ctx, p.deps.Kafka, topology.ProductsTopic, func(r *kgo.Record) error {
			if r.Value != nil {
				p.schedule.productKnown(string(r.Key))
			}
			return nil
		})
		if err == nil {
			p.schedule.productsReady()
			return nil
		}
		p.last.set(p.now(), err.Error())
		if sleep(ctx, time.Second) != nil {
			return nil
		}
	}
}

// Ready says that the instance owns its partitions, has caught up, and polls.
func (p *Poller) Ready() bool {
	c := p.schedule.counts(p.now())
	return p.group.Ready() && c.opened == c.partitions
}
