package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"customer360/bench/child"
	"customer360/bench/result"
)

// contendConfig is what a child is started with, as its first question: places
// hold a password, which is nothing for a command line.
type contendConfig struct {
	Places     places                     `json:"places"`
	InFlight   int                        `json:"in_flight"`
	Durability string                     `json:"durability"`
	From       map[string]map[int32]int64 `json:"from"` // offsets to begin at
}

// question asks a contender to measure the next records.
type question struct {
	Records int64 `json:"records"`
}

// measurement is what the records behind the warm-up took.
type measurement struct {
	child.Spent
	ServersCPU time.Duration `json:"servers_cpu"` // -1: not known on this system
}

// contender does the job until its context ends.
type contender interface {
	run(ctx context.Context) error
	done() (int64, error) // messages dealt with since the start; an error voids the run
}

// Child is a role of a measurement in this process: "servers", result.Fenced or
// result.Plain. It speaks with its parent over in and out.
func Child(ctx context.Context, role string, in io.Reader, out, stderr io.Writer) error {
	answers := json.NewEncoder(out)
	questions := json.NewDecoder(in)
	var cfg contendConfig
	if err := questions.Decode(&cfg); err != nil {
		return fmt.Errorf("reading what to do: %w", err)
	}
	rest := io.MultiReader(questions.Buffered(), in)
	var c contender
	var err error
	switch role {
	case "servers":
		return serveServers(ctx, cfg.Places.Partitions, rest, answers, stderr)
	case result.Fenced:
		c, err = newFenced(cfg, stderr)
	case result.Plain:
		c, err = newPlain(cfg)
	default:
		return fmt.Errorf("there is no role %q", role)
	}
	if err != nil {
		return err
	}
	return contend(ctx, c, cfg, rest, answers)
}

// contend measures one question after the other while the contender works.
func contend(ctx context.Context, c contender, cfg contendConfig, in io.Reader, answers *json.Encoder) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() {
		err := c.run(ctx)
		cancel(errors.Join(errors.New("the contender has ended"), err))
		ended <- err
	}()
	var before int64
	err := child.Serve(ctx, in, func(q question) (any, error) {
		m, err := measure(ctx, c, cfg.Places.PID, before, q.Records)
		before += q.Records
		return m, err
	}, answers)
	cancel(nil)
	return errors.Join(err, <-ended)
}

// lookEvery is fine enough for windows of a tenth of a second.
const lookEvery = time.Millisecond

// measure waits for records more than before, the first tenth as warm-up.
func measure(ctx context.Context, c contender, servers int, before, records int64) (measurement, error) {
	begun, from, serversFrom, err := reach(ctx, c, servers, before+max(records/10, 1))
	if err != nil {
		return measurement{}, err
	}
	ended, to, serversTo, err := reach(ctx, c, servers, before+records)
	if err != nil {
		return measurement{}, err
	}
	if to != before+records || from >= to {
		return measurement{}, fmt.Errorf("%w: %d messages were dealt with, %d at the end of the warm-up; %d were there", ErrVoid, to-before, from-before, records)
	}
	m := measurement{Spent: ended.Since(begun, to-from), ServersCPU: -1}
	if serversFrom >= 0 {
		m.ServersCPU = serversTo - serversFrom
	}
	return m, nil
}

// reach waits until n messages were dealt with, and says what was used by then.
func reach(ctx context.Context, c contender, servers int, n int64) (child.Usage, int64, time.Duration, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		done, err := c.done()
		if err != nil {
			return child.Usage{}, 0, 0, err
		}
		if done >= n {
			u, err := child.Use()
			cpu, cpuErr := child.CPUOf(servers)
			if errors.Is(cpuErr, errors.ErrUnsupported) {
				cpu, cpuErr = -1, nil
			}
			return u, done, cpu, errors.Join(err, cpuErr)
		}
		select {
		case <-ctx.Done():
			return child.Usage{}, 0, 0, fmt.Errorf("%d of %d messages were dealt with: %w", done, n, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
