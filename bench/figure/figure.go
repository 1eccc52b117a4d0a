package figure

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"customer360/bench/result"
)

// Figure is one drawing.
type Figure struct {
	Name      string // of the files, without .png or .svg
	Benchmark string
	Title     string
	width     vg.Length
	height    vg.Length
	draw      func(draw.Canvas) error
}

// spec says what a figure shows: metrics of a benchmark as bars, or, with x,
// as lines over that setting.
type spec struct {
	name, benchmark, title, axis string
	metrics                      []string
	contenders                   []string // nil: all
	x, xAxis                     string
	setting, value               string // only cases with that setting, which the title says; "": all
	logX, logY                   bool
	whole                        bool // the vertical axis begins at zero
}

var latencies = []string{result.LatencyP50, result.LatencyP99, result.LatencyP999}

var specs = []spec{
	{name: "merge-throughput", benchmark: result.Merge, title: "merge: throughput (more is better)", axis: "records/s", metrics: []string{result.Throughput}},
	{name: "merge-cpu", benchmark: result.Merge, title: "merge: CPU of the contender's process (less is better)", axis: "µs per record", metrics: []string{result.CPU}},
	{name: "merge-memory", benchmark: result.Merge, title: "merge: peak resident memory (less is better)", axis: "MiB", metrics: []string{result.RSSPeak}},
	{name: "line-throughput", benchmark: result.Line, title: "whole line: throughput (more is better)", axis: "records/s", metrics: []string{result.Throughput}},
	{name: "line-latency", benchmark: result.Line, title: "whole line: latency by load, raw record to readable document", axis: "ms", metrics: latencies, x: "load", xAxis: "load, % of the highest rate", logY: true},
	{name: "latency", benchmark: result.Latency, title: "merge, exactly once: latency by rate, commits every 100 ms", axis: "ms", metrics: latencies, x: "rate", xAxis: "records/s", setting: "commit_interval_ms", value: "100", logY: true},
	{name: "commit-pause", benchmark: result.Commit, title: "pause of callbacks per commit, p99 (less is better)", axis: "ms", metrics: []string{result.PauseP99}},
	{name: "recovery", benchmark: result.Recovery, title: "recovery into an empty folder (less is better)", axis: "s", metrics: []string{result.RecoverTime}},
	{name: "takeover", benchmark: result.Takeover, title: "takeover (less is better)", axis: "s", metrics: []string{result.TakeTime}},
	{name: "rebuild", benchmark: result.Rebuild, title: "rebuild of all customers (more is better)", axis: "keys/s", metrics: []string{result.KeysRate}},
	{name: "sink", benchmark: result.Sink, title: "sink: documents written (more is better)", axis: "documents/s", metrics: []string{result.Throughput}},
	{name: "emitters-csv", benchmark: result.Emitters, title: "CSV import against reading the file (more is better)", axis: "rows/s", metrics: []string{result.Throughput}, contenders: []string{result.CSVDir, result.EncodingCSV}},
	{name: "emitters-poller", benchmark: result.Emitters, title: "poller against bare requests (more is better)", axis: "requests/s", metrics: []string{result.Throughput}, contenders: []string{result.RestPoll, result.NetHTTP}},
	{name: "scaling-instances", benchmark: result.Scaling, title: "scaling: CPU of all instances together", axis: "µs per record", metrics: []string{result.CPU}, x: "instances", xAxis: "instances", whole: true},
	{name: "scaling-partitions", benchmark: result.Scaling, title: "scaling: CPU of all instances together", axis: "µs per record", metrics: []string{result.CPU}, x: "partitions", xAxis: "partitions", whole: true},
	{name: "scaling-throughput", benchmark: result.Scaling, title: "scaling: throughput of all instances together", axis: "records/s", metrics: []string{result.Throughput}, x: "instances", xAxis: "instances", whole: true},
	{name: "growth-cpu", benchmark: result.Growth, title: "growth: CPU by size of the state", axis: "µs per record", metrics: []string{result.CPU}, x: "keys", xAxis: "keys", logX: true, whole: true},
	{name: "growth-memory", benchmark: result.Growth, title: "growth: peak resident memory by size of the state", axis: "MiB", metrics: []string{result.RSSPeak}, x: "keys", xAxis: "keys", logX: true, whole: true},
}

// Of makes the figures that the series are enough for.
func Of(all []result.Series) []Figure {
	var figures []Figure
	for _, s := range specs {
		var of []result.Series
		for _, series := range all {
			if series.Benchmark == s.benchmark && slices.Contains(s.metrics, series.Metric) &&
				(s.contenders == nil || slices.Contains(s.contenders, series.Contender)) {
				of = append(of, series)
			}
		}
		if s.setting != "" {
			of = slices.DeleteFunc(of, func(series result.Series) bool { return series.Settings[s.setting] != s.value })
		}
		if s.x != "" {
			of = slices.DeleteFunc(of, func(series result.Series) bool { _, ok := number(series, s.x); return !ok })
		}
		if len(of) == 0 {
			continue
		}
		f := Figure{Name: s.name, Benchmark: s.benchmark, Title: s.title}
		if s.x != "" && several(of, s.x) {
			f.lines(s, of)
		} else {
			f.bars(s, of)
		}
		figures = append(figures, f)
	}
	return figures
}

func number(s result.Series, setting string) (float64, bool) {
	v, err := strconv.ParseFloat(s.Settings[setting], 64)
	return v, err == nil && v > 0
}

func several(all []result.Series, setting string) bool {
	return slices.ContainsFunc(all, func(s result.Series) bool { return s.Settings[setting] != all[0].Settings[setting] })
}

// footer says what the figure holds for.
func footer(all []result.Series) string {
	first := all[0].First
	from, to := first.At(), first.At()
	rounds := [2]int{len(all[0].Values), len(all[0].Values)}
	var commits []string
	for _, s := range all {
		if c := fmt.Sprintf("%.12s", s.First.Commit); !slices.Contains(commits, c) {
			commits = append(commits, c)
		}
		if at := s.First.At(); at.Before(from) {
			from = at
		} else if at.After(to) {
			to = at
		}
		rounds[0], rounds[1] = min(rounds[0], len(s.Values)), max(rounds[1], len(s.Values))
	}
	date := from.Format("2006-01-02")
	if last := to.Format("2006-01-02"); last != date {
		date += " to " + last
	}
	n := strconv.Itoa(rounds[0])
	if rounds[1] != rounds[0] {
		n += " to " + strconv.Itoa(rounds[1])
	}
	return fmt.Sprintf("medians of %s rounds, whiskers from smallest to largest\n%s, %s, commit %s, %s",
		n, first.Hardware(), first.GoVersion, strings.Join(commits, " and "), date)
}

// Save writes NAME.png and NAME.svg into the folder and returns their paths.
func (f Figure) Save(folder string) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	image := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(144))
	drawing := vgsvg.New(f.width, f.height)
	var paths []string
	for _, to := range []struct {
		suffix string
		canvas vg.CanvasSizer
		writer io.WriterTo
	}{{".png", image, vgimg.PngCanvas{Canvas: image}}, {".svg", drawing, withFallback{drawing}}} {
		if err := f.draw(draw.New(to.canvas)); err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		path := filepath.Join(folder, f.Name+to.suffix)
		if err := write(path, to.writer); err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// withFallback names fonts that readers of the drawing may have instead.
type withFallback struct{ io.WriterTo }

func (d withFallback) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if _, err := d.WriterTo.WriteTo(&b); err != nil {
		return 0, err
	}
	n, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")))
	return int64(n), err
}

func write(path string, content io.WriterTo) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := content.WriteTo(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// label is the case without what the axis or the title says.
func label(s result.Series, without ...string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(s.Case), func(f string) bool {
		name, _, _ := strings.Cut(f, "=")
		return slices.Contains(without, name)
	}), " ")
}
