package emitters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"customer360/bench/child"
	"customer360/bench/result"
)

// Run measures all rounds. Rows of what was complete come with an error too;
// report is told of every run as it ends. The children's logs go to stderr.
func Run(ctx context.Context, cfg Config, origin result.Row, stderr io.Writer, report func(rows []result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return nil, fmt.Errorf("a folder for the CSV file: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{cfg: cfg, file: filepath.Join(dir, "loyalty.csv"), stderr: stderr}
	if cfg.Rows > 0 {
		if b.bytes, err = writeFile(b.file, cfg.Rows); err != nil {
			return nil, err
		}
	}
	origin.Benchmark = result.Emitters
	runs := cfg.runs()
	for round := 1; round <= cfg.Rounds; round++ {
		for i := range runs {
			r := runs[i^(round&1)] // contenders lie in pairs: each is first in every other round
			m, err := b.one(ctx, r)
			if err != nil {
				return rows, fmt.Errorf("round %d, %s: %w", round, r.contender, err)
			}
			row := origin
			row.Contender, row.Round, row.Time = r.contender, int32(round), m.Start.UnixMicro()
			if row.Settings, err = r.settings(); err != nil {
				return rows, err
			}
			measured := m.rows(row)
			rows = append(rows, measured...)
			report(measured)
		}
	}
	return rows, nil
}

// bench is what the runs share.
type bench struct {
	cfg    Config
	file   string
	bytes  int64 // of the file's values
	stderr io.Writer
}

func (b *bench) start(ctx context.Context, role string, o order) (*child.Child, error) {
	return child.StartRole(ctx, b.cfg.Self, "emitters", role, o, b.stderr)
}

// one is a run on new servers, checked.
func (b *bench) one(ctx context.Context, r run) (m measurement, err error) {
	servers, err := b.start(ctx, "servers", order{Customers: b.cfg.Customers})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, servers.Stop()) }()
	o := order{File: b.file, InFlight: r.inFlight}
	if err := servers.Hear(&o.Places); err != nil {
		return m, err
	}
	if r.contender == result.RestPoll {
		if err := wanted(ctx, o.Places); err != nil {
			return m, err
		}
	}
	contender, err := b.start(ctx, r.contender, o)
	if err != nil {
		return m, err
	}
	if err := errors.Join(contender.Hear(&m), contender.Stop()); err != nil {
		return m, err
	}
	return m, b.check(ctx, r, m, o.Places)
}

func (m measurement) rows(r result.Row) []result.Row {
	rows := m.Rows(r, m.ServersCPU)
	r.Metric, r.Unit, r.Value = result.Output, "records", float64(m.Records)
	return append(rows, r)
}
