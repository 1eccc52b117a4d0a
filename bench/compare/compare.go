// Package compare tells which measurements of two files differ, by benchstat's
// method: medians, the Mann-Whitney U-test, geometric means of ratios.
package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"customer360/bench/result"
)

// Level is the p-value below which a change counts as one, and 1-Level the
// confidence of the medians' intervals.
const Level = 0.05

// Side is one file's rounds of a measurement.
type Side struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	// Low and High bound the median with 95% confidence; with fewer than 6
	// rounds there is no such interval, and they are the smallest and the largest
	// value (Interval is false).
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Interval bool    `json:"interval"`
}

// Line is one measurement in both files.
type Line struct {
	Benchmark string  `json:"benchmark"`
	Contender string  `json:"contender"`
	Case      string  `json:"case,omitempty"`
	Metric    string  `json:"metric"`
	Unit      string  `json:"unit"`
	A         Side    `json:"a"`
	B         Side    `json:"b"`
	Ratio     float64 `json:"ratio"` // of the medians, B by A; 0 where A is 0
	P         float64 `json:"p"`
	// Changed: P is below Level. With few rounds it cannot be: Warning says so.
	Changed bool `json:"changed"`
	// Worse is by how many percent B is worse than A, whatever is better for this
	// metric; negative where B is better.
	Worse   float64 `json:"worse_percent"`
	Warning string  `json:"warning,omitempty"`
}

// Mean is the geometric mean of a metric's ratios over all cases and contenders.
type Mean struct {
	Metric string  `json:"metric"`
	Ratio  float64 `json:"ratio"`
	Lines  int     `json:"lines"`
}

// Comparison of two files.
type Comparison struct {
	Lines []Line   `json:"lines"`
	Means []Mean   `json:"geomeans"`
	OnlyA []string `json:"only_a,omitempty"` // what the other file has not
	OnlyB []string `json:"only_b,omitempty"`
	// Differences between the files' machines and settings: what makes figures
	// incomparable.
	Differences []string `json:"differences,omitempty"`
	Notes       []string `json:"notes,omitempty"` // of what may differ
}

type id struct{ benchmark, contender, of, metric, unit string }

func (i id) String() string {
	return strings.Join(slices.DeleteFunc([]string{i.benchmark, i.contender, i.of, i.metric}, func(s string) bool { return s == "" }), " ")
}

// Of compares two files' rows. Whether Differences matter is the caller's to say.
func Of(a, b []result.Row) Comparison {
	// What differs between the files only is no case.
	cases := result.Cases(a).Join(result.Cases(b))
	c := Comparison{Differences: differences(a, b, cases), Notes: notes(a, b)}
	in := index(result.Group(b, cases))
	ratios := make(map[string][]float64)
	var metrics []string
	for _, s := range result.Group(a, cases) {
		key := idOf(s)
		other, ok := in[key]
		if !ok {
			c.OnlyA = append(c.OnlyA, key.String())
			continue
		}
		delete(in, key)
		line := compare(s, other)
		c.Lines = append(c.Lines, line)
		if line.Ratio > 0 && result.Better(s.Metric, s.Unit) != result.Neither {
			if ratios[s.Metric] == nil {
				metrics = append(metrics, s.Metric)
			}
			ratios[s.Metric] = append(ratios[s.Metric], line.Ratio)
		}
	}
	for key := range in {
		c.OnlyB = append(c.OnlyB, key.String())
	}
	slices.Sort(c.OnlyB)
	for _, metric := range metrics {
		c.Means = append(c.Means, Mean{Metric: metric, Ratio: geomean(ratios[metric]), Lines: len(ratios[metric])})
	}
	return c
}

// Regressions are the changes for the worse by more than percent.
func (c Comparison) Regressions(percent float64) []Line {
	var worse []Line
	for _, l := range c.Lines {
		if l.Changed && l.Worse > percent {
			worse = append(worse, l)
		}
	}
	return worse
}

func idOf(s result.Series) id { return id{s.Benchmark, s.Contender, s.Case, s.Metric, s.Unit} }

func index(all []result.Series) map[id]result.Series {
	in := make(map[id]result.Series)
	for _, s := range all {
		in[idOf(s)] = s
	}
	return in
}

func compare(a, b result.Series) Line {
	thresholds := benchmath.Thresholds{CompareAlpha: Level}
	sa := benchmath.NewSample(slices.Clone(a.Values), &thresholds)
	sb := benchmath.NewSample(slices.Clone(b.Values), &thresholds)
	test := benchmath.AssumeNothing.Compare(sa, sb)
	l := Line{Benchmark: a.Benchmark, Contender: a.Contender, Case: a.Case, Metric: a.Metric, Unit: a.Unit, A: side(sa), B: side(sb), P: test.P}
	for _, w := range test.Warnings {
		if l.A.Median != l.B.Median || sa.Values[0] != sa.Values[len(sa.Values)-1] { // all equal is no change, with few rounds as well
			l.Warning = w.Error()
		}
	}
	if l.A.Median != 0 {
		l.Ratio = l.B.Median / l.A.Median
	}
	l.Changed = test.P < Level && l.Warning == "" && l.A.Median != l.B.Median
	switch better := result.Better(a.Metric, a.Unit); {
	case l.A.Median == 0 || l.B.Median == 0: // no ratio
		if better == result.Lower && l.B.Median > 0 || better == result.Higher && l.A.Median > 0 {
			l.Worse = 100
		}
	case better == result.Lower:
		l.Worse = 100 * (l.Ratio - 1)
	case better == result.Higher:
		l.Worse = 100 * (1/l.Ratio - 1)
	}
	return l
}

func side(s *benchmath.Sample) Side {
	summary := benchmath.AssumeNothing.Summary(s, 1-Level)
	d := Side{N: len(s.Values), Median: summary.Center, Low: summary.Lo, High: summary.Hi, Interval: true}
	if math.IsInf(d.Low, 0) || math.IsInf(d.High, 0) || d.N == 1 {
		d.Low, d.High, d.Interval = s.Values[0], s.Values[d.N-1], false
	}
	return d
}

func geomean(ratios []float64) float64 {
	sum := 0.0
	for _, r := range ratios {
		sum += math.Log(r)
	}
	return math.Exp(sum / float64(len(ratios)))
}

// notes are what differs and may.
func notes(a, b []result.Row) []string {
	var all []string
	for _, of := range []struct {
		what string
		get  func(result.Row) string
	}{{"commit", func(r result.Row) string { return r.Commit }}, {"go", func(r result.Row) string { return r.GoVersion }}} {
		if in, other := values(a, of.get), values(b, of.get); in != other {
			all = append(all, fmt.Sprintf("%s: %s | %s", of.what, in, other))
		}
	}
	return all
}

// values are the different ones, in the order of their first rows.
func values(rows []result.Row, get func(result.Row) string) string {
	var all []string
	for _, r := range rows {
		if v := get(r); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}
