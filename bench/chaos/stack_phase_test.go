package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"customer360/bench/stack"
)

// phase lets the sources change while something happens, and compares.
func (s *stackRun) phase(ctx context.Context, p phase) error {
	s.note("phase %s", p.name)
	s.writer.KeepRows, s.writer.KeepColumns = p.keep, p.snapshot
	changing, rest := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.churn(changing) }()
	err := s.within(ctx, "phase "+p.name, func(ctx context.Context) error { return errors.Join(p.do(ctx, s), s.more(ctx, 40)) })
	rest()
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	if p.sweep {
		if err := s.within(ctx, "sweeping", func(ctx context.Context) error { return s.sweep(ctx, p.name) }); err != nil {
			return err
		}
	}
	return s.checkpoint(ctx, p.name)
}

// sweep withdraws the rows that the new snapshot does not hold. There must be
// some: else the phase would prove nothing.
func (s *stackRun) sweep(ctx context.Context, name string) error {
	name = "before the sweep of " + name
	if err := s.writer.Checkpoint(ctx, name); err != nil {
		return err
	}
	for arrived := false; !arrived; { // with all that was written before
		documents, err := bucket(s.node, "customer360")
		if err != nil {
			return err
		}
		arrived = bytes.Contains(documents[stack.CheckpointEmail], []byte(name))
		if _, err := s.machine.Mend(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	cmd := exec.CommandContext(ctx, s.cfg.Binary, "sweep", "--config", s.settings, "--accept", "--output", "json")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("customer360 sweep: %w: %s", err, out)
	}
	var result struct{ Swept, Rows int }
	if err := json.Unmarshal(out, &result); err != nil {
		return fmt.Errorf("customer360 sweep said %q: %w", out, err)
	}
	if result.Swept == 0 {
		return fmt.Errorf("customer360 sweep withdrew nothing of %d rows", result.Rows)
	}
	s.note("sweep withdrew %d of %d rows", result.Swept, result.Rows)
	return nil
}

// more waits for that many steps of the churn.
func (s *stackRun) more(ctx context.Context, steps int64) error {
	for goal := s.steps.Load() + steps; s.steps.Load() < goal; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the writer stands still: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
