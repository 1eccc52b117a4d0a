package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

func allCommand() command {
	return command{"all", "every measurement, one after the other: --short (under 20 minutes) or --full (hours)", all}
}

// step is one measurement of `all`: the command line of a subcommand that has
// --out and --commit, and the name of its file.
type step struct {
	file string
	args []string
}

// steps in their order, each in a short form and a full one. A new measurement
// has a line in both.
func steps(full bool) []step {
	short := []step{
		{"merge-1m", []string{"merge", "--records", "1000000", "--keys", "100000", "--rounds", "5", "--once", "streams-alo,raw,goka-stock"}},
		{"line", []string{"line"}},
		{"latency", []string{"latency"}},
		{"sink", []string{"sink"}},
		{"emitters", []string{"emitters"}},
	}
	if !full {
		return short
	}
	return []step{
		{"merge-1m", []string{"merge", "--records", "1000000", "--keys", "100000", "--rounds", "5", "--once", ""}},
		{"merge-1m-zipf", []string{"merge", "--records", "1000000", "--keys", "100000", "--distribution", "zipf", "--rounds", "5", "--once", ""}},
		{"merge-5m", []string{"merge", "--records", "5000000", "--keys", "1000000", "--rounds", "3", "--limit", "1h"}},
		{"merge-5m-zipf", []string{"merge", "--records", "5000000", "--keys", "1000000", "--distribution", "zipf", "--rounds", "3", "--limit", "1h"}},
		{"line", []string{"line", "--full"}},
		{"latency", []string{"latency", "--full"}},
		{"sink", []string{"sink", "--full"}},
		{"emitters", []string{"emitters", "--full"}},
		{"recovery", []string{"recovery", "--full"}},
		{"takeover", []string{"takeover", "--full"}},
		{"rebuild", []string{"rebuild", "--full"}},
		{"scaling", []string{"scaling", "--full"}},
		{"growth", []string{"growth", "--full"}},
	}
}

func all(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flagsOf("all", stderr)
	short := f.Bool("short", false, "the short form of the parts that have one")
	full := f.Bool("full", false, "the full form of every part")
	out := f.String("out", filepath.Join("bench", "results"), "folder of the Parquet files; those of the same names are replaced")
	commit := f.String("commit", "", "the revision that is measured (default: what go build stamped)")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	if *short == *full {
		return fmt.Errorf("use either --short or --full: %w", errUsage)
	}
	form := "short"
	if *full {
		form = "full"
	}
	return runSteps(ctx, steps(*full), form, *out, *commit, stdout, stderr)
}

// runSteps goes on after one that failed, so that a night is not lost.
func runSteps(ctx context.Context, steps []step, form, out, commit string, stdout, stderr io.Writer) error {
	var failed []error
	for _, s := range steps {
		if ctx.Err() != nil {
			break
		}
		began := time.Now()
		args := append(slices.Clone(s.args), "--out", filepath.Join(out, form+"-"+s.file+".parquet"))
		if commit != "" {
			args = append(args, "--commit", commit)
		}
		fmt.Fprintf(stderr, "== %v\n", args)
		if err := dispatch(ctx, args, stdout, stderr); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.args[0], err))
			fmt.Fprintf(stderr, "== %s failed: %v\n", s.args[0], err)
		}
		fmt.Fprintf(stderr, "== %s took %v\n", s.args[0], time.Since(began).Round(time.Second))
	}
	return errors.Join(append(failed, ctx.Err())...)
}
