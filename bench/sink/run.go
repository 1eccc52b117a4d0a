package sink

import (
	"context"
	"errors"
	"fmt"
	"io"

	"customer360/bench/child"
	"customer360/bench/result"
)

// Run measures all rounds. Rows of what was complete come with an error too;
// report is told of every operation as it ends. The children's logs go to stderr.
func Run(ctx context.Context, cfg Config, origin result.Row, stderr io.Writer, report func(rows []result.Row)) ([]result.Row, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	origin.Benchmark = result.Sink
	var rows []result.Row
	for round := 1; round <= cfg.Rounds; round++ {
		for _, inFlight := range cfg.InFlight {
			for turn := range cfg.Contenders {
				origin.Contender, origin.Round = cfg.Contenders[(turn+round)%len(cfg.Contenders)], int32(round)
				err := cfg.oneCase(ctx, inFlight, origin, stderr, func(measured []result.Row) {
					rows = append(rows, measured...)
					report(measured)
				})
				if err != nil {
					return rows, fmt.Errorf("round %d, %s, %d in flight: %w", round, origin.Contender, inFlight, err)
				}
			}
		}
	}
	return rows, nil
}

// start starts a role of this package in a process of its own.
func (c Config) start(ctx context.Context, stderr io.Writer, role string, with contendConfig) (*child.Child, error) {
	return child.StartRole(ctx, c.Self, "sink", role, with, stderr)
}

// oneCase runs all operations of a contender on new servers.
func (c Config) oneCase(ctx context.Context, inFlight int, row result.Row, stderr io.Writer, report func([]result.Row)) (err error) {
	servers, p, err := startServers(ctx, c, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Stop()) }()
	t, err := openTopic(p)
	if err != nil {
		return err
	}
	defer t.close()
	insert, rewrite, remove := segments(c.Documents)
	k := &turn{cfg: c, places: p, topic: t, inFlight: inFlight, row: row, stderr: stderr, report: report}
	first, err := t.ends(ctx)
	if err != nil {
		return err
	}
	var replayed map[string]map[int32]int64
	err = k.contend(ctx, first, func(p *child.Child) error {
		if err := k.operation(ctx, p, Insert, insert, true); err != nil {
			return err
		}
		if replayed, err = t.ends(ctx); err != nil {
			return err
		}
		return k.operation(ctx, p, Rewrite, rewrite, true)
	})
	if err != nil {
		return err
	}
	return k.contend(ctx, replayed, func(p *child.Child) error {
		if err := k.operation(ctx, p, Replay, rewrite, false); err != nil {
			return err
		}
		return k.operation(ctx, p, Remove, remove, true)
	})
}

// turn is a case that is under way.
type turn struct {
	cfg      Config
	places   places
	topic    *topic
	inFlight int
	row      result.Row
	stderr   io.Writer
	report   func([]result.Row)
}

// contend starts a contender that begins at these offsets, for as long as do takes.
func (k *turn) contend(ctx context.Context, from map[string]map[int32]int64, do func(*child.Child) error) error {
	if err := k.topic.resume(ctx, from); err != nil {
		return err
	}
	p, err := k.cfg.start(ctx, k.stderr, k.row.Contender, contendConfig{Places: k.places, InFlight: k.inFlight, Durability: k.cfg.Durability, From: from})
	if err != nil {
		return err
	}
	return errors.Join(do(p), p.Stop())
}

// operation measures one, whose records are still to be written where fresh is true.
func (k *turn) operation(ctx context.Context, p *child.Child, name string, s segment, fresh bool) error {
	err := p.Tell(question{Records: int64(s.documents)})
	if err == nil && fresh {
		err = k.topic.write(ctx, s)
	}
	var m measurement
	if err == nil {
		err = p.Hear(&m)
	}
	if err == nil {
		err = check(ctx, k.places, s, k.row.Contender == result.Fenced)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	row := k.row
	row.Time = m.Start.UnixMicro()
	if row.Settings, err = k.cfg.settings(name, k.inFlight); err != nil {
		return err
	}
	k.report(m.rows(row, s.documents))
	return nil
}

// rows of a measurement of messages, a document each; so many were checked.
func (m measurement) rows(r result.Row, checked int) []result.Row {
	rows := m.Rows(r, m.ServersCPU)
	r.Metric, r.Unit, r.Value = result.Documents, "documents", float64(checked)
	return append(rows, r)
}
