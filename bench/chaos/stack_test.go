package chaos

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestStackPlan: the plan is the seed's; every kind comes; nothing is struck twice
// at a time.
func TestStackPlan(t *testing.T) {
	for seed := range uint64(50) {
		steps := stackPlan(seed, 30*time.Minute)
		if !reflect.DeepEqual(steps, stackPlan(seed, 30*time.Minute)) {
			t.Fatal("another plan of the same seed")
		}
		seen := map[Kind]int{}
		until := map[string]time.Duration{}
		for _, s := range steps {
			seen[s.Kind]++
			target := fmt.Sprint(s.Process)
			switch {
			case s.Process == 0:
				for name, kinds := range map[string][]Kind{"kafka": {KillKafka, PauseKafka}, "connect": {KillConnect, PauseConnect},
					"mariadb": {KillMariaDB, RestartMariaDB, PauseMariaDB}, "store": {StoreFails}} {
					for _, k := range kinds {
						if s.Kind == k {
							target = name
						}
					}
				}
			case s.Kind.network():
				target += services[s.Service]
			}
			if s.At < until[target] {
				t.Errorf("seed %d: %s at %v strikes %s, which is struck until %v", seed, s.Kind, s.At, target, until[target])
			}
			until[target] = s.At + s.Lasts
		}
		for _, k := range stackKinds() {
			if seen[k] == 0 {
				t.Errorf("seed %d: no %s in 30 minutes", seed, k)
			}
		}
	}
}

// TestStack is `make test-stack`: a series of SQL, nightly files and changes of
// the store, then faults of each part one by one under load; after each, every
// document is what the table, the newest file and the store say.
func TestStack(t *testing.T) {
	if os.Getenv("STACK") == "" {
		t.Skip("it needs MariaDB, Java and downloads: make test-stack")
	}
	c := DefaultStackConfig()
	c.Scripts, c.Binary, c.Dir = absolute(t, "../../deploy/stack"), absolute(t, "../../bin/customer360"), keptDir(t)
	c.Seed = uint64(time.Now().UnixNano()) % 1_000_000
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if c.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED=%s is no number", text)
		}
	}
	t.Logf("SEED=%d", c.Seed)
	s, err := newStackRun(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	}()
	// The components outlive this process: so it ends before it is ended.
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-2*time.Minute))
		defer cancel()
	}
	if err := s.begin(ctx); err != nil {
		t.Fatal(err)
	}
	for _, p := range phases() {
		right := t.Run(p.name, func(t *testing.T) {
			if err := s.phase(ctx, p); err != nil {
				t.Fatalf("SEED=%d: %v", c.Seed, err)
			}
		})
		if !right {
			break // what follows would be told of the same difference
		}
	}
	err = s.finish(ctx)
	r := s.report
	t.Logf("SEED=%d: %d statements (%d refused, %d lost), %d CSV files, %d changes of the store, %d requests to it; %d checkpoints, %d documents compared, %d wrong; dead letters %v",
		r.Seed, r.Statements.Done, r.Statements.Refused, r.Statements.Lost, r.Files, r.Changes, r.Requests, r.Checkpoints, r.Compared, r.Wrong(), r.Letters)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Right() || r.Statements.Done < 500 {
		t.Errorf("%+v", r)
	}
}

// keptDir is an empty folder that stays where the test fails.
func keptDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "customer360-test-stack-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data: %s", dir)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// phase is a part of TestStack.
type phase struct {
	name string
	// do happens while the sources change.
	do func(context.Context, *stackRun) error
	// snapshot: Debezium takes one, so columns do not change meanwhile.
	snapshot bool
	// keep: rows do not vanish while nobody reads the binlog. Else sweep has to
	// find them afterwards.
	keep, sweep bool
}

// phases in their order.
func phases() []phase {
	kill := func(name string) func(context.Context, *stackRun) error {
		return func(ctx context.Context, s *stackRun) error {
			for _, c := range s.machine.Components() {
				if c.Name != name {
					continue
				}
				if err := c.Kill(ctx); err != nil {
					return err
				}
				if err := s.more(ctx, 60); err != nil {
					return err
				}
				if err := c.Start(ctx); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []phase{
		{name: "snapshot", do: func(context.Context, *stackRun) error { return nil }},
		{name: "series", do: func(ctx context.Context, s *stackRun) error { return s.more(ctx, 1500) }},
		{name: "Connect killed", do: kill("connect")},
		{name: "instance killed", do: func(ctx context.Context, s *stackRun) error {
			if err := s.processes[1].kill(0); err != nil {
				return err
			}
			if err := s.more(ctx, 60); err != nil {
				return err
			}
			if err := s.within(ctx, "the killed instance", s.awaitInstances); err != nil {
				return err
			}
			return s.processes[2].kill(15 * time.Second) // the others take over
		}},
		{name: "broker killed", do: kill("kafka")},
		{name: "MariaDB restarted", do: func(ctx context.Context, s *stackRun) error {
			if err := s.machine.MariaDB.Stop(ctx); err != nil {
				return err
			}
			return s.machine.MariaDB.Start(ctx)
		}},
		{name: "MariaDB killed", do: kill("mariadb")},
		{name: "connector deleted and created", do: func(ctx context.Context, s *stackRun) error {
			if err := s.machine.Delete(ctx, false); err != nil {
				return err
			}
			if err := s.more(ctx, 60); err != nil {
				return err
			}
			return s.machine.Register(ctx, nil)
		}},
		{name: "snapshot by a signal", snapshot: true, do: func(ctx context.Context, s *stackRun) error {
			if err := s.machine.Signal(ctx); err != nil {
				return err
			}
			return s.more(ctx, 200)
		}},
		{name: "new snapshot and sweep", snapshot: true, sweep: true, do: func(ctx context.Context, s *stackRun) error {
			if err := s.machine.Delete(ctx, true); err != nil {
				return err
			}
			if err := s.more(ctx, 60); err != nil {
				return err
			}
			return s.machine.Register(ctx, nil)
		}},
		{name: "RESET MASTER", snapshot: true, keep: true, do: func(ctx context.Context, s *stackRun) error {
			if err := s.machine.Delete(ctx, true); err != nil {
				return err
			}
			if err := s.machine.SQL(ctx, "RESET MASTER"); err != nil {
				return err
			}
			if err := s.more(ctx, 60); err != nil {
				return err
			}
			return s.machine.Register(ctx, nil)
		}},
		// Rows come back under primary keys that were deleted at higher positions.
		{name: "after RESET MASTER", do: func(ctx context.Context, s *stackRun) error { return s.more(ctx, 400) }},
	}
}
