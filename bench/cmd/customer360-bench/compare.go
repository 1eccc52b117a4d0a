package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"customer360/bench/compare"
	"customer360/bench/result"
)

const compareUsage = `usage: customer360-bench compare [flags] A.parquet B.parquet

Which measurements differ, by benchstat's method. Exits 1 if the files are of
different machines or settings, unless --force; with --fail-over PERCENT also if
a measurement became significantly worse by more than that. Results are on
stdout, what makes it fail on stderr.

  customer360-bench compare --fail-over 5 before.parquet after.parquet

`

func compareCommand() command {
	return command{"compare", "which measurements of two files differ, with a significance test", compareFiles}
}

// compareFiles prints what changed from one file of results to another.
func compareFiles(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flagsOf("compare", stderr)
	flags.Usage = func() { fmt.Fprint(stderr, compareUsage); flags.PrintDefaults() }
	force := flags.Bool("force", false, "compare different machines or settings")
	failOver := flags.Float64("fail-over", -1, "fail when something became worse by more than this `percentage`")
	output := flags.String("output", "text", "text or json")
	files, helped, err := filesAndFlags(flags, args)
	if helped || err != nil {
		return err
	}
	if len(files) != 2 {
		return fmt.Errorf("compare takes two files, not %d: customer360-bench compare A.parquet B.parquet: %w", len(files), errUsage)
	}
	if *output != "text" && *output != "json" {
		return fmt.Errorf("--output %q: use text or json: %w", *output, errUsage)
	}
	a, err := result.Load(files[0])
	if err != nil {
		return err
	}
	b, err := result.Load(files[1])
	if err != nil {
		return err
	}
	c := compare.Of(a, b)
	if len(c.Differences) > 0 && !*force {
		return fmt.Errorf("the files are not comparable (--force does it all the same):\n  %s", strings.Join(c.Differences, "\n  "))
	}
	if len(c.Lines) == 0 {
		return errors.New("the files have no measurement in common")
	}
	if *output == "json" {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(c)
	} else {
		err = c.Text(stdout)
	}
	if err != nil || *failOver < 0 {
		return err
	}
	var worse []string
	for _, l := range c.Regressions(*failOver) {
		worse = append(worse, fmt.Sprintf("%s %s %s %s: %.1f%% worse", l.Benchmark, l.Contender, l.Case, l.Metric, l.Worse))
	}
	if len(worse) > 0 {
		return fmt.Errorf("worse by more than %v%%:\n  %s", *failOver, strings.Join(worse, "\n  "))
	}
	return nil
}
