package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"customer360/bench/contest"
	"customer360/bench/load"
)

func fillCommand() command {
	return command{"fill", "fill a broker with the records, binary and as JSON", fill}
}

func freshCommand() command {
	return command{"fresh", "remove what a run of a contender left on a broker, but not the records", fresh}
}

// loadFlags adds those of the records.
func loadFlags(f *flag.FlagSet, c *load.Config) {
	f.IntVar(&c.Records, "records", c.Records, "records of each run")
	f.IntVar(&c.Keys, "keys", c.Keys, "customers")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of the records")
	f.Func("distribution", fmt.Sprintf("of the keys: %s or %s (default %s)", load.Uniform, load.Zipf, c.Distribution), func(s string) error {
		c.Distribution = load.Distribution(s)
		return nil
	})
}

func fill(ctx context.Context, args []string, _, stderr io.Writer) error {
	c := load.Config{Records: 1_000_000, Keys: 100_000, Distribution: load.Uniform, Mix: load.Mixed, Seed: 1}
	f := flagsOf("fill", stderr)
	bootstrap := f.String("bootstrap", "127.0.0.1:9092", "the broker; its records topics are replaced")
	partitions := f.Int("partitions", 4, "of each topic")
	loadFlags(f, &c)
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	g, err := load.New(c)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	for _, form := range []load.Form{load.Binary, load.JSON} {
		p, err := contest.NewPlace(*bootstrap, form, int32(*partitions))
		if err != nil {
			return err
		}
		if err := p.Fill(ctx, g.Encoded(form)); err != nil {
			return err
		}
		if err := p.Fresh(ctx); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%d records (%s) in %s\n", c.Records, form, p.Records())
	}
	return nil
}

func fresh(ctx context.Context, args []string, _, stderr io.Writer) error {
	f := flagsOf("fresh", stderr)
	bootstrap := f.String("bootstrap", "127.0.0.1:9092", "the broker")
	partitions := f.Int("partitions", 4, "of each topic")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	for _, form := range []load.Form{load.Binary, load.JSON} {
		p, err := contest.NewPlace(*bootstrap, form, int32(*partitions))
		if err != nil {
			return err
		}
		if err := p.Fresh(ctx); err != nil {
			return err
		}
	}
	return nil
}
