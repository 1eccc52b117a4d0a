package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"customer360/bench/result"
	"customer360/bench/sink"
)

func sinkCommand() command {
	return command{"sink", "documents into the Couchbase node: the fenced sink against plain upserts, at 1, 8, 64 in flight", sinks}
}

func sinks(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if role, ok := roleOf(args); ok {
		return sink.Child(ctx, role, os.Stdin, stdout, stderr)
	}
	f := flagsOf("sink", stderr)
	full := f.Bool("full", false, "the long form: five rounds with more documents")
	var s saved
	s.flags(f)
	rounds := f.Int("rounds", 0, "runs of each contender (default: the form's)")
	documents := f.Int("documents", 0, "keys, and messages of each operation (default: the form's)")
	inFlight := f.Int("in-flight", 0, "operations at a time (default: 1, 8 and 64, one after the other)")
	durability := f.String("durability", "none", "of both contenders' writes: none or majority")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	c := sink.ShortConfig()
	if *full {
		c = sink.DefaultConfig()
	}
	override(&c.Rounds, *rounds)
	override(&c.Documents, *documents)
	if *inFlight > 0 {
		c.InFlight = []int{*inFlight}
	}
	c.Durability = *durability
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return measure(ctx, s, stdout, func(ctx context.Context, origin result.Row, report func([]result.Row)) ([]result.Row, error) {
		return sink.Run(ctx, c, origin, stderr, report)
	})
}

// roleOf says which process of a measurement this one is to be: the parent
// starts it so, nobody else does.
func roleOf(args []string) (string, bool) {
	if len(args) == 2 && args[0] == "--role" {
		return args[1], true
	}
	return "", false
}
