package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"customer360/bench/result"
)

// table prints the medians, with the spread.
func table(w io.Writer, summaries []result.Summary) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\ncontender\tmetric\tunit\tmedian\tmin\tmax\trounds\t\n")
	for _, s := range summaries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", s.Contender, s.Metric, s.Unit, number(s.Median), number(s.Min), number(s.Max), s.Rounds)
	}
	_ = t.Flush() // to a console
}

// ratios prints what the contender has for each unit that another one has.
func ratios(w io.Writer, summaries []result.Summary, contender string) {
	of := func(name, metric string) float64 {
		for _, s := range summaries {
			if s.Contender == name && s.Metric == metric {
				return s.Median
			}
		}
		return 0
	}
	var others []string
	for _, s := range summaries {
		if s.Contender != contender && !slices.Contains(others, s.Contender) {
			others = append(others, s.Contender)
		}
	}
	metrics := []string{result.Throughput, result.CPU, result.BrokerCPU, result.RSSPeak, result.Disk, result.Wire}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\n%s per\t%s\t\n", contender, strings.Join(metrics, "\t"))
	lines := 0
	for _, other := range others {
		line := ""
		for _, metric := range metrics {
			ratio := "-"
			if mine, its := of(contender, metric), of(other, metric); mine > 0 && its > 0 {
				ratio, lines = fmt.Sprintf("%.2f", mine/its), lines+1
			}
			line += ratio + "\t"
		}
		fmt.Fprintf(t, "%s\t%s\n", other, line)
	}
	if lines > 0 {
		_ = t.Flush() // to a console
	}
}

// loadAverage of the last minute: what else the machine does.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

// number has as many digits as a figure here deserves.
func number(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
