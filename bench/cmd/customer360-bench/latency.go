package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"customer360/bench/latency"
	"customer360/bench/result"
)

func latencyCommand() command {
	return command{"latency", "from a record's time to its document, merge alone against Kafka Streams; the pause per commit", latencies}
}

func latencies(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f := flagsOf("latency", stderr)
	full := f.Bool("full", false, "the long form: three rounds, other commit intervals as well")
	c := latency.Short()
	chosen := plantFlags(f, c.Plant)
	var s saved
	s.flags(f)
	streams := streamsFlag(f)
	rounds := f.Int("rounds", 0, "runs of each contender, interleaved (default: the form's)")
	var intervals []time.Duration
	f.Func("interval", "a commit interval of the product, 0 as shipped; repeat it for more (default: the form's)", func(s string) error {
		d, err := time.ParseDuration(s)
		intervals = append(intervals, d)
		return err
	})
	lasts := f.Duration("lasts", 0, "of each rate (default: the form's)")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	if *full {
		c = latency.Full()
	}
	c.Plant = chosen()
	override(&c.Rounds, *rounds)
	if len(intervals) > 0 {
		c.Intervals = intervals
	}
	if *lasts > 0 {
		c.Lasts = max(*lasts, time.Second)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	all, end, err := peers(ctx, *streams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	c.Peers = all
	return measure(ctx, s, stdout, func(ctx context.Context, origin result.Row, report func([]result.Row)) ([]result.Row, error) {
		return latency.Run(ctx, c, origin, report)
	})
}
