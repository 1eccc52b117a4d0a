package main

import (
	"context"
	"io"
	"time"

	"customer360/bench/chaos"
)

// runStack plays faults on the real source systems.
func runStack(ctx context.Context, c chaos.Config, scripts string, notes io.Writer) (any, error) {
	s := chaos.DefaultStackConfig()
	s.Binary, s.Dir, s.Scripts, s.Seed, s.Length = c.Binary, c.Dir, scripts, c.Seed, c.Length
	s.StepPause = max(time.Millisecond, time.Second/time.Duration(max(1, c.Events)))
	report, err := chaos.RunStack(ctx, s, notes)
	if err == nil && !report.Right() {
		err = errWrong
	}
	return report, err
}

// runUp plays them on the parts that `up` embeds.
func runUp(ctx context.Context, c chaos.Config, notes io.Writer) (any, error) {
	report, err := chaos.Run(ctx, c, notes)
	if err == nil && !report.Right() {
		err = errWrong
	}
	return report, err
}
