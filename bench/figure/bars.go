package figure

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"customer360/bench/result"
)

// bar is one row of a bar figure: a heading, or a contender's median.
type bar struct {
	label  string
	series *result.Series // nil: a heading
}

// rowsOf puts each case under a heading of its own, if there are several.
func rowsOf(all []result.Series) []bar {
	var cases []string
	for _, s := range all {
		if !slices.Contains(cases, s.Case) {
			cases = append(cases, s.Case)
		}
	}
	several := slices.ContainsFunc(all, func(s result.Series) bool { return s.Metric != all[0].Metric })
	var rows []bar
	for _, c := range cases {
		if c != "" {
			rows = append(rows, bar{label: c})
		}
		for i := range all {
			if all[i].Case != c {
				continue
			}
			name := all[i].Contender
			if several {
				name += ", " + all[i].Metric
			}
			rows = append(rows, bar{label: name, series: &all[i]})
		}
	}
	return rows
}

func (f *Figure) bars(s spec, all []result.Series) {
	rows := rowsOf(all)
	const row = 7 * vg.Millimeter
	f.width, f.height = 17*vg.Centimeter, 32*vg.Millimeter+row*vg.Length(len(rows))+footHeight
	f.draw = func(c draw.Canvas) error {
		p := newPlot(s.title, s.axis, "")
		var ticks []plot.Tick
		for i, r := range rows {
			if r.series != nil {
				ticks = append(ticks, plot.Tick{Value: at(i, rows), Label: r.label})
			}
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.Width = plot.ConstantTicks(ticks), 0, 0
		p.X.Tick.Marker = grouped{plot.DefaultTicks{}}
		p.Add(barPlot(rows))
		p.X.Min = 0
		p.Draw(foot(c, footer(all)))
		return nil
	}
}

// at is the row's place: the first one is the highest.
func at(i int, rows []bar) float64 { return float64(len(rows) - 1 - i) }

type barPlot []bar

// DataRange implements plot.DataRanger; the right fifth is for labels.
func (b barPlot) DataRange() (xmin, xmax, ymin, ymax float64) {
	for _, r := range b {
		if r.series != nil {
			xmax = max(xmax, r.series.Max())
		}
	}
	if xmax <= 0 {
		xmax = 1
	}
	return 0, xmax * 1.2, -0.6, float64(len(b)) - 0.4
}

// Plot implements plot.Plotter.
func (b barPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := draw.LineStyle{Color: grid, Width: vg.Points(0.5)}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if t.Label != "" {
			c.StrokeLine2(line, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	half := (y(1) - y(0)) * 0.34
	for i, r := range b {
		if r.series == nil {
			s := style(9, ink)
			s.Font.Weight, s.XAlign, s.YAlign = bold, draw.XLeft, draw.YCenter
			c.FillText(s, vg.Point{X: x(0), Y: y(at(i, b)) - half/2}, r.label)
			continue
		}
		middle, low, high, median := y(at(i, b)), x(r.series.Min()), x(r.series.Max()), x(math.Max(r.series.Median(), 0))
		c.FillPolygon(colour(r.series.Contender), []vg.Point{{X: x(0), Y: middle - half}, {X: median, Y: middle - half}, {X: median, Y: middle + half}, {X: x(0), Y: middle + half}})
		if len(r.series.Values) > 1 {
			whisker := draw.LineStyle{Color: ink, Width: vg.Points(0.9)}
			c.StrokeLine2(whisker, low, middle, high, middle)
			c.StrokeLine2(whisker, low, middle-half/2, low, middle+half/2)
			c.StrokeLine2(whisker, high, middle-half/2, high, middle+half/2)
		}
		s := style(9, ink)
		s.XAlign, s.YAlign = draw.XLeft, draw.YCenter
		c.FillText(s, vg.Point{X: max(high, median) + 1.5*vg.Millimeter, Y: middle}, result.Grouped(r.series.Median()))
	}
}
