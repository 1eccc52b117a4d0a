package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
)

// Run measures recoveries, interleaved; report gets each one's rows.
func Run(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	turns := []*plant.Peer{nil}
	for i := range cfg.Peers {
		turns = append(turns, &cfg.Peers[i])
	}
	for round := 1; round <= cfg.Rounds; round++ {
		for i := range turns {
			peer := turns[(i+round-1)%len(turns)]
			name := result.Customer360
			if peer != nil {
				name = peer.Contender
			}
			some, err := regain(ctx, cfg, peer, cfg.measured(origin, result.Recovery, name, round, nil))
			if err != nil {
				return rows, fmt.Errorf("recovery, round %d, %s: %w", round, name, err)
			}
			report(some)
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

// regain has one contender fill a state, lose it, and get it back.
func regain(ctx context.Context, cfg Config, peer *plant.Peer, m plant.Measured) (rows []result.Row, err error) {
	p, err := plant.New(ctx, cfg.Plant)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	feeder, err := feed(p, cfg, peer != nil)
	if err != nil {
		return nil, err
	}
	defer feeder.Close()
	start := func(name, mode string) (*plant.Process, error) {
		if peer != nil {
			return p.RunPeer(name, *peer, mode)
		}
		return p.RunMerge(ctx, name)
	}
	filling, err := start("merge", "serve")
	if err != nil {
		return nil, err
	}
	if err := feeder.Write(ctx, cfg.Keys); err != nil {
		return nil, err
	}
	if err := p.AwaitMerged(ctx, filling); err != nil {
		return nil, err
	}
	if err := filling.Stop(); err != nil {
		return nil, err
	}
	p.Forget(filling)
	if err := os.RemoveAll(p.State("merge")); err != nil {
		return nil, err
	}
	began := time.Now()
	back, err := start("merge", "restore")
	if err != nil {
		return nil, err
	}
	seconds, used, err := ended(back, peer, began)
	if err != nil {
		return nil, err
	}
	rows = []result.Row{
		m.Row(result.RecoverTime, "s", seconds),
		m.Row(result.KeysRate, "keys/s", float64(cfg.Keys)/seconds),
		m.Row(result.CPU, "us/record", plant.Microseconds(used.CPU)/float64(cfg.Keys)),
		m.Row(result.RSSPeak, "MiB", used.RSS),
	}
	if peer == nil {
		f, err := back.Figures(ctx)
		if err != nil {
			return nil, err
		}
		if n := f.Value("customer360_engine_recovery_records_total", nil); n < float64(cfg.Keys) {
			return nil, fmt.Errorf("%w: %v records of the changelog were read", plant.ErrVoid, n)
		}
	}
	if peer != nil {
		if back, err = start("merge", "serve"); err != nil {
			return nil, err
		}
	}
	return rows, goesOn(ctx, p, cfg, feeder, back)
}

// ended is what the recovery took.
func ended(back *plant.Process, peer *plant.Peer, began time.Time) (seconds float64, used plant.Usage, err error) {
	if peer == nil { // it runs
		seconds = time.Since(began).Seconds()
		used, err = back.Usage()
		return seconds, used, err
	}
	u, err := back.Used()
	return u.Seconds, plant.Usage{CPU: time.Duration(u.CPU * float64(time.Second)), RSS: u.RSS}, err
}

// goesOn checks the state: records that were folded before it was lost, given once
// more, are known.
func goesOn(ctx context.Context, p *plant.Plant, cfg Config, feeder *plant.Feeder, back *plant.Process) error {
	reader, err := p.Documents(p.Graph.Settings.Documents())
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := reader.ToTheEnd(ctx, p); err != nil {
		return err
	}
	before := reader.Seen()
	if before != cfg.Keys {
		return fmt.Errorf("%w: %d documents of %d customers", plant.ErrVoid, before, cfg.Keys)
	}
	if err := feeder.Write(ctx, cfg.Keys/10); err != nil {
		return err
	}
	if err := p.AwaitMerged(ctx, back); err != nil {
		return err
	}
	if err := reader.ToTheEnd(ctx, p); err != nil {
		return err
	}
	if n := reader.Seen() - before; n != 0 {
		return fmt.Errorf("%w: %d of %d records that had been folded before the state was lost were folded again", plant.ErrVoid, n, cfg.Keys/10)
	}
	return nil
}

// feed has every customer's first record, and then a tenth of them again.
func feed(p *plant.Plant, cfg Config, asJSON bool) (*plant.Feeder, error) {
	generator, err := load.New(load.Config{Records: cfg.Keys, Keys: cfg.Keys, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, err
	}
	form := load.Binary
	if asJSON {
		form = load.JSON
	}
	return p.Feed(p.Graph.Settings.Records(), func(yield func(load.Message) bool) {
		for m := range generator.Encoded(form) {
			if !yield(m) {
				return
			}
		}
		n := 0
		for m := range generator.Encoded(form) {
			if n++; n > cfg.Keys/10 || !yield(m) {
				return
			}
		}
	})
}
