package contest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"customer360/bench/load"
	"customer360/bench/result"
	"customer360/topology/engine"
)

// ErrVoid: the run's output was wrong, so its speed says nothing.
var ErrVoid = errors.New("the run is void")

// Contender names who does the job.
type Contender string

// The contenders.
const (
	Merge Contender = "merge"
	Raw   Contender = "raw"
)

// Config of a contest.
type Config struct {
	Load       load.Config
	Rounds     int
	Warmup     int // records of each run that are not measured
	Partitions int32
	Contenders []Contender // in the order of their turns
}

// DefaultConfig is five rounds of both contenders, a fifth of the records as warm-up.
func DefaultConfig() Config {
	c := Config{Load: load.DefaultConfig(), Rounds: 5, Partitions: 12, Contenders: []Contender{Merge, Raw}}
	c.Warmup = c.Load.Records / 5
	return c
}

// Validate reports what cannot be measured.
func (c Config) Validate() error {
	if err := c.Load.Validate(); err != nil {
		return err
	}
	if c.Rounds < 1 || c.Rounds > 1000 {
		return fmt.Errorf("%d rounds: use 1 to 1000", c.Rounds)
	}
	if c.Warmup < 0 || c.Warmup >= c.Load.Records {
		return fmt.Errorf("a warm-up of %d records leaves none of %d to measure", c.Warmup, c.Load.Records)
	}
	for _, name := range c.Contenders {
		if name != Merge && name != Raw {
			return fmt.Errorf("contender %q: use %s or %s", name, Merge, Raw)
		}
	}
	return nil
}

// settings is Config as a row has it.
func (c Config) settings() (string, error) {
	e := engine.DefaultConfig()
	b, err := json.Marshal(map[string]any{
		"records": c.Load.Records, "keys": c.Load.Keys, "distribution": c.Load.Distribution, "seed": c.Load.Seed,
		"warmup": c.Warmup, "partitions": c.Partitions, "commit_interval_ms": e.CommitInterval.Milliseconds(),
		"compression": e.Compression, "broker": "kfake, in memory, in the measured process",
	})
	if err != nil {
		return "", fmt.Errorf("the settings: %w", err)
	}
	return string(b), nil
}

// Run measures all rounds. Rows of rounds that were complete come with an error
// too; report is told of every run as it ends.
func Run(ctx context.Context, cfg Config, origin result.Row, report func(round int, c Contender, rows []result.Row)) ([]result.Row, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	settings, err := cfg.settings()
	if err != nil {
		return nil, err
	}
	origin.Benchmark, origin.Settings = "merge", settings
	generator, err := load.New(cfg.Load)
	if err != nil {
		return nil, err
	}
	var rows []result.Row
	digests := make(map[Contender][sha256.Size]byte)
	for round := 1; round <= cfg.Rounds; round++ {
		for turn := range cfg.Contenders {
			// Each contender is as often first as any other.
			c := cfg.Contenders[(turn+round)%len(cfg.Contenders)]
			w, o, err := c.run(ctx, cfg, generator)
			if err != nil {
				return rows, fmt.Errorf("round %d, %s: %w", round, c, err)
			}
			digest := o.digest()
			if former, ok := digests[c]; ok && former != digest {
				return rows, fmt.Errorf("round %d: %w: %s left other documents than in the round before", round, ErrVoid, c)
			}
			digests[c] = digest
			origin.Contender, origin.Round = string(c), int32(round)
			measured := w.rows(origin, o)
			report(round, c, measured)
			rows = append(rows, measured...)
		}
	}
	return rows, nil
}

// run is one contender on one broker.
func (c Contender) run(ctx context.Context, cfg Config, g *load.Generator) (window, output, error) {
	b, err := startBroker(ctx, cfg.Partitions)
	if err != nil {
		return window{}, output{}, err
	}
	defer b.close()
	if err := b.fill(ctx, b.graph.Settings.Records(), b.graph.Settings.MergeGroup(), g.Records()); err != nil {
		return window{}, output{}, err
	}
	contend := merge
	if c == Raw {
		contend = raw
	}
	w, err := contend(ctx, b, cfg)
	if err != nil {
		return window{}, output{}, err
	}
	o, err := b.output(ctx)
	if err != nil {
		return window{}, output{}, err
	}
	return w, o, c.check(o, cfg)
}

// Metrics of a run.
const (
	Throughput   = "throughput"
	CPUPerRecord = "cpu"
	Documents    = "documents"
)

func (w window) rows(r result.Row, o output) []result.Row {
	r.Time = w.start.UnixMicro()
	row := func(metric, unit string, value float64) result.Row {
		r.Metric, r.Unit, r.Value = metric, unit, value
		return r
	}
	return []result.Row{
		row(Throughput, "records/s", w.throughput()),
		row(CPUPerRecord, "us/record", w.cpuPerRecord()),
		row("window", "s", w.duration.Seconds()),
		row(Documents, "documents", float64(len(o.live))),
		row("output", "records", float64(o.records)),
	}
}
