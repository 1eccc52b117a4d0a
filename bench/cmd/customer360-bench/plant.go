package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"customer360/bench/plant"
	"customer360/bench/result"
)

// plantFlags adds what all measurements have that start a broker themselves; c has
// the defaults. The result is what was chosen, after parsing.
func plantFlags(f *flag.FlagSet, c plant.Config) func() plant.Config {
	f.StringVar(&c.Binary, "binary", c.Binary, "the product (make build)")
	f.StringVar(&c.Scripts, "stack", c.Scripts, "the folder deploy/stack")
	f.StringVar(&c.Dir, "dir", "", "the folder for data and logs, which are removed at the end (default: the system's for temporary files)")
	f.DurationVar(&c.Patience, "patience", c.Patience, "how long each thing is waited for")
	n := f.Int("partitions", int(c.Partitions), "of every topic")
	return func() plant.Config {
		c.Partitions = int32(*n)
		return c
	}
}

// streamsFlag adds the folder of Kafka Streams' sources.
func streamsFlag(f *flag.FlagSet) *string {
	return f.String("streams", "bench/peers/streams", "the folder of Kafka Streams' part, which is built (Maven, Java 17); empty: without it")
}

// peers builds what is not left out; end removes it.
func peers(ctx context.Context, streams string) (all []plant.Peer, end func() error, err error) {
	if streams == "" {
		return nil, func() error { return nil }, nil
	}
	target, err := os.MkdirTemp("", "customer360-streams-")
	if err != nil {
		return nil, nil, err
	}
	peer, err := plant.BuildStreams(ctx, streams, target)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(target))
	}
	return []plant.Peer{peer}, func() error { return os.RemoveAll(target) }, nil
}

// saved is where rows go, and the revision that they are of.
type saved struct{ out, commit string }

func (s *saved) flags(f *flag.FlagSet) {
	f.StringVar(&s.out, "out", "", "the results' file, Parquet, replaced (default: none)")
	f.StringVar(&s.commit, "commit", "", "the revision that is measured (default: what go build stamped)")
}

// measure runs one measurement, prints its rows as they come and saves them.
func measure(ctx context.Context, s saved, stdout io.Writer, run func(context.Context, result.Row, func([]result.Row)) ([]result.Row, error)) error {
	rows, err := run(ctx, result.Origin(s.commit), func(some []result.Row) { printRows(stdout, some) })
	if err != nil {
		return err
	}
	return s.write(stdout, rows)
}

// write writes the rows to the file, if there is to be one.
func (s saved) write(stdout io.Writer, rows []result.Row) error {
	if s.out == "" {
		return nil
	}
	if err := result.Save(s.out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "%d measurements in %s\n", len(rows), s.out)
	return err
}

// printRows has one line for each.
func printRows(w io.Writer, rows []result.Row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\tround %d\t%s\t%.2f %s\t%s\n", r.Benchmark, r.Contender, r.Round, r.Metric, r.Value, r.Unit, r.Settings)
	}
	_ = t.Flush() // to a console
}
