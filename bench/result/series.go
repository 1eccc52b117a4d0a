package result

import "slices"

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
