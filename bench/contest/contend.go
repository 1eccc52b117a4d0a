package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/bench/child"
	"customer360/bench/load"
	"customer360/codec"
	"customer360/processors"
	"customer360/topology"
	"customer360/topology/engine"
)

// ContendConfig is one run of one of our contenders on a place that was filled
// and made fresh.
type ContendConfig struct {
	Contender      Contender
	Bootstrap      string
	Partitions     int32
	Records        int64 // all that the topic holds
	Warmup         int64 // of them, not measured
	CommitInterval time.Duration
	Dir            string // of the state; "": a temporary one
}

// DefaultContendConfig is the product's commit interval, on four partitions.
func DefaultContendConfig() ContendConfig {
	return ContendConfig{Partitions: 4, CommitInterval: Engine().CommitInterval}
}

// Validate reports what cannot be run.
func (c ContendConfig) Validate() error {
	switch {
	case !c.Contender.known():
		return fmt.Errorf("contender %q: use one of %s", c.Contender, join(All()))
	case !c.Contender.Ours():
		return fmt.Errorf("%s is a program of its own, in bench/peers: `customer360-bench merge` builds and runs it", c.Contender)
	case c.Records < 1 || c.Warmup < 0 || c.Warmup >= c.Records:
		return fmt.Errorf("%d records, %d of them warm-up: leave at least one to measure", c.Records, c.Warmup)
	case c.CommitInterval <= 0:
		return fmt.Errorf("a commit interval of %v", c.CommitInterval)
	}
	return nil
}

// Engine is the engine as `customer360 run` configures it where its
// configuration says nothing; a test there holds the two together.
func Engine() engine.Config {
	c := engine.DefaultConfig()
	c.SessionTimeout, c.MaxRecordBytes, c.NewHash = 10*time.Second, topology.MaxMessageBytes, topology.NewHasher
	c.StoreBytes, c.CacheBytes = 64<<20, 64<<20
	c.Transactional = true
	return c
}

// Contend runs one contender in this process until its last record is committed.
func Contend(ctx context.Context, cfg ContendConfig) (m Measurement, err error) {
	if err := cfg.Validate(); err != nil {
		return m, err
	}
	p, err := NewPlace(cfg.Bootstrap, cfg.Contender.Form(), cfg.Partitions)
	if err != nil {
		return m, err
	}
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "customer360-bench-"); err != nil {
			return m, fmt.Errorf("a folder for the state: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
	}
	if cfg.Contender.Merges() {
		m, err = p.merge(ctx, cfg)
	} else {
		m, err = p.raw(ctx, cfg)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", cfg.Contender, err)
	}
	if m.Disk, err = sizeOf(cfg.Dir); err != nil {
		return m, err
	}
	all, err := child.Use()
	m.Contender, m.Process, m.RSS, m.GC = cfg.Contender, all.CPU.Seconds(), peakRSS(), collector()
	return m, err
}

// merge runs the product's merge.
func (p Place) merge(ctx context.Context, cfg ContendConfig) (Measurement, error) {
	registry := prometheus.NewRegistry()
	config := processors.MergeConfig{Settings: p.Graph.Settings, Precedence: processors.DefaultPrecedence(),
		MaxRecordBytes: topology.MaxMessageBytes, Fail: engine.Fatal}
	if cfg.Contender.Form() == load.JSON {
		config.Decode = codec.DecodeJSONRecord
	}
	graph := processors.Merge(config, processors.NewMetrics(registry))
	c := Engine()
	c.Client, c.Group, c.Instance, c.Dir, c.CommitInterval = p.Client, p.Group(), "bench", cfg.Dir, cfg.CommitInterval
	group, err := engine.New(c, graph, engine.Deps{Registry: registry}, engine.Hooks{})
	if err != nil {
		return Measurement{}, err
	}
	m, err := p.follow(ctx, cfg, group.Run, func() (int64, error) { return merged(registry) })
	if err != nil {
		return m, err
	}
	if err := group.Status().LastError; err != nil {
		return m, fmt.Errorf("%w: the group was replaced within the run: %w", ErrVoid, err)
	}
	m.Job = fmt.Sprintf("commit every %v, store %d MiB, cache %d MiB, %s", c.CommitInterval, c.StoreBytes>>20, c.CacheBytes>>20, c.Compression)
	return m, nil
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
