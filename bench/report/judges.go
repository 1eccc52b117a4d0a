package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"customer360/bench/result"
)

// flat compares the most expensive case with the cheapest one, in the newest
// file with several cases.
func flat(t target, p *Page) []finding {
	for _, from := range p.sources {
		var of []result.Series
		for _, s := range from.series {
			if s.Benchmark == t.benchmark && s.Metric == t.metric && s.Contender == t.contenders[0] {
				of = append(of, s)
			}
		}
		if len(of) < 2 {
			continue
		}
		byMedian := func(a, b result.Series) int { return cmp.Compare(a.Median(), b.Median()) }
		low, high := slices.MinFunc(of, byMedian), slices.MaxFunc(of, byMedian)
		if low.Median() <= 0 {
			continue
		}
		m := measuredFigure{value: high.Median() / low.Median()}
		return []finding{{target: t, contender: t.contenders[0], of: fmt.Sprintf("%d cases", len(of)), value: m.value,
			measured: fmt.Sprintf("%s (%s: %s, %s: %s %s)", result.Grouped(m.value), high.Case, result.Grouped(high.Median()), low.Case, result.Grouped(low.Median()), unit(low.Unit)),
			verdict:  t.verdict(m), source: from.Name()}}
	}
	return nil
}

// bounded judges the largest state's memory: 100 MB beside what is configured.
func bounded(t target, p *Page) []finding {
	keys := func(s result.Series) float64 { n, _ := strconv.ParseFloat(s.Settings["keys"], 64); return n }
	for _, from := range p.sources {
		var of []result.Series
		for _, s := range from.series {
			if s.Benchmark == t.benchmark && s.Metric == t.metric && s.Contender == t.contenders[0] && keys(s) > 0 {
				of = append(of, s)
			}
		}
		if len(of) < 2 {
			continue
		}
		byKeys := func(a, b result.Series) int { return cmp.Compare(keys(a), keys(b)) }
		small, large := slices.MinFunc(of, byKeys), slices.MaxFunc(of, byKeys)
		f := finding{target: t, contender: t.contenders[0], of: large.Case, spread: measuredFigure{low: large.Min(), high: large.Max(), several: len(large.Values) > 1}.spread(), source: from.Name()}
		f.measured = fmt.Sprintf("%s MiB (%s: %s MiB)", result.Grouped(large.Median()), small.Case, result.Grouped(small.Median()))
		cache, err := strconv.ParseFloat(large.Settings["cache_bytes"], 64)
		if err != nil {
			f.verdict = unclear
			return []finding{f}
		}
		limit := (cache + 100e6) / (1 << 20)
		f.measured += fmt.Sprintf(", limit %s MiB", result.Grouped(limit))
		t.limit = limit
		f.verdict = t.verdict(measuredFigure{value: large.Median(), low: large.Min(), high: large.Max(), several: len(large.Values) > 1})
		if times := keys(large) / keys(small); times < 50 {
			f.verdict += fmt.Sprintf(" (the state grew only %s times)", result.Grouped(times))
		}
		return []finding{f}
	}
	return nil
}

// verdicts sums up a target's findings for one contender.
func verdicts(found []finding) (measured, verdict string) {
	if len(found) == 1 {
		return found[0].measured, found[0].verdict
	}
	byValue := func(a, b finding) int { return cmp.Compare(a.value, b.value) }
	low, high := slices.MinFunc(found, byValue), slices.MaxFunc(found, byValue)
	measured = fmt.Sprintf("%s to %s (%d cases)", low.measured, high.measured, len(found))
	bad := 0
	for _, f := range found {
		if strings.HasPrefix(f.verdict, missed) {
			bad++
		}
	}
	switch {
	case bad == len(found):
		return measured, missed
	case bad > 0:
		return measured, fmt.Sprintf("%s in %d of %d cases", missed, bad, len(found))
	case slices.ContainsFunc(found, func(f finding) bool { return f.verdict == mostly }):
		return measured, mostly
	}
	return measured, met
}
