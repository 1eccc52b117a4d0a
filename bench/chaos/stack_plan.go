package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"customer360/bench/stack"
)

// Kinds of faults of the components. Those of run processes are in plan.go.
const (
	KillKafka      Kind = "kill_kafka" // SIGKILL, and a start some time later
	PauseKafka     Kind = "pause_kafka"
	KillConnect    Kind = "kill_connect"
	PauseConnect   Kind = "pause_connect"
	KillMariaDB    Kind = "kill_mariadb"
	RestartMariaDB Kind = "restart_mariadb" // SIGTERM, and a start
	PauseMariaDB   Kind = "pause_mariadb"
	StoreFails     Kind = "store_fails" // a third of the requests: 503
)

// stackKinds is the deck of the real source systems.
func stackKinds() []Kind {
	return []Kind{Kill, Kill, PauseShort, PauseLong, DiskFull, Cut, Stall, HalfOpen, Delay, StoreFails,
		KillKafka, PauseKafka, KillConnect, KillConnect, PauseConnect, KillMariaDB, RestartMariaDB, PauseMariaDB}
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

// stackPlan deals faults for the length, a pure function of the seed: all kinds
// before one comes again; on each component or process one at a time.
func stackPlan(seed uint64, length time.Duration) []step {
	dice := rand.New(rand.NewPCG(seed, 361))
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(dice.Int64N(int64(high-low))) }
	busy := map[string]time.Duration{}
	var steps []step
	var hand []Kind
	for at := between(0, time.Second); at < length; at += between(500*time.Millisecond, 4*time.Second) {
		if len(hand) == 0 {
			hand = stackKinds()
			dice.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
		}
		s := step{At: at, Kind: hand[0], Process: 1 + dice.IntN(len(runs)), Service: dice.IntN(len(services)), Lasts: between(time.Second, 12*time.Second)}
		var target string
		switch s.Kind {
		case KillKafka, KillConnect, KillMariaDB, RestartMariaDB, PauseKafka, PauseConnect, PauseMariaDB, StoreFails:
			s.Process = 0
			_, target, _ = strings.Cut(string(s.Kind), "_")
		case Kill:
			s.Lasts = []time.Duration{0, between(0, 3*time.Second), sessionTimeout + between(time.Second, 5*time.Second)}[dice.IntN(3)]
		case PauseShort:
			s.Lasts = between(time.Second, sessionTimeout-2*time.Second)
		case PauseLong:
			s.Lasts = sessionTimeout + between(2*time.Second, 6*time.Second)
		}
		if s.Process > 0 {
			target = fmt.Sprint(s.Process)
			if s.Kind.network() {
				target += services[s.Service]
			}
		}
		if busy[target] > at {
			continue // the card stays on top
		}
		// A component that was killed takes some time to be back.
		busy[target] = at + s.Lasts + time.Second
		if s.Process == 0 {
			busy[target] += 15 * time.Second
		}
		hand = hand[1:]
		steps = append(steps, s)
	}
	return steps
}

// playStack lets one fault happen and ends it. That a component cannot be started
// again is an error.
func (s *stackRun) playStack(ctx context.Context, f step) error {
	if f.Process > 0 {
		s.play(ctx, f)
		return nil
	}
	ended := context.WithoutCancel(ctx) // what is broken is mended
	var begin, end func() error
	c := s.component(f.Kind)
	switch f.Kind {
	case StoreFails:
		begin = func() error { s.store.Fail(33); return nil }
		end = func() error { s.store.Fail(0); return nil }
	case PauseKafka, PauseConnect, PauseMariaDB:
		begin = func() error { return c.Signal(syscall.SIGSTOP) }
		end = func() error { return c.Signal(syscall.SIGCONT) }
	case RestartMariaDB:
		begin = func() error { return c.Stop(ended) }
		end = func() error { return c.Start(ended) }
	default:
		begin = func() error { return c.Kill(ended) }
		end = func() error { return c.Start(ended) }
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

// RunStack plays the plan on real source systems. The error is of something that
// did not work, or of a document that is wrong, which the report has too. notes
// gets a line for each fault.
func RunStack(ctx context.Context, cfg StackConfig, notes io.Writer) (StackReport, error) {
	s, err := newStackRun(cfg, notes)
	if err != nil {
		return StackReport{}, err
	}
	s.report.Seconds = cfg.Length.Seconds()
	err = s.stackCourse(ctx)
	if ended := s.end(); err == nil {
		err = ended
	}
	s.report.Faults = s.faults
	return s.report, err
}

// between checkpoints there are at most that many seconds of faults.
const spell = 3 * time.Minute

func (s *stackRun) stackCourse(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.checkpoint(ctx, "start"); err != nil {
		return err
	}
	steps := stackPlan(s.cfg.Seed, s.cfg.Length)
	for from := time.Duration(0); from < s.cfg.Length; from += spell {
		to := min(from+spell, s.cfg.Length)
		var part []step
		for _, f := range steps {
			if f.At >= from && f.At < to {
				f.At -= from
				part = append(part, f)
			}
		}
		if err := s.strikeStack(ctx, part, to-from); err != nil {
			return err
		}
		if err := s.checkpoint(ctx, fmt.Sprintf("after %v", to)); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

// strikeStack plays faults while the sources change; at its end both rest.
func (s *stackRun) strikeStack(ctx context.Context, steps []step, length time.Duration) error {
	ctx, over := context.WithTimeout(ctx, length)
	defer over()
	ended := make(chan error, 1)
	go func() { ended <- s.churn(ctx) }()
	begun := time.Now()
	var playing sync.WaitGroup
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
