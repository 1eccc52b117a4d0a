package report

import (
	"slices"

	"customer360/bench/result"
)

// target is a figure that the product is to reach.
type target struct {
	name      string
	goal      string
	benchmark string
	metric    string
	// contenders are judged each; the first one is what the target is about.
	contenders []string
	against    string // "": the metric itself is judged
	inverse    bool   // against by contender instead of contender by against
	atLeast    bool   // else at most
	limit      float64
	judge      func(target, *Page) []finding // nil: perCase
}

// finding is a target's measured figure in one case.
type finding struct {
	target    target
	contender string
	of        string // case
	value     float64
	measured  string
	spread    string
	verdict   string
	source    string
}

// Verdicts; what was not measured has none.
const (
	met     = "met"
	mostly  = "met, but not in every round"
	missed  = "**missed**"
	unclear = "not judged: the rows do not say what cache was configured"
)

const notMeasured = "not measured in these files"

var merges = []string{result.Customer360, result.Customer360JSON}

// targets are those of the product, with the product's own flatness rules last.
var targets = []target{
	{name: "merge throughput, exactly once, against Kafka Streams exactly_once_v2", goal: "at least 3x",
		benchmark: result.Merge, metric: result.Throughput, contenders: merges, against: result.StreamsEOS, atLeast: true, limit: 3},
	{name: "CPU per record against Kafka Streams exactly_once_v2", goal: "at most 1/3",
		benchmark: result.Merge, metric: result.CPU, contenders: merges, against: result.StreamsEOS, limit: 1.0 / 3},
	{name: "peak RSS against Kafka Streams exactly_once_v2 on the same state", goal: "at most 1/4",
		benchmark: result.Merge, metric: result.RSSPeak, contenders: merges, against: result.StreamsEOS, limit: 1.0 / 4},
	{name: "CPU per record against raw franz-go with transactions", goal: "at most 5x",
		benchmark: result.Merge, metric: result.CPU, contenders: merges, against: result.RawTxn, limit: 5},
	{name: "recovery into an empty folder: speed against Kafka Streams", goal: "at least 3x",
		benchmark: result.Recovery, metric: result.RecoverTime, contenders: []string{result.Customer360}, against: result.StreamsEOS, inverse: true, atLeast: true, limit: 3},
	{name: "p99 latency at the same rate, exactly once, against Kafka Streams", goal: "at most 1/2",
		benchmark: result.Latency, metric: result.LatencyP99, contenders: []string{result.Customer360}, against: result.StreamsEOS, limit: 1.0 / 2},
	{name: "pause per commit, p99", goal: "at most 5 ms",
		benchmark: result.Commit, metric: result.PauseP99, contenders: []string{result.Customer360}, limit: 5},
	{name: "fenced sink against plain upserts, same node: throughput", goal: "at least 60%",
		benchmark: result.Sink, metric: result.Throughput, contenders: []string{result.Fenced}, against: result.Plain, atLeast: true, limit: 0.6},
	{name: "CSV import against encoding/csv reading alone: rows per second", goal: "at least 50%",
		benchmark: result.Emitters, metric: result.Throughput, contenders: []string{result.CSVDir}, against: result.EncodingCSV, atLeast: true, limit: 0.5},
	{name: "peak RSS while the state grows 50 times", goal: "cache plus 100 MB",
		benchmark: result.Growth, metric: result.RSSPeak, contenders: []string{result.Customer360}, judge: bounded},
	{name: "CPU per record over instances and partitions", goal: "flat within 10%",
		benchmark: result.Scaling, metric: result.CPU, contenders: []string{result.Customer360}, limit: 1.1, judge: flat},
	{name: "CPU per record while the state grows", goal: "flat within 20%",
		benchmark: result.Growth, metric: result.CPU, contenders: []string{result.Customer360}, limit: 1.2, judge: flat},
}

// findings judge all targets; one that no file has comes as notMeasured.
func (p *Page) findings() []finding {
	var all []finding
	for _, t := range targets {
		judge := t.judge
		if judge == nil {
			judge = perCase
		}
		found := judge(t, p)
		if len(found) == 0 {
			found = []finding{{target: t, contender: t.contenders[0], measured: notMeasured, verdict: "-"}}
		}
		all = append(all, found...)
	}
	return all
}

// perCase judges each contender in each case, in the newest file that has both sides.
func perCase(t target, p *Page) []finding {
	type key struct{ contender, of string }
	seen := make(map[key]bool)
	var found []finding
	for _, contender := range t.contenders {
		for _, from := range p.sources {
			for _, s := range from.series {
				k := key{contender, s.Case}
				if s.Benchmark != t.benchmark || s.Metric != t.metric || s.Contender != contender || seen[k] {
					continue
				}
				figure, ok := t.figure(from, s)
				if !ok {
					continue
				}
				seen[k] = true
				found = append(found, finding{target: t, contender: contender, of: s.Case, value: figure.value, measured: figure.text, spread: figure.spread(),
					verdict: t.verdict(figure), source: from.Name()})
			}
		}
	}
	return found
}

// measuredFigure is a median, or a ratio of medians, with its extremes.
type measuredFigure struct {
	value, low, high float64
	text             string
	several          bool // rounds
}

func (m measuredFigure) spread() string {
	if !m.several {
		return "one round"
	}
	return result.Grouped(m.low) + " to " + result.Grouped(m.high)
}

func (t target) figure(from source, s result.Series) (measuredFigure, bool) {
	if t.against == "" {
		m := measuredFigure{value: s.Median(), low: s.Min(), high: s.Max(), several: len(s.Values) > 1}
		m.text = result.Grouped(m.value) + " " + unit(s.Unit)
		return m, true
	}
	other, ok := from.find(t.benchmark, t.metric, t.against, s.Case)
	if !ok {
		return measuredFigure{}, false
	}
	if t.inverse {
		s, other = other, s
	}
	m, ok := ratio(s, other)
	m.text = result.Grouped(m.value)
	return m, ok
}

// ratio of medians; its extremes are of ratios within a round, or of the
// extremes where the two have no round in common.
func ratio(a, b result.Series) (measuredFigure, bool) {
	if b.Median() <= 0 || b.Min() <= 0 {
		return measuredFigure{}, false
	}
	m := measuredFigure{value: a.Median() / b.Median()}
	var rounds []float64
	for i, round := range a.Rounds {
		if j := slices.Index(b.Rounds, round); j >= 0 {
			rounds = append(rounds, a.Values[i]/b.Values[j])
		}
	}
	m.several = len(a.Values) > 1 || len(b.Values) > 1
	if len(rounds) > 1 {
		m.low, m.high = slices.Min(rounds), slices.Max(rounds)
	} else {
		m.low, m.high = a.Min()/b.Max(), a.Max()/b.Min()
	}
	return m, true
}

func (t target) verdict(m measuredFigure) string {
	reached := func(v float64) bool {
		if t.atLeast {
			return v >= t.limit
		}
		return v <= t.limit
	}
	switch {
	case !reached(m.value):
		return missed
	case m.several && (!reached(m.low) || !reached(m.high)):
		return mostly
	}
	return met
}
