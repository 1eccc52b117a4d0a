package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"customer360/bench/result"
)

// cell is a median with the distance to its farthest round.
func cell(s result.Series) string {
	median := s.Median()
	if len(s.Values) == 1 || s.Min() == s.Max() || median == 0 {
		return result.Grouped(median)
	}
	farthest := max(s.Max()-median, median-s.Min()) / math.Abs(median) * 100
	if farthest < 0.5 {
		return result.Grouped(median)
	}
	return fmt.Sprintf("%s ±%.0f%%", result.Grouped(median), farthest)
}

// unit as people write it.
func unit(u string) string {
	if rest, ok := strings.CutPrefix(u, "us"); ok && (rest == "" || rest[0] == '/') {
		return "µs" + rest
	}
	return u
}

var titles = map[string]string{
	result.CPU: "CPU", "cpu_process": "CPU with start and stop", result.Output: "records written", result.BrokerCPU: "broker's CPU", result.RSSPeak: "peak RSS", result.Allocs: "allocations", result.AllocBytes: "allocated",
	result.LatencyP50: "p50", result.LatencyP99: "p99", result.LatencyP999: "p99.9", result.PauseP99: "pause p99", result.KeysRate: "keys",
	"waits": "waits, transaction full", "wait_mean": "mean wait",
}

func title(metric string) string {
	if t, ok := titles[metric]; ok {
		return t
	}
	return strings.ReplaceAll(metric, "_", " ")
}

// heading is of a table's column. A count has no unit of its own.
func heading(metric, u string) string {
	if u == metric || u == "count" {
		return title(metric)
	}
	return title(metric) + ", " + unit(u)
}

// settings are those that all contenders have alike, then each one's own.
func settings(all []result.Series) string {
	cases := make(map[string]bool) // names that tell cases apart
	own := make(map[string]map[string]bool)
	var contenders []string
	values := make(map[string]map[string]bool)
	for _, s := range all {
		contenders = add(contenders, s.Contender)
		for _, part := range strings.Fields(s.Case) {
			name, _, _ := strings.Cut(part, "=")
			cases[name] = true
		}
		for name, value := range s.Settings {
			if values[name] == nil {
				values[name], own[name] = make(map[string]bool), make(map[string]bool)
			}
			values[name][value], own[name][s.Contender] = true, true
		}
	}
	var common, rest []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !cases[name] && len(values[name]) == 1 && len(own[name]) == len(contenders) {
			common = append(common, name+"="+slices.Collect(maps.Keys(values[name]))[0])
		}
	}
	with := make(map[string][]string) // who has these settings
	for _, c := range contenders {
		i := slices.IndexFunc(all, func(s result.Series) bool { return s.Contender == c })
		var of []string
		for _, name := range slices.Sorted(maps.Keys(all[i].Settings)) {
			if !cases[name] && (len(values[name]) > 1 || len(own[name]) < len(contenders)) {
				of = append(of, name+"="+all[i].Settings[name])
			}
		}
		if len(of) > 0 {
			text := strings.Join(of, "; ")
			rest = add(rest, text)
			with[text] = append(with[text], c)
		}
	}
	text := ""
	if len(common) > 0 {
		text += "\nSettings: " + strings.Join(common, "; ") + ".\n"
	}
	for i, of := range rest {
		if i == 0 {
			text += "\nNot of all contenders:\n\n"
		}
		text += "- " + strings.Join(with[of], ", ") + ": " + of + "\n"
	}
	return text
}
