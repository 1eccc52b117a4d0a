package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"customer360/bench/stack"
)

// strikeStack plays faults while the sources change; at its end both rest.
func (s *stackRun) strikeStack(ctx context.Context, steps []step, length time.Duration) error {
	ctx, over := context.WithTimeout(ctx, length)
	defer over()
	ended := make(chan error, 1)
	go func() { ended <- s.churn(ctx) }()
	begun := time.Now()
	var playing sync.WaitGroup
	playing.Go(func() { s.watch(ctx) })
	var mu sync.Mutex
	var failed error
	for _, f := range steps {
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(begun.Add(f.At))):
			playing.Go(func() {
				if err := s.playStack(ctx, f); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed = err
					over()
				}
			})
		}
	}
	<-ctx.Done()
	playing.Wait()
	if err := <-ended; err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	s.note("the faults are over")
	return nil
}

// component is what a kind strikes, nil for none of them.
func (s *stackRun) component(k Kind) *stack.Component {
	switch k {
	case KillKafka, PauseKafka:
		return s.machine.Kafka
	case KillConnect, PauseConnect:
		return s.machine.Connect
	case KillMariaDB, RestartMariaDB, PauseMariaDB:
		return s.machine.MariaDB
	}
	return nil
}

// playStack lets one fault happen and ends it. Where the component has another one
// still, as a start takes its time, nothing happens. That it cannot be started
// again is an error.
func (s *stackRun) playStack(ctx context.Context, f step) error {
	if f.Process > 0 {
		s.play(ctx, f)
		return nil
	}
	ended := context.WithoutCancel(ctx) // what is broken is mended
	var begin, end func() error
	c := s.component(f.Kind)
	if c != nil {
		if !s.struck[c.Name].TryLock() {
			s.note("%s could not be: %s has another fault", f.Kind, c.Name)
			return nil
		}
		defer s.struck[c.Name].Unlock()
	}
	start := func() error {
		return s.within(ended, "starting "+c.Name+" again", func(ctx context.Context) error { return insist(ctx, c.Start) })
	}
	switch f.Kind {
	case StoreFails:
		begin = func() error { s.store.Fail(33); return nil }
		end = func() error { s.store.Fail(0); return nil }
	case PauseKafka, PauseConnect, PauseMariaDB:
		begin = func() error { return c.Signal(pause) }
		end = func() error { return c.Signal(resume) }
	case RestartMariaDB:
		begin = func() error { return c.Stop(ended) }
		end = start
	default:
		begin = func() error { return c.Kill(ended) }
		end = start
	}
	s.note("%s, %v", f.Kind, f.Lasts.Round(time.Millisecond))
	s.count(f.Kind)
	if err := begin(); err != nil {
		return fmt.Errorf("%s: %w", f.Kind, err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(f.Lasts):
	}
	if err := end(); err != nil {
		return fmt.Errorf("the end of %s: %w", f.Kind, err)
	}
	s.note("end of %s", f.Kind)
	return nil
}

// insist tries until it works: Connect ends where Kafka is away at its start.
func insist(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// watch restarts what fails of the connector until ctx ends, as an operator would.
func (s *stackRun) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(3 * time.Second):
		}
		if mended, err := s.machine.Mend(ctx); err == nil && mended {
			s.report.Restarts++
			s.note("a task of the connector had failed, and was restarted")
		}
	}
}

// churn changes all three source systems until ctx ends.
func (s *stackRun) churn(ctx context.Context) error {
	for n := 1; ctx.Err() == nil; n++ {
		if err := s.writer.Step(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		s.steps.Add(1)
		if n%3 == 0 {
			s.store.Change()
		}
		if n%300 == 0 {
			if err := s.loyalty.Night(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.cfg.StepPause):
		}
	}
	return nil
}
