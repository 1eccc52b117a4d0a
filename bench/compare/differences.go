package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"customer360/bench/result"
)

// differences say what makes the files incomparable: another machine, or other
// values of a setting for a contender that is in both. Settings that tell cases
// apart may have more values in one file: the measurements of the others are
// left over (OnlyA, OnlyB).
func differences(a, b []result.Row, cases result.Dimensions) []string {
	var all []string
	if in, other := values(a, result.Row.Hardware), values(b, result.Row.Hardware); in != other {
		all = append(all, fmt.Sprintf("machine: %s | %s", in, other))
	}
	in, other := settings(a), settings(b)
	for _, who := range slices.Sorted(maps.Keys(in)) {
		if other[who] == nil {
			continue
		}
		benchmark, _, _ := strings.Cut(who, "/")
		names := slices.Concat(slices.Collect(maps.Keys(in[who])), slices.Collect(maps.Keys(other[who])))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if slices.Contains(cases[benchmark], name) {
				continue
			}
			if left, right := list(in[who][name]), list(other[who][name]); left != right {
				all = append(all, fmt.Sprintf("%s, setting %s: %s | %s", who, name, left, right))
			}
		}
	}
	return all
}

// settings are all values per contender ("merge/raw") and name.
func settings(rows []result.Row) map[string]map[string]map[string]bool {
	all := make(map[string]map[string]map[string]bool)
	known := make(map[string]bool)
	for _, r := range rows {
		who := r.Benchmark + "/" + r.Contender
		if known[who+r.Settings] {
			continue
		}
		known[who+r.Settings] = true
		if all[who] == nil {
			all[who] = make(map[string]map[string]bool)
		}
		s, err := result.ParseSettings(r.Settings)
		if err != nil {
			continue // such rows are neither written nor read
		}
		for name, value := range s {
			if all[who][name] == nil {
				all[who][name] = make(map[string]bool)
			}
			all[who][name][value] = true
		}
	}
	return all
}

func list(set map[string]bool) string {
	if len(set) == 0 {
		return "(not set)"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
