package scaleout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// steps are 2 to 4 to 1.
func (m *machine) steps(ctx context.Context, p *pauses, report *Report, out io.Writer) error {
	leave := func(name string) func() error {
		return func() error {
			gone := m.process(name)
			m.forget(gone)
			return gone.stop()
		}
	}
	join := func(names ...string) func() error {
		return func() error {
			var errs []error
			for _, name := range names {
				errs = append(errs, m.run(name))
			}
			return errors.Join(errs...)
		}
	}
	if err := m.awaitFlow(ctx, p); err != nil {
		return err
	}
	before, err := m.awaitSettled(ctx)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		what   string
		change func() error
	}{
		{"nothing changes", func() error { return sleep(ctx, 5*time.Second) }},
		{"two join (2 to 4)", join("three", "four")},
		{"one leaves in order (4 to 3)", leave("two")},
		{"one is killed (3 to 2)", func() error {
			gone := m.process("three")
			m.forget(gone)
			gone.kill()
			return nil
		}},
		{"the killed one is back (2 to 3)", join("three")},
		{"one leaves in order (3 to 2)", leave("one")},
		{"one leaves in order (2 to 1)", leave("four")},
	} {
		step, owners, err := m.step(ctx, p, s.what, before, s.change)
		if err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		fmt.Fprintln(out, step)
		report.Steps = append(report.Steps, step)
		before = owners
	}
	return nil
}

func (m *machine) step(ctx context.Context, p *pauses, what string, before map[int32]string, change func() error) (Step, map[int32]string, error) {
	p.since()
	began := time.Now()
	if err := change(); err != nil {
		return Step{}, nil, err
	}
	owners, err := m.awaitSettled(ctx)
	if err != nil {
		return Step{}, nil, err
	}
	step := Step{What: what, Instances: len(m.processes), Settled: time.Since(began)}
	if err := m.awaitFlow(ctx, p); err != nil {
		return step, nil, err
	}
	for partition, pause := range p.since() {
		if owners[partition] == before[partition] {
			step.Stayed = append(step.Stayed, pause)
		} else {
			step.Moved = append(step.Moved, pause)
		}
	}
	step.Stayed, step.Moved = sortDurations(step.Stayed), sortDurations(step.Moved)
	return step, owners, nil
}

// awaitSettled waits until the processes that are there share all partitions, and
// nobody else has any.
func (m *machine) awaitSettled(ctx context.Context) (owners map[int32]string, err error) {
	err = poll(ctx, m.cfg.Patience, 100*time.Millisecond, func() (bool, string, error) {
		for _, p := range m.processes {
			if err := p.alive(); err != nil {
				return false, "", err
			}
		}
		g, err := m.status(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // in the middle of a change: looked for again
		}
		var why string
		owners, why = g.settled(m.cfg, len(m.processes))
		return why == "", why, nil
	})
	return owners, err
}

// awaitFlow waits until every partition has had documents since now.
func (m *machine) awaitFlow(ctx context.Context, p *pauses) error {
	now := time.Now()
	return poll(ctx, m.cfg.Patience, 50*time.Millisecond, func() (bool, string, error) {
		return p.flows(m.cfg.Partition, now), "a partition of the documents stands still", nil
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
