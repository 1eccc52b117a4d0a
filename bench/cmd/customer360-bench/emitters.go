package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"customer360/bench/emitters"
	"customer360/bench/result"
)

func emittersCommand() command {
	return command{"emitters", "rows of a CSV file into Kafka against encoding/csv reading it; the poller against net/http", emit}
}

func emit(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if role, ok := roleOf(args); ok {
		return emitters.Child(ctx, role, os.Stdin, stdout, stderr)
	}
	f := flagsOf("emitters", stderr)
	full := f.Bool("full", false, "the long form: five rounds of a million rows")
	var s saved
	s.flags(f)
	rounds := f.Int("rounds", 0, "runs of each contender (default: the form's)")
	rows := f.Int("rows", -1, "of the CSV file; 0: no CSV (default: the form's)")
	customers := f.Int("customers", -1, "people of the store's world; 0: no polls (default: the form's)")
	inFlight := f.Int("in-flight", 0, "requests at a time (default: the form's)")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	c := emitters.ShortConfig()
	if *full {
		c = emitters.DefaultConfig()
	}
	override(&c.Rounds, *rounds)
	if *rows >= 0 {
		c.Rows = *rows
	}
	if *customers >= 0 {
		c.Customers = *customers
	}
	if *inFlight > 0 {
		c.InFlight = []int{*inFlight}
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return measure(ctx, s, stdout, func(ctx context.Context, origin result.Row, report func([]result.Row)) ([]result.Row, error) {
		return emitters.Run(ctx, c, origin, stderr, report)
	})
}
