package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"customer360/bench/recovery"
	"customer360/bench/result"
)

// recoveryRun is one of package recovery's measurements.
type recoveryRun func(context.Context, recovery.Config, result.Row, func([]result.Row)) ([]result.Row, error)

func recoveryCommand() command {
	return command{"recovery", "a state from its changelog into an empty folder, against Kafka Streams", recoveries("recovery", recovery.Run, true)}
}

func takeoverCommand() command {
	return command{"takeover", "one of two instances leaves, with a standby copy and without", recoveries("takeover", recovery.Takeover, false)}
}

func rebuildCommand() command {
	return command{"rebuild", "the next generation of all documents", recoveries("rebuild", recovery.Rebuild, false)}
}

func recoveries(name string, run recoveryRun, withPeers bool) func(context.Context, []string, io.Writer, io.Writer) error {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
		f := flagsOf(name, stderr)
		full := f.Bool("full", false, "the long form: a million customers, three rounds")
		c := recovery.Short()
		chosen := plantFlags(f, c.Plant)
		var s saved
		s.flags(f)
		none := ""
		streams := &none
		if withPeers {
			streams = streamsFlag(f)
		}
		rounds := f.Int("rounds", 0, "runs of each (default: the form's)")
		keys := f.Int("keys", 0, "customers (default: the form's)")
		if helped, err := parseFlags(f, args); helped || err != nil {
			return err
		}
		if *full {
			c = recovery.Full()
		}
		c.Plant = chosen()
		override(&c.Rounds, *rounds)
		override(&c.Keys, *keys)
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
			return run(ctx, c, origin, report)
		})
	}
}
