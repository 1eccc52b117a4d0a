package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"customer360/bench/result"
)

// ErrNotMeasured: a note asks for a figure that no file has.
var ErrNotMeasured = errors.New("not measured in these files")

// notes fills in the notes' template. Its functions take a benchmark, a metric,
// a contender (ratio: two), and then filters: settings ("keys=100000") and a
// file ("file=before.parquet"). Of several files the newest that has it counts.
//
//	{{median "merge" "cpu" "customer360"}}                 12.3 µs/record
//	{{spread "merge" "cpu" "customer360"}}                 11.9 to 13.0
//	{{ratio "merge" "cpu" "customer360" "streams-eos"}}    0.31
//	{{percent "sink" "throughput" "fenced" "plain"}}       72%
//	{{change "merge" "cpu" "customer360" "before.parquet" "after.parquet"}}   -23%
//	{{if has "growth" "cpu" "customer360" "keys=5000000"}}...{{end}}
func (p *Page) notes(text string) (string, error) {
	pick := func(args []string) (result.Series, error) {
		found, err := p.pick(args)
		if err != nil {
			return result.Series{}, err
		}
		return found[0].series, nil
	}
	functions := template.FuncMap{
		"median": func(args ...string) (string, error) {
			s, err := pick(args)
			if err != nil {
				return "", err
			}
			return result.Grouped(s.Median()) + " " + unit(s.Unit), nil
		},
		"spread": func(args ...string) (string, error) {
			s, err := pick(args)
			if err != nil {
				return "", err
			}
			return result.Grouped(s.Min()) + " to " + result.Grouped(s.Max()), nil
		},
		"ratio": func(benchmark, metric, a, b string, filters ...string) (string, error) {
			m, err := p.ratioOf(benchmark, metric, a, b, filters)
			return result.Grouped(m.value), err
		},
		"percent": func(benchmark, metric, a, b string, filters ...string) (string, error) {
			m, err := p.ratioOf(benchmark, metric, a, b, filters)
			return fmt.Sprintf("%.0f%%", 100*m.value), err
		},
		"change": func(benchmark, metric, contender, before, after string, filters ...string) (string, error) {
			a, err := pick(append([]string{benchmark, metric, contender, "file=" + before}, filters...))
			if err != nil {
				return "", err
			}
			b, err := pick(append([]string{benchmark, metric, contender, "file=" + after}, filters...))
			if err != nil {
				return "", err
			}
			if a.Median() == 0 {
				return "", fmt.Errorf("%s %s of %s is 0 in %s: there is no change in percent", benchmark, metric, contender, before)
			}
			return fmt.Sprintf("%+.0f%%", 100*(b.Median()/a.Median()-1)), nil
		},
		"has": func(args ...string) bool { _, err := p.pick(args); return err == nil },
	}
	t, err := template.New("notes.md").Funcs(functions).Parse(text)
	if err != nil {
		return "", fmt.Errorf("the notes: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", fmt.Errorf("the notes: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// picked is a series and the file that it is from.
type picked struct {
	series result.Series
	from   source
}

// pick finds the series that the arguments name, those of the newest file first.
// It is an error if one file has several: then a filter is missing.
func (p *Page) pick(args []string) ([]picked, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("%q: name benchmark, metric and contender", args)
	}
	var found []picked
	for _, from := range p.sources {
		n := len(found)
		for _, s := range from.series {
			if s.Benchmark == args[0] && s.Metric == args[1] && s.Contender == args[2] && matches(from, s, args[3:]) {
				found = append(found, picked{s, from})
			}
		}
		if len(found) > n+1 {
			return nil, fmt.Errorf("%q names several measurements of %s (%q, %q): add a setting", args, from.Name(), found[n].series.Case, found[n+1].series.Case)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%q: %w", args, ErrNotMeasured)
	}
	return found, nil
}

func matches(from source, s result.Series, filters []string) bool {
	return !slices.ContainsFunc(filters, func(filter string) bool {
		name, value, _ := strings.Cut(filter, "=")
		if name == "file" {
			return value != from.Name()
		}
		return s.Settings[name] != value
	})
}

// ratioOf is of two contenders in one case of one file, the newest that has both.
func (p *Page) ratioOf(benchmark, metric, a, b string, filters []string) (measuredFigure, error) {
	found, err := p.pick(append([]string{benchmark, metric, a}, filters...))
	if err != nil {
		return measuredFigure{}, err
	}
	for _, f := range found {
		if other, ok := f.from.find(benchmark, metric, b, f.series.Case); ok {
			if m, ok := ratio(f.series, other); ok {
				return m, nil
			}
		}
	}
	return measuredFigure{}, fmt.Errorf("%s %s of %s by %s in one file: %w", benchmark, metric, a, b, ErrNotMeasured)
}
