package compare

import (
	"fmt"
	"io"
	"text/tabwriter"

	"customer360/bench/result"
)

// Text writes the comparison for people, one table per benchmark.
func (c Comparison) Text(w io.Writer) error {
	for _, d := range c.Differences {
		fmt.Fprintln(w, "differs:", d)
	}
	for _, n := range c.Notes {
		fmt.Fprintln(w, n)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	benchmark := ""
	for _, l := range c.Lines {
		if l.Benchmark != benchmark {
			benchmark = l.Benchmark
			fmt.Fprintf(t, "\n%s\tmetric\tA\tB\tchange\t\n", benchmark)
		}
		who := l.Contender
		if l.Case != "" {
			who += " " + l.Case
		}
		fmt.Fprintf(t, "%s\t%s (%s)\t%s\t%s\t%s\t\n", who, l.Metric, l.Unit, l.A, l.B, l.change())
	}
	if len(c.Means) > 0 {
		fmt.Fprint(t, "\ngeomean of ratios\tB/A\t\n")
	}
	for _, m := range c.Means {
		fmt.Fprintf(t, "%s (%d)\t%.3f\t\n", m.Metric, m.Lines, m.Ratio)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range c.OnlyA {
		fmt.Fprintln(w, "only in A:", s)
	}
	for _, s := range c.OnlyB {
		fmt.Fprintln(w, "only in B:", s)
	}
	_, err := fmt.Fprint(w, "\nMedians; ± is the 95% confidence interval, [ ] smallest and largest where rounds are fewer than 6.\n"+
		"~: no significant change (Mann-Whitney U-test, p >= 0.05).\n")
	return err
}

func (l Line) change() string {
	n := fmt.Sprintf("(p=%.3f n=%d+%d)", l.P, l.A.N, l.B.N)
	switch {
	case l.Warning != "":
		return "? " + n + " " + l.Warning
	case !l.Changed:
		return "~ " + n
	case l.Ratio == 0:
		return "changed " + n
	}
	word := ""
	switch {
	case l.Worse > 0:
		word = "worse "
	case l.Worse < 0:
		word = "better "
	}
	return fmt.Sprintf("%+.1f%% %s%s", 100*(l.Ratio-1), word, n)
}

// String has the median and its spread.
func (s Side) String() string {
	if s.N == 1 {
		return result.Number(s.Median)
	}
	if s.Interval && s.Median != 0 {
		return fmt.Sprintf("%s ±%.0f%%", result.Number(s.Median), 100*max(s.High/s.Median-1, 1-s.Low/s.Median))
	}
	return fmt.Sprintf("%s [%s, %s]", result.Number(s.Median), result.Number(s.Low), result.Number(s.High))
}
