package result

import "slices"

// Summary is one measurement over its rounds.
type Summary struct {
	Benchmark, Contender, Metric, Unit string
	Rounds                             int
	Median, Min, Max                   float64
}

// Summarise groups rows by benchmark, contender, metric and unit, in the order
// in which they came first. The rows are to have equal settings and machines.
func Summarise(rows []Row) []Summary {
	type group struct{ benchmark, contender, metric, unit string }
	var order []group
	values := make(map[group][]float64)
	for _, r := range rows {
		g := group{r.Benchmark, r.Contender, r.Metric, r.Unit}
		if values[g] == nil {
			order = append(order, g)
		}
		values[g] = append(values[g], r.Value)
	}
	summaries := make([]Summary, 0, len(order))
	for _, g := range order {
		v := values[g]
		slices.Sort(v)
		summaries = append(summaries, Summary{Benchmark: g.benchmark, Contender: g.contender, Metric: g.metric, Unit: g.unit,
			Rounds: len(v), Median: Median(v), Min: v[0], Max: v[len(v)-1]})
	}
	return summaries
}
