package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// phase lets the sources change while something happens, and compares.
func (s *stackRun) phase(ctx context.Context, p phase) error {
	s.note("phase %s", p.name)
	s.writer.KeepRows = p.keep
	changing, rest := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.churn(changing) }()
	err := s.within(ctx, "phase "+p.name, func(ctx context.Context) error { return errors.Join(p.do(ctx, s), s.more(ctx, 40)) })
	rest()
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	return s.checkpoint(ctx, p.name)
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
