package result

import (
	"maps"
	"slices"
)

// Series is one measurement over its rounds: equal benchmark, contender, case,
// metric and unit.
type Series struct {
	Benchmark, Contender, Metric, Unit string
	Case                               string // the settings that tell cases apart: "instances=2 partitions=12"
	Settings                           Settings
	First                              Row // of its rows
	Rounds                             []int32
	Values                             []float64 // of Rounds, in the order of the rows
}

// Median, Min and Max of the values.
func (s Series) Median() float64 { return Median(s.Values) }

// Min is the smallest value.
func (s Series) Min() float64 { return slices.Min(s.Values) }

// Max is the largest value.
func (s Series) Max() float64 { return slices.Max(s.Values) }

// Median is the middle of values, or the mean of the two in the middle.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Dimensions are, per benchmark, the names of the settings that tell cases
// apart: those with several values among the rows of one contender.
type Dimensions map[string][]string

// Join has the names of both.
func (d Dimensions) Join(other Dimensions) Dimensions {
	joined := make(Dimensions)
	for _, from := range []Dimensions{d, other} {
		for benchmark, names := range from {
			all := slices.Concat(joined[benchmark], names)
			slices.Sort(all)
			joined[benchmark] = slices.Compact(all)
		}
	}
	return joined
}

// Cases finds the dimensions of rows that Read or Write accepted.
func Cases(rows []Row) Dimensions {
	type who struct{ benchmark, contender string }
	seen := make(map[who]map[string]map[string]bool) // setting -> values
	known := make(map[who]map[string]bool)           // settings texts looked at
	for _, r := range rows {
		w := who{r.Benchmark, r.Contender}
		if known[w][r.Settings] {
			continue
		}
		if known[w] == nil {
			known[w], seen[w] = make(map[string]bool), make(map[string]map[string]bool)
		}
		known[w][r.Settings] = true
		for name, value := range r.settings() {
			if seen[w][name] == nil {
				seen[w][name] = make(map[string]bool)
			}
			seen[w][name][value] = true
		}
	}
	names := make(map[string]map[string]bool)
	for w, settings := range seen {
		for name, values := range settings {
			if len(values) > 1 {
				if names[w.benchmark] == nil {
					names[w.benchmark] = make(map[string]bool)
				}
				names[w.benchmark][name] = true
			}
		}
	}
	d := make(Dimensions)
	for benchmark, set := range names {
		d[benchmark] = slices.Sorted(maps.Keys(set))
	}
	return d
}

// settings of a row that was validated.
func (r Row) settings() Settings {
	s, err := ParseSettings(r.Settings)
	if err != nil {
		return Settings{}
	}
	return s
}

// Group makes series of rows, in the order in which their first rows came.
func Group(rows []Row, d Dimensions) []Series {
	type key struct{ benchmark, contender, of, metric, unit string }
	var all []Series
	at := make(map[key]int)
	parsed := make(map[string]Settings)
	for _, r := range rows {
		settings, ok := parsed[r.Settings]
		if !ok {
			settings = r.settings()
			parsed[r.Settings] = settings
		}
		k := key{r.Benchmark, r.Contender, settings.Of(d[r.Benchmark]), r.Metric, r.Unit}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, Series{Benchmark: k.benchmark, Contender: k.contender, Case: k.of, Metric: k.metric, Unit: k.unit, Settings: settings, First: r})
		}
		all[i].Rounds, all[i].Values = append(all[i].Rounds, r.Round), append(all[i].Values, r.Value)
	}
	return all
}
