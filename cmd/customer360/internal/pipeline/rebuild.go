package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"customer360/cmd/customer360/internal/config"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

// Rebuild is rekey and merge of the next generation in this process. Several
// processes share the work.
type Rebuild struct {
	p          *Pipeline
	generation generation.Generation
}

// NewRebuild begins the next generation with this configuration, or goes on
// with the one that was begun. It starts nothing. An error matches
// generation.ErrRefused where that may not be.
func NewRebuild(ctx context.Context, c config.Config, deps Deps, replay generation.Replay) (*Rebuild, error) {
	made, err := decisions(c)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(deps.Kafka[:len(deps.Kafka):len(deps.Kafka)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	wanted, err := admin.Discover(ctx, cl, Settings(c))
	if err != nil {
		return nil, err
	}
	next, graph, err := generation.Begin(ctx, deps.Kafka, generation.Plan{Settings: wanted, Parts: made.parts(c, wanted),
		Replay: replay, Replicas: c.Kafka.ReplicationFactor})
	if err != nil {
		return nil, err
	}
	if err := settle(ctx, graph, c.Delivery.Topic, cl, deps); err != nil {
		return nil, err
	}
	p := &Pipeline{config: c, deps: deps, graph: graph, engine: EngineConfig(c, deps), log: generation.NewLog(deps.Kafka),
		role: generation.Rebuild, finished: map[string]bool{}}
	p.engine.Standbys = 0 // copies are for those who serve
	return &Rebuild{p: p, generation: next}, p.build(made, []string{"rekey", "merge"})
}

// Generation is the one that is being built, as of NewRebuild.
func (r *Rebuild) Generation() generation.Generation { return r.generation }

// caughtUpWithin is how long the last round of catching up may take: what came
// meanwhile is left to the next one, and to the promotion.
const (
	caughtUpWithin = 10 * time.Second
	rebuildLook    = 250 * time.Millisecond
)

// Run works until the generation has caught up with the raw topics, which is
// nil and leaves it in the state ready, or until ctx ends. report is told how
// far it is, about four times a second. An error that matches
// generation.ErrChanged: it was abandoned, or is being promoted.
func (r *Rebuild) Run(ctx context.Context, report func(Progress)) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error { return r.p.Run(work) })
	caughtUp := false
	g.Go(func() error {
		err := r.catchUp(work, report)
		caughtUp = err == nil
		stop()
		if work.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if !caughtUp {
		return context.Cause(ctx)
	}
	return r.p.log.MarkReady(ctx, r.generation.Number)
}

// catchUp returns when a round was short: what lay in the raw topics when it
// began has become documents by its end.
func (r *Rebuild) catchUp(ctx context.Context, report func(Progress)) error {
	cl, err := kgo.NewClient(append(r.p.deps.Kafka[:len(r.p.deps.Kafka):len(r.p.deps.Kafka)], kgo.DisableClientMetrics())...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	w := &work{cl: cl, graph: r.p.graph, first: r.generation.FirstOffsets}
	for {
		began := time.Now()
		if err := r.round(ctx, w, report); err != nil {
			return err
		}
		if time.Since(began) < caughtUpWithin {
			return nil
		}
	}
}

func (r *Rebuild) round(ctx context.Context, w *work, report func(Progress)) error {
	settings := r.p.graph.Settings
	var raw []string
	for _, source := range topology.Sources() {
		raw = append(raw, settings.RawTopic(source))
	}
	ends, err := engine.StableEnds(ctx, w.cl, raw...)
	if err != nil {
		return err
	}
	if err := r.reach(ctx, w, report, func() (bool, error) {
		for _, source := range topology.Sources() {
			topic := settings.RawTopic(source)
			left, err := engine.Behind(ctx, w.cl, settings.RekeyGroup(source), engine.Offsets{topic: ends[topic]})
			if err != nil || left > 0 {
				return false, err
			}
		}
		return true, nil
	}); err != nil {
		return err
	}
	if ends, err = engine.StableEnds(ctx, w.cl, settings.Records()); err != nil {
		return err
	}
	return r.reach(ctx, w, report, func() (bool, error) {
		left, err := engine.Behind(ctx, w.cl, settings.MergeGroup(), ends)
		return left == 0, err
	})
}

// reach looks until done; a broker that is away is waited for, as the groups do.
func (r *Rebuild) reach(ctx context.Context, w *work, report func(Progress), done func() (bool, error)) error {
	said := ""
	for {
		p, err := w.look(ctx)
		if err == nil {
			report(p)
			var all bool
			if all, err = done(); all && err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			r.p.deps.Log.Warn("looking how far the rebuild is", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(rebuildLook):
		}
	}
}

// Promote lets the next generation serve: it catches up in this process, if
// that is not behind it, and is promoted then. tell gets what happens, for
// people. Interrupted at any moment, it goes on when it is called again.
func Promote(ctx context.Context, c config.Config, deps Deps, report func(Progress), tell func(string)) (*generation.Promotion, error) {
	log := generation.NewLog(deps.Kafka)
	state, err := log.Read(ctx)
	if err != nil {
		return nil, err
	}
	if next, ok := state.Next(); ok && next.State == generation.Ready {
		r, err := NewRebuild(ctx, c, deps, generation.Replay{})
		if err != nil {
			return nil, err
		}
		if err := r.Run(ctx, report); err != nil {
			return nil, err
		}
	}
	p, err := log.Promote(ctx, Settings(c), tell)
	if err != nil {
		return nil, err
	}
	tell(fmt.Sprintf("generation %d is being promoted: from here there is only forward, and `customer360 rebuild promote` goes on wherever this ends", p.To.Number))
	return p, p.Run(ctx)
}
