package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"customer360/bench/contest"
	"customer360/bench/result"
)

func describe(w io.Writer, c contest.Config, origin result.Row) {
	fmt.Fprintf(w, "%d records of %d keys (%s), %d of them warm-up, %d partitions, %d rounds\n",
		c.Load.Records, c.Load.Keys, c.Load.Distribution, c.Warmup, c.Partitions, c.Rounds)
	fmt.Fprintf(w, "%s, %d cores, %s, commit %s\n", origin.Machine, origin.Cores, origin.GoVersion, origin.Commit)
	fmt.Fprint(w, "The broker (kfake, in memory) is in this process: CPU and throughput are of contender and broker together.\n"+
		"Compare contenders of one run, not runs, and nothing that has its broker elsewhere.\n\n")
}

// table prints the medians, with the spread, and what merge costs in raws.
func table(w io.Writer, summaries []result.Summary) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\ncontender\tmetric\tunit\tmedian\tmin\tmax\t\n")
	for _, s := range summaries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Contender, s.Metric, s.Unit, number(s.Median), number(s.Min), number(s.Max))
	}
	_ = t.Flush() // to a console
	for _, metric := range []string{contest.Throughput, contest.CPUPerRecord} {
		merge, raw := median(summaries, contest.Merge, metric), median(summaries, contest.Raw, metric)
		if merge > 0 && raw > 0 {
			fmt.Fprintf(w, "merge/raw, %s: %.2f (medians, the broker's share in both)\n", metric, merge/raw)
		}
	}
}

func median(summaries []result.Summary, c contest.Contender, metric string) float64 {
	for _, s := range summaries {
		if s.Contender == string(c) && s.Metric == metric {
			return s.Median
		}
	}
	return 0
}

// number has as many digits as a figure here deserves.
func number(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
