package result

import (
	"slices"
	"strconv"
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
// apart: those with several values among the rows of one contender, and words
// (load=backlog) that only some of its rows have.
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
	texts := make(map[who]map[string]bool) // the different settings of each
	for _, r := range rows {
		w := who{r.Benchmark, r.Contender}
		if texts[w] == nil {
			texts[w] = make(map[string]bool)
		}
		texts[w][r.Settings] = true
	}
	d := make(Dimensions)
	for w, of := range texts {
		for name, values := range valuesOf(of) {
			if len(values) > 1 || total(values) < len(of) && words(values) {
				d[w.benchmark] = append(d[w.benchmark], name)
			}
		}
	}
	return d.Join(nil)
}

// valuesOf counts each setting's values.
func valuesOf(texts map[string]bool) map[string]map[string]int {
	values := make(map[string]map[string]int)
	for text := range texts {
		for name, value := range (Row{Settings: text}).settings() {
			if values[name] == nil {
				values[name] = make(map[string]int)
			}
			values[name][value]++
		}
	}
	return values
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

func words(values map[string]int) bool {
	for v := range values {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return true
		}
	}
	return false
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
