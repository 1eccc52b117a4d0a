package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"

	"customer360/bench/contest"
	"customer360/internal/memorylimit"
)

func contendCommand() command {
	return command{"contend", "run one of our contenders on a filled broker, and print what it used as one JSON line", contend}
}

func contend(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := contest.DefaultContendConfig()
	cpu, memory := "", ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		c.Contender, args = contest.Contender(args[0]), args[1:]
	}
	f := flagsOf("contend NAME", stderr)
	f.StringVar(&c.Bootstrap, "bootstrap", "127.0.0.1:9092", "the broker, filled and made fresh")
	f.Int64Var(&c.Records, "records", 1_000_000, "records that the topic holds")
	f.Int64Var(&c.Warmup, "warmup", 0, "of these, how many are not measured")
	partitions := f.Int("partitions", int(c.Partitions), "of each topic, as filled")
	f.DurationVar(&c.CommitInterval, "commit-interval", c.CommitInterval, "between two transactions")
	f.StringVar(&c.Dir, "dir", "", "a folder for the state, kept (default: a temporary one)")
	f.StringVar(&cpu, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	f.StringVar(&memory, "memprofile", "", "write a profile of all allocations to this file; it makes the run dearer")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	c.Partitions = int32(*partitions)
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	_, restore := memorylimit.Set(slog.New(slog.NewTextHandler(stderr, nil)), 0) // as run does
	defer restore()
	m, err := profiled(cpu, memory, func() (contest.Measurement, error) { return contest.Contend(ctx, c) })
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(m)
}

// profiled runs measure under the profilers that have a file.
func profiled(cpu, memory string, measure func() (contest.Measurement, error)) (m contest.Measurement, err error) {
	if memory == "" {
		runtime.MemProfileRate = 0 // sampling costs, too
	} else {
		runtime.MemProfileRate = 64 << 10
	}
	if cpu != "" {
		file, err := os.Create(cpu)
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return m, fmt.Errorf("the CPU profile: %w", err)
		}
	}
	m, err = measure()
	pprof.StopCPUProfile()
	if err != nil || memory == "" {
		return m, err
	}
	file, err := os.Create(memory)
	if err != nil {
		return m, err
	}
	return m, errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}
