package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"customer360/bench/contest"
	"customer360/bench/load"
	"customer360/bench/result"
)

type options struct {
	contest contest.Config
	out     string
	commit  string
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{contest: contest.DefaultConfig()}
	c := &o.contest
	flags := flag.NewFlagSet("customer360-bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&c.Load.Records, "records", c.Load.Records, "records of each run")
	flags.IntVar(&c.Load.Keys, "keys", c.Load.Keys, "customers")
	flags.Uint64Var(&c.Load.Seed, "seed", c.Load.Seed, "of the records")
	distribution := flags.String("distribution", string(c.Load.Distribution), "of the keys: uniform or zipf")
	flags.IntVar(&c.Warmup, "warmup", -1, "records of each run that are not measured (default: a fifth)")
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "runs of each contender, interleaved")
	flags.StringVar(&o.out, "out", "results.parquet", "the results' file, replaced; empty: none")
	flags.StringVar(&o.commit, "commit", "", "the revision that is measured (default: what go build stamped)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q: there are only flags", flags.Arg(0))
	}
	c.Load.Distribution = load.Distribution(*distribution)
	if c.Warmup < 0 {
		c.Warmup = c.Load.Records / 5
	}
	return o, c.Validate()
}

// bench runs, prints and saves. Nothing is saved of a contest that ended early.
func bench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	origin := result.Origin(o.commit)
	describe(stdout, o.contest, origin)
	rows, err := contest.Run(ctx, o.contest, origin, func(round int, c contest.Contender, rows []result.Row) {
		fmt.Fprintf(stdout, "round %d  %-6s", round, c)
		for _, r := range rows {
			fmt.Fprintf(stdout, "  %s %s", number(r.Value), r.Unit)
		}
		fmt.Fprintln(stdout)
	})
	if err != nil {
		return err
	}
	table(stdout, result.Summarise(rows))
	if o.out == "" {
		return nil
	}
	if err := result.Save(o.out, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\n%d measurements in %s\n", len(rows), o.out)
	return err
}
