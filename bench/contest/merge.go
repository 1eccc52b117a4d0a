package contest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/processors"
	"customer360/topology"
	"customer360/topology/engine"
)

// merge runs the product's merge over the filled records topic.
func merge(ctx context.Context, b *broker, cfg Config) (window, error) {
	dir, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return window{}, fmt.Errorf("a folder for merge's state: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	registry := prometheus.NewRegistry()
	graph := processors.Merge(processors.MergeConfig{Settings: b.graph.Settings, Precedence: processors.DefaultPrecedence(),
		MaxRecordBytes: topology.MaxMessageBytes, Fail: engine.Fatal}, processors.NewMetrics(registry))
	c := engine.DefaultConfig()
	c.Client, c.Group, c.Instance, c.Dir, c.Transactional = b.client, b.graph.Settings.MergeGroup(), "bench", dir, true
	c.MaxRecordBytes, c.NewHash = topology.MaxMessageBytes, topology.NewHasher
	group, err := engine.New(c, graph, engine.Deps{}, engine.Hooks{})
	if err != nil {
		return window{}, err
	}
	w, err := follow(ctx, b, cfg, c.Group, group.Run, func() (int64, error) { return merged(registry) })
	if err != nil {
		return window{}, err
	}
	if err := group.Status().LastError; err != nil {
		return window{}, fmt.Errorf("%w: the group was replaced within the run: %w", ErrVoid, err)
	}
	return w, nil
}

// merged is how many records merge has seen, by its own metrics.
func merged(registry prometheus.Gatherer) (int64, error) {
	families, err := registry.Gather()
	if err != nil {
		return 0, fmt.Errorf("merge's metrics: %w", err)
	}
	var seen float64
	for _, f := range families {
		switch strings.TrimPrefix(f.GetName(), "customer360_processors_") {
		case "documents_total", "removals_total", "unchanged_total":
			for _, m := range f.GetMetric() {
				seen += m.GetCounter().GetValue()
			}
		case "dead_letters_total", "quarantined_total":
			for _, m := range f.GetMetric() {
				if n := m.GetCounter().GetValue(); n > 0 {
					return 0, fmt.Errorf("%w: %s is %v", ErrVoid, f.GetName(), n)
				}
			}
		}
	}
	return int64(seen), nil
}

// follow measures what run does until its group has committed everything.
func follow(ctx context.Context, b *broker, cfg Config, group string, run func(context.Context) error, done func() (int64, error)) (window, error) {
	committed, stop, err := b.caughtUp(group, b.graph.Settings.Records())
	if err != nil {
		return window{}, err
	}
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	runtime.GC() // the former run's heap is not this one's to clear away
	ended := make(chan error, 1)
	go func() {
		err := run(ctx)
		cancel(err) // a contender that fails ends the measurement
		ended <- err
	}()
	m := meter{done: done, committed: committed, warmup: int64(cfg.Warmup), records: int64(cfg.Load.Records)}
	w, err := m.measure(ctx)
	cancel(nil)
	if runErr := <-ended; err == nil {
		err = runErr
	}
	return w, err
}
