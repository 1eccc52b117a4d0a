package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/web"
	"customer360/emitters/csvdir"
	"customer360/emitters/restpoll"
	"customer360/processors"
	"customer360/processors/couchbase"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

// Deps is what the process gives to all components.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Kafka    []kgo.Opt
	Instance string           // the instance's name
	Dir      string           // the instance's folder for local state
	HTTP     string           // host:port where others find this process's /status; "": nowhere
	Now      func() time.Time // nil: time.Now

	Continued bool // another pipeline ran in this process before: what is away now will come back
}

// Pipeline is the components of this process.
type Pipeline struct {
	config     config.Config
	deps       Deps
	graph      topology.Graph
	engine     engine.Config
	components []component

	csvdir   *csvdir.Importer
	restpoll *restpoll.Poller
	sinkList []*couchbase.Sink
	missed   chan struct{} // capacity 1: Couchbase is to be compared with the log

	log  *generation.Log
	raw  map[string]string // ids of the raw topics, as the generation has them
	role generation.Role   // what this process does with the generation
	wait string            // why parts of it stand still, "" when none does

	mu       sync.Mutex
	finished map[string]bool
}

// New looks at the cluster, ensures the generation and makes the components of
// the stages. It starts nothing. createTopics makes missing topics instead of
// refusing. An error may match generation.ErrChanged: then New is to be called
// again.
func New(ctx context.Context, c config.Config, deps Deps, stages []string, createTopics bool) (*Pipeline, error) {
	made, err := decisions(c)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(deps.Kafka[:len(deps.Kafka):len(deps.Kafka)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	log := generation.NewLog(deps.Kafka)
	state, err := log.Read(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := state.Resolve(ctx, cl, Settings(c))
	if err != nil {
		return nil, err
	}
	graph, err := topology.New(settings)
	if err != nil {
		return nil, err
	}
	if createTopics {
		if _, err := admin.Create(ctx, cl, graph, c.Kafka.ReplicationFactor); err != nil {
			return nil, err
		}
	} else if err := requireTopics(ctx, cl, graph); err != nil {
		return nil, err
	}
	if err := settle(ctx, graph, c.Delivery.Topic, cl, deps); err != nil {
		return nil, err
	}
	wanted, err := admin.Discover(ctx, cl, Settings(c))
	if err != nil {
		return nil, err
	}
	current, err := generation.Ensure(ctx, deps.Kafka, graph, made.parts(c, wanted))
	if err != nil {
		return nil, err
	}
	deps.Log.Info("generation", "number", current.Number, "state", current.State)
	p := &Pipeline{config: c, deps: deps, graph: graph, engine: EngineConfig(c, deps), log: log, raw: current.Topics,
		missed: make(chan struct{}, 1), finished: map[string]bool{}}
	if state, err = log.Read(ctx); err != nil {
		return nil, err
	}
	if stages, err = p.take(state, stages); err != nil {
		return nil, err
	}
	if _, err := DropFolders(deps.Dir, state, settings); err != nil {
		deps.Log.Warn("local state of former generations stays", "error", err)
	}
	return p, p.build(made, stages)
}

// build makes the components of the stages.
func (p *Pipeline) build(made decided, stages []string) error {
	has := func(stage string) bool { return slices.Contains(stages, stage) }
	metrics := processors.NewMetrics(p.deps.Registry)
	add := func(c []component, err error) error {
		p.components = append(p.components, c...)
		return err
	}
	one := func(c component, err error) ([]component, error) { return []component{c}, err }
	if has("csvdir") {
		if err := add(one(p.importer())); err != nil {
			return err
		}
	}
	if has("rekey") {
		if err := add(p.rekey(made.sources, metrics)); err != nil {
			return err
		}
	}
	if has("merge") {
		if err := add(one(p.merge(made.precedence, metrics))); err != nil {
			return err
		}
	}
	if has("restpoll") {
		if err := add(one(p.poller(made.sources))); err != nil {
			return err
		}
	}
	return add(p.sinks(made.sources, has("staging"), has("sink")))
}

// requireTopics refuses a cluster without the topics.
func requireTopics(ctx context.Context, cl *kgo.Client, g topology.Graph) error {
	diffs, err := admin.Check(ctx, cl, g)
	if err != nil {
		return err
	}
	for _, d := range diffs {
		if d.What == "topic" || d.What == "partitions" || d.What == "cleanup.policy" {
			return fmt.Errorf("%s (`customer360 topics check` lists all differences)", d)
		}
	}
	return nil
}

// Run runs all components until ctx ends (nil) or one of them fails for good;
// the others are ended then, and everything is waited for. An error that
// matches generation.ErrChanged asks for another pipeline: see Serve.
func (p *Pipeline) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.watchTransactions(ctx) })
	g.Go(func() error { return p.follow(ctx) })
	g.Go(func() error { return p.compare(ctx) })
	for _, c := range p.components {
		g.Go(func() error {
			err := c.run(ctx)
			p.mu.Lock()
			p.finished[c.name] = true
			p.mu.Unlock()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if ctx.Err() == nil {
				return fmt.Errorf("%s: ended by itself", c.name)
			}
			return nil
		})
	}
	return g.Wait()
}

// Parts is the readiness of each component, for /readyz.
func (p *Pipeline) Parts() []web.Part {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := make([]web.Part, 0, len(p.components))
	for _, c := range p.components {
		part := c.part()
		if p.finished[c.name] {
			part.Ready, part.State = false, "ended"
		}
		parts = append(parts, part)
	}
	if p.wait != "" {
		parts = append(parts, web.Part{Name: "promotion", State: p.wait})
	}
	return parts
}

// Graph is the topology that this pipeline runs on.
func (p *Pipeline) Graph() topology.Graph { return p.graph }

// Importer, Poller and Sinks are the components that `up` looks at; nil or
// empty where the stage does not run here, or not while a generation is being
// promoted.
func (p *Pipeline) Importer() *csvdir.Importer { return p.csvdir }

// Poller is the Online Store's.
func (p *Pipeline) Poller() *restpoll.Poller { return p.restpoll }

// Sinks are the writers to Couchbase.
func (p *Pipeline) Sinks() []*couchbase.Sink { return p.sinkList }

func (p *Pipeline) engineDeps() engine.Deps {
	return engine.Deps{Log: p.deps.Log, Registry: p.deps.Registry}
}
