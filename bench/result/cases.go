package result

import (
	"slices"
	"strconv"
)

// Dimensions are, per benchmark, the names of the settings that tell cases
// apart: those with several values among the rows of one contender, and words
// (load=backlog) that only some of its rows have. What says no more than others
// do (a warm-up that goes with the records) is left out, and so is what contenders
// never have alike (their garbage collectors' settings): it belongs to each of them.
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
	d = d.Join(nil)
	for benchmark, names := range d {
		var contenders []map[string]bool
		for w, of := range texts {
			if w.benchmark == benchmark {
				contenders = append(contenders, of)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(telling, name) && own(name, contenders) })
		d[benchmark] = shortest(names, contenders)
	}
	return d
}

// own says whether two contenders have the setting, but no value of it in common.
func own(name string, contenders []map[string]bool) bool {
	var all []map[string]int
	for _, texts := range contenders {
		if values := valuesOf(texts)[name]; values != nil {
			all = append(all, values)
		}
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			common := false
			for value := range a {
				common = common || b[value] > 0
			}
			if !common {
				return true
			}
		}
	}
	return false
}

// telling are the settings that people know cases by.
var telling = []string{"commit_interval_ms", "distribution", "in_flight", "instances", "keys", "load", "operation", "partitions", "rate", "standby"}

// shortest leaves out names as long as each contender's settings are told apart
// as before.
func shortest(names []string, contenders []map[string]bool) []string {
	apart := func(names []string) int {
		n := 0
		for _, texts := range contenders {
			cases := make(map[string]bool)
			for text := range texts {
				cases[(Row{Settings: text}).settings().Of(names)] = true
			}
			n += len(cases)
		}
		return n
	}
	all := apart(names)
	spare := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "records" || slices.Contains(telling, name) })
	for _, name := range append(spare, "records") {
		without := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })
		if apart(without) == all {
			names = without
		}
	}
	return names
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
