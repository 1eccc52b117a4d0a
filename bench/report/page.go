package report

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"customer360/bench/figure"
	"customer360/bench/result"
)

// Source is one file of results.
type Source struct {
	Path string
	Rows []result.Row
}

// Name is the file's, without its folder.
func (s Source) Name() string { return filepath.Base(s.Path) }

// from is when its first measured run started.
func (s Source) from() time.Time {
	first := s.Rows[0]
	for _, r := range s.Rows {
		if r.Time < first.Time {
			first = r
		}
	}
	return first.At()
}

// Page is everything that the files say.
type Page struct {
	sources []source // the newest first
	series  []result.Series
}

// source is a file with its rows as series.
type source struct {
	Source
	series []result.Series
}

// New looks at the files; it fails if they are of different machines.
func New(files []Source) (*Page, error) {
	var all []result.Row
	for _, f := range files {
		if len(f.Rows) == 0 {
			return nil, fmt.Errorf("%s has no rows", f.Path)
		}
		for _, r := range f.Rows {
			if len(all) > 0 && r.Hardware() != all[0].Hardware() {
				return nil, fmt.Errorf("%s is of another machine (%s) than %s (%s): make a page for each", f.Path, r.Hardware(), files[0].Path, all[0].Hardware())
			}
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no files of results")
	}
	cases := result.Cases(all)
	p := &Page{}
	for _, f := range files {
		p.sources = append(p.sources, source{f, result.Group(f.Rows, cases)})
	}
	slices.SortStableFunc(p.sources, func(a, b source) int { return b.from().Compare(a.from()) })
	p.series = newest(p.sources)
	return p, nil
}

// newest has each measurement once, from the newest file that has its case for
// its contender.
func newest(sources []source) []result.Series {
	type key struct{ benchmark, contender, of string }
	owner := make(map[key]string)
	var all []result.Series
	for _, from := range sources {
		for _, s := range from.series {
			k := key{s.Benchmark, s.Contender, s.Case}
			if owner[k] == "" {
				owner[k] = from.Path
			}
			if owner[k] == from.Path {
				all = append(all, s)
			}
		}
	}
	return all
}

// Plot writes the figures into the folder and returns their paths.
func (p *Page) Plot(folder string) ([]string, error) {
	var all []string
	for _, f := range figure.Of(p.series) {
		paths, err := f.Save(folder)
		if err != nil {
			return all, err
		}
		all = append(all, paths...)
	}
	return all, nil
}

// find is the series of one measurement in one file.
func (s source) find(benchmark, metric, contender, of string) (result.Series, bool) {
	for _, series := range s.series {
		if series.Benchmark == benchmark && series.Metric == metric && series.Contender == contender && series.Case == of {
			return series, true
		}
	}
	return result.Series{}, false
}
