package contest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"customer360/bench/child"
	"customer360/topology/engine"
)

// lookEvery is fine enough for windows of a second, and costs under 1% of a core.
const lookEvery = 5 * time.Millisecond

// meter follows a contender of this process from outside.
type meter struct {
	done            func() (int64, error) // records worked on so far, perhaps not committed yet
	committed       func(context.Context) (bool, error)
	warmup, records int64
}

// measure returns when all records are committed. The window begins at the
// first look at which the warm-up was over.
func (m meter) measure(ctx context.Context) (Measurement, error) {
	begun, err := m.await(ctx, m.warmup)
	if err != nil {
		return Measurement{}, err
	}
	begin, err := child.Use()
	if err != nil {
		return Measurement{}, err
	}
	if begun >= m.records {
		return Measurement{}, errors.New("all records were done at the end of the warm-up: use more records, or a warm-up of 0")
	}
	if _, err := m.await(ctx, m.records); err != nil {
		return Measurement{}, err
	}
	for {
		all, err := m.committed(ctx)
		if err != nil {
			return Measurement{}, err
		}
		if all {
			break
		}
		if err := pause(ctx); err != nil {
			return Measurement{}, fmt.Errorf("waiting for the last commit: %w", err)
		}
	}
	end, err := child.Use()
	if err != nil {
		return Measurement{}, err
	}
	n := m.records - begun
	return Measurement{Start: begin.At, Records: n, Warmup: begun, Seconds: end.At.Sub(begin.At).Seconds(), CPU: (end.CPU - begin.CPU).Seconds(),
		Allocs: float64(end.Allocs-begin.Allocs) / float64(n), AllocBytes: float64(end.Bytes-begin.Bytes) / float64(n)}, nil
}

// await returns how many records were done when it were enough.
func (m meter) await(ctx context.Context, records int64) (int64, error) {
	for {
		done, err := m.done()
		if err != nil {
			return 0, err
		}
		if done >= records {
			return done, nil
		}
		if err := pause(ctx); err != nil {
			return 0, fmt.Errorf("%d of %d records done: %w", done, records, err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(lookEvery):
		return nil
	}
}

// follow measures what run does until its group has committed everything, and
// ends it. run returns when its context ends.
func (p Place) follow(ctx context.Context, cfg ContendConfig, run func(context.Context) error, done func() (int64, error)) (Measurement, error) {
	cl, err := p.connect()
	if err != nil {
		return Measurement{}, err
	}
	defer cl.Close()
	goal, err := engine.StableEnds(ctx, cl, p.Records())
	if err != nil {
		return Measurement{}, fmt.Errorf("the end of %s: %w", p.Records(), err)
	}
	if err := enough(goal[p.Records()], cfg.Records); err != nil {
		return Measurement{}, fmt.Errorf("%s: %w", p.Records(), err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() {
		err := run(ctx)
		cancel(err) // a contender that fails ends the measurement
		ended <- err
	}()
	m := meter{done: done, warmup: cfg.Warmup, records: cfg.Records, committed: func(ctx context.Context) (bool, error) {
		left, err := engine.Behind(ctx, cl, p.Group(), goal)
		return left == 0, err
	}}
	measured, err := m.measure(ctx)
	cancel(nil)
	if runErr := <-ended; err == nil && !errors.Is(runErr, context.Canceled) {
		err = runErr
	}
	return measured, err
}

// enough: the topic holds the records that were asked for and no others, so that
// the last commit is that of the last record.
func enough(ends map[int32]int64, records int64) error {
	var sum int64
	for _, end := range ends {
		sum += end
	}
	if sum != records {
		return fmt.Errorf("the topic has %d records and not %d: fill it first, with `customer360-bench fill`", sum, records)
	}
	return nil
}
