package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Deps are passed in.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: metrics go nowhere

	// Files opens and locks the files of a local store; nil: those of the
	// folder. For tests of disks that fail.
	Files func(dir string) (storage.Storage, error)
}

// Hooks tell a group's owner about partitions. They are called one at a time.
type Hooks struct {
	// Admit is called in each session once the membership stands, before
	// recovery: nothing is delivered or committed until it has returned nil. An
	// error ends the incarnation; Fatal ends Run.
	Admit func(ctx context.Context) error

	// Recovered is called for each owned partition of the group table after
	// its recovery and before its first message is delivered; each iterates
	// over the committed table in key order. The value is valid during fn only.
	// An error ends the incarnation.
	Recovered func(partition int32, each func(fn func(key string, value []byte) error) error) error

	// Revoked is called once per owned partition when the session that owned
	// it has ended and no callback of it runs any more: for those Recovered was
	// called for, or, without a table, for all.
	Revoked func(partition int32)
}

// Group runs one goka graph on this instance.
type Group struct {
	cfg             Config
	graph           *goka.GroupGraph
	edges           edges
	inputs, outputs []string
	table           string // "" without
	log             *slog.Logger
	files           filesOf
	hooks           Hooks
	metrics         *metrics
	admin           *kgo.Client // while Run runs
	followers       *followers  // while Run runs
	folders         folders
	held            *held
	hangs           atomic.Bool // a folder of this process is locked until its end

	mu       sync.Mutex
	status   Status
	recovery *progress // of the session under way or the last one
	caughtUp bool      // once, ever
	running  bool
}

// New checks the configuration against the graph. It starts nothing.
func New(cfg Config, graph *goka.GroupGraph, deps Deps, hooks Hooks) (*Group, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := graph.Validate(); err != nil {
		return nil, fmt.Errorf("engine: the graph of %s: %w", cfg.Group, err)
	}
	g := &Group{cfg: cfg, graph: graph, edges: edgesOf(graph), hooks: hooks, log: deps.Log, files: deps.Files}
	if g.files == nil {
		g.files = osFiles
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.log = g.log.With("group", cfg.Group, "instance", cfg.Instance)
	for _, e := range graph.InputStreams() {
		g.inputs = append(g.inputs, e.Topic())
	}
	if l := graph.LoopStream(); l != nil {
		g.inputs = append(g.inputs, l.Topic())
	}
	for _, e := range graph.OutputStreams() {
		g.outputs = append(g.outputs, e.Topic())
	}
	if t := graph.GroupTable(); t != nil {
		g.table = t.Topic()
	}
	switch {
	case string(graph.Group()) != cfg.Group:
		return nil, fmt.Errorf("engine: the graph is of group %s, the configuration of %s", graph.Group(), cfg.Group)
	case g.table != "" && !cfg.Transactional:
		return nil, fmt.Errorf("engine: group %s has a table and must be transactional", cfg.Group)
	case len(graph.JointTables()) > 0 || len(graph.LookupTables()) > 0:
		return nil, fmt.Errorf("engine: group %s joins or looks up tables: not supported", cfg.Group)
	}
	var err error
	if g.metrics, err = newMetrics(deps.Registry, cfg.Group); err != nil {
		return nil, fmt.Errorf("engine: metrics: %w", err)
	}
	return g, nil
}

// Run replaces the processor whenever it fails, until ctx ends, which is no
// error: it then returns after the last commit. It ends with an error when
// that is fatal. All that it starts has ended when it returns.
func (g *Group) Run(ctx context.Context) error {
	g.mu.Lock()
	if g.running {
		g.mu.Unlock()
		return fmt.Errorf("engine: group %s is running", g.cfg.Group)
	}
	g.running = true
	g.status.Partitions = nil
	g.mu.Unlock()
	defer func() {
		g.state(Stopped, nil)
		g.mu.Lock()
		g.running = false
		g.mu.Unlock()
	}()
	var err error
	if g.admin, err = kgo.NewClient(g.cfg.admin()...); err != nil {
		return fmt.Errorf("group %s: the Kafka client: %w", g.cfg.Group, err)
	}
	defer g.admin.Close()
	g.held = newHeld(g.cfg, g.table)
	following, stop := context.WithCancel(ctx)
	defer stop()
	f, err := newFollowers(following, g)
	if err != nil {
		return fmt.Errorf("group %s: %w", g.cfg.Group, err)
	}
	g.mu.Lock()
	g.followers = f
	g.mu.Unlock()
	defer func() { stop(); f.end() }()
	if err := g.supervise(ctx); err != nil {
		g.failed(err)
		return fmt.Errorf("group %s: %w", g.cfg.Group, err)
	}
	return nil
}

const (
	shortestDelay = 100 * time.Millisecond
	longestDelay  = 5 * time.Second
)

func (g *Group) supervise(ctx context.Context) error {
	var (
		said     string // the last trouble that was logged
		stubborn int
		delay    = shortestDelay
	)
	for {
		g.state(Starting, nil)
		inc := newIncarnation(ctx, g)
		err := inc.run()
		if err == nil || ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				g.log.Warn("stopped without a last commit", "error", err)
			}
			return nil
		}
		if g.hangs.Load() {
			err = Fatal(fmt.Errorf("%w: %w", err, errHangs))
		}
		kind := classify(err)
		err = g.cfg.explain(err)
		if g.settled(inc) { // it worked for a while: new trouble
			said, stubborn, delay = "", 0, shortestDelay
		}
		switch kind {
		case fatal:
			return err
		case refused:
			if stubborn++; stubborn >= stubbornAttempts {
				return err
			}
		case again:
			delay = shortestDelay
		case fenced:
			g.metrics.fenced.Inc()
		}
		g.failed(err)
		g.metrics.rebuilds.Inc()
		if text := kind.String() + rootText(err); text != said {
			said = text
			g.log.Warn("the processor has ended and is being replaced", "kind", kind.String(), "error", err)
		} else {
			g.log.Debug("the processor has ended again", "kind", kind.String(), "error", err)
		}
		if sleep(ctx, delay) != nil {
			return nil
		}
		delay = min(2*delay, longestDelay)
	}
}

// An incarnation that came further than its predecessor and ran for a moment,
// or that ran for long, has left the trouble behind: what it meets is new.
const (
	settledAfter = 3 * time.Second
	longSettled  = time.Minute
)

func (g *Group) settled(inc *incarnation) bool {
	s, age := inc.current.Load(), time.Since(inc.started)
	return s != nil && s.consuming.Load() && (age > settledAfter && inc.progressed.Load() || age > longSettled)
}

// rootText is the innermost error's text: without offsets and the like that
// differ each time.
func rootText(err error) string {
	for {
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			if u := e.Unwrap(); u != nil {
				err = u
				continue
			}
		case interface{ Unwrap() []error }:
			if us := e.Unwrap(); len(us) > 0 {
				err = us[len(us)-1]
				continue
			}
		}
		return err.Error()
	}
}

func (g *Group) failed(err error) {
	g.mu.Lock()
	g.status.LastError, g.status.LastErrorAt = err, time.Now()
	g.mu.Unlock()
}

func (g *Group) state(st State, s *session) {
	g.mu.Lock()
	g.status.State = st
	if s == nil {
		g.status.Partitions, g.status.Lag = nil, 0
	} else {
		g.status.Partitions = s.partitions()
	}
	if st == Recovering {
		g.recovery = &progress{start: time.Now()}
	}
	ready := g.ready()
	g.mu.Unlock()
	g.metrics.recovering.Set(truth(st == Recovering))
	g.metrics.ready.Set(truth(ready))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
