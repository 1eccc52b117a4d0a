package latency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"

	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
)

// contender is one turn: the product with a commit interval, or a peer.
type contender struct {
	name     string
	interval time.Duration // 0: as shipped
	peer     *plant.Peer   // nil: the product
}

// shipped is the commit interval of the product, and of the peers.
const shipped = 100 * time.Millisecond

func (c contender) settings() map[string]any {
	interval := c.interval
	if interval == 0 {
		interval = shipped
	}
	return map[string]any{"commit_interval_ms": interval.Milliseconds()}
}

// Run measures all contenders, interleaved; report gets each round's rows as they
// come. The first error ends it.
func Run(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var contenders []contender
	for _, d := range cfg.Intervals {
		contenders = append(contenders, contender{name: result.Customer360, interval: d})
		if len(contenders) == 1 {
			for i := range cfg.Peers {
				contenders = append(contenders, contender{name: cfg.Peers[i].Contender, peer: &cfg.Peers[i]})
			}
		}
	}
	if len(cfg.Intervals) == 0 {
		for i := range cfg.Peers {
			contenders = append(contenders, contender{name: cfg.Peers[i].Contender, peer: &cfg.Peers[i]})
		}
	}
	samples := map[int]int{} // of a rate: every contender gives as many documents
	for round := 1; round <= cfg.Rounds; round++ {
		for i := range contenders {
			c := contenders[(i+round-1)%len(contenders)]
			some, err := turn(ctx, cfg, c, round, origin, samples)
			if err != nil {
				return rows, fmt.Errorf("round %d, %s: %w", round, c.name, err)
			}
			report(some)
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

// stage is one contender that runs.
type stage struct {
	Config
	contender
	*plant.Plant
	process *plant.Process
	feeder  *plant.Feeder
	reader  *plant.Reader
}

func turn(ctx context.Context, cfg Config, c contender, round int, origin result.Row, samples map[int]int) (rows []result.Row, err error) {
	pc := cfg.Plant
	pc.CommitInterval = c.interval
	p, err := plant.New(ctx, pc)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	s := stage{Config: cfg, contender: c, Plant: p}
	generator, err := load.New(load.Config{Records: cfg.records(), Keys: cfg.Keys, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, err
	}
	messages := generator.Encoded(load.Binary)
	if c.peer != nil {
		messages = generator.Encoded(load.JSON)
	}
	if s.feeder, err = p.Feed(p.Graph.Settings.Records(), messages); err != nil {
		return nil, err
	}
	defer s.feeder.Close()
	if s.reader, err = p.Documents(p.Graph.Settings.Documents()); err != nil {
		return nil, err
	}
	defer s.reader.Close()
	if c.peer != nil {
		s.process, err = p.RunPeer(c.name, *c.peer, "serve")
	} else {
		s.process, err = p.RunMerge(ctx, c.name)
	}
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	for _, rate := range cfg.Rates {
		settings := c.settings()
		settings["rate"], settings["keys"], settings["partitions"], settings["seconds"] = rate, cfg.Keys, pc.Partitions, cfg.Lasts.Seconds()
		m, err := measured(origin, result.Latency, c.name, round, settings)
		if err != nil {
			return rows, err
		}
		some, n, err := s.rate(ctx, m, rate)
		rows = append(rows, some...)
		if err != nil {
			return rows, fmt.Errorf("%d records/s: %w", rate, err)
		}
		if want, ok := samples[rate]; ok && want != n {
			return rows, fmt.Errorf("%d records/s: %w: %d documents, and another contender wrote %d for the same records", rate, plant.ErrVoid, n, want)
		}
		samples[rate] = n
	}
	if c.peer == nil && cfg.Backlog > 0 {
		some, err := s.backlog(ctx, origin, round)
		if err != nil {
			return rows, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

func measured(origin result.Row, benchmark, contender string, round int, settings map[string]any) (plant.Measured, error) {
	text, err := json.Marshal(settings)
	origin.Time = time.Now().UnixMicro()
	return plant.Measured{Origin: origin, Benchmark: benchmark, Contender: contender, Round: round, Settings: string(text)}, err
}

// begin has every customer in the state, and the contender warm.
func (s *stage) begin(ctx context.Context) error {
	if err := s.feeder.Write(ctx, s.Keys); err != nil {
		return err
	}
	if err := s.await(ctx, func() bool { return s.reader.Seen() >= s.Keys }); err != nil {
		return err
	}
	if s.Warmup > 0 {
		if err := s.feeder.Flow(ctx, s.Rates[0], s.Warmup, nil); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

func (s *stage) await(ctx context.Context, done func() bool) error {
	return s.Await(ctx, 20*time.Millisecond, func() (bool, string, error) {
		return done(), fmt.Sprintf("%d records given, %d documents read", s.feeder.Given(), s.reader.Seen()), s.process.Alive()
	})
}

// settle waits until the contender's group has committed all records, and the
// reader has read all documents.
func (s *stage) settle(ctx context.Context) error {
	if err := s.AwaitMerged(ctx, s.process); err != nil {
		return err
	}
	return s.reader.ToTheEnd(ctx, s.Plant)
}

// pauses are the product's histograms; empty of a peer.
type pauses struct {
	commit *dto.Histogram
	full   *dto.Histogram // the transaction was full, and the one before under way
}

func (s *stage) pause(ctx context.Context) (p pauses, err error) {
	if s.peer != nil {
		return p, nil
	}
	f, err := s.process.Figures(ctx)
	if err != nil {
		return p, err
	}
	group := map[string]string{"group": s.Graph.Settings.MergeGroup()}
	p.commit = f.Histogram("customer360_engine_commit_pause_seconds", group)
	p.full = f.Histogram("customer360_engine_full_pause_seconds", group)
	return p, nil
}

// rows are of what was since before.
func (p pauses) rows(m plant.Measured, before pauses) []result.Row {
	commits := p.commit.GetSampleCount() - before.commit.GetSampleCount()
	waits := p.full.GetSampleCount() - before.full.GetSampleCount()
	rows := []result.Row{
		m.Row(result.PauseP99, "ms", 1000*plant.Quantile(.99, before.commit, p.commit)),
		m.Row("commits", "count", float64(commits)),
		m.Row("waits", "count", float64(waits)),
	}
	if waits > 0 {
		mean := (p.full.GetSampleSum() - before.full.GetSampleSum()) / float64(waits)
		rows = append(rows, m.Row("wait_mean", "ms", 1000*mean))
	}
	return rows
}
