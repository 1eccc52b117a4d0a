package figure

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"customer360/bench/result"
)

// line is one contender's metric over the setting on the axis.
type line struct {
	label  string
	colour color.Color
	dashes []vg.Length
	shape  draw.GlyphDrawer
	points []point
}

type point struct{ x, median, low, high float64 }

var dashes = [][]vg.Length{nil, {vg.Points(5), vg.Points(2.5)}, {vg.Points(1.5), vg.Points(2)}, {vg.Points(8), vg.Points(2), vg.Points(1.5), vg.Points(2)}}
var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}

var percentiles = map[string]string{result.LatencyP50: "p50", result.LatencyP99: "p99", result.LatencyP999: "p99.9"}

// linesOf groups series that differ in the setting x only. Metrics have dashes
// of their own where there are several; else the other settings have.
func linesOf(s spec, all []result.Series) []line {
	var lines []line
	var labels []string
	kinds := make(map[string][]string) // per contender
	for _, series := range all {
		kind := label(series, s.x, s.setting)
		if len(s.metrics) > 1 {
			kind = percentiles[series.Metric]
			if rest := label(series, s.x, s.setting); rest != "" {
				kind += " " + rest
			}
		}
		name := series.Contender
		if kind != "" {
			name += " " + kind
		}
		i := slices.Index(labels, name)
		if i < 0 {
			i = len(lines)
			labels = append(labels, name)
			if !slices.Contains(kinds[series.Contender], kind) {
				kinds[series.Contender] = append(kinds[series.Contender], kind)
			}
			n := slices.Index(kinds[series.Contender], kind)
			lines = append(lines, line{label: name, colour: colour(series.Contender), dashes: dashes[n%len(dashes)], shape: shapes[n%len(shapes)]})
		}
		x, _ := number(series, s.x)
		lines[i].points = append(lines[i].points, point{x, series.Median(), series.Min(), series.Max()})
	}
	for i := range lines {
		slices.SortFunc(lines[i].points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	return lines
}

// Len implements plotter.XYer.
func (l line) Len() int { return len(l.points) }

// XY implements plotter.XYer.
func (l line) XY(i int) (x, y float64) { return l.points[i].x, l.points[i].median }

// YError implements plotter.YErrorer.
func (l line) YError(i int) (below, above float64) {
	return l.points[i].median - l.points[i].low, l.points[i].high - l.points[i].median
}

func (f *Figure) lines(s spec, all []result.Series) {
	if s.logY && slices.ContainsFunc(all, func(series result.Series) bool { return series.Min() <= 0 }) {
		s.logY = false
	}
	lines := linesOf(s, all)
	const legend = 6.4 * vg.Centimeter
	f.width, f.height = 21*vg.Centimeter, max(11*vg.Centimeter, vg.Length(len(lines))*6*vg.Millimeter+4*vg.Centimeter)
	f.draw = func(c draw.Canvas) error {
		p := newPlot(s.title, s.xAxis, s.axis)
		p.Add(grids())
		entries := plot.NewLegend()
		entries.TextStyle = style(8.5, ink)
		entries.Top, entries.Left, entries.YPosition = true, true, draw.PosCenter
		entries.ThumbnailWidth, entries.Padding = 9*vg.Millimeter, 2*vg.Millimeter
		for _, l := range lines {
			if err := l.add(p, &entries); err != nil {
				return fmt.Errorf("line %q: %w", l.label, err)
			}
		}
		axes(p, s, lines)
		c = foot(c, footer(all))
		p.Draw(draw.Crop(c, 0, -legend, 0, 0))
		entries.Draw(draw.Crop(c, c.Max.X-c.Min.X-legend+3*vg.Millimeter, 0, 0, -12*vg.Millimeter))
		return nil
	}
}

func (l line) add(p *plot.Plot, entries *plot.Legend) error {
	path, err := plotter.NewLine(l)
	if err != nil {
		return err
	}
	path.LineStyle = draw.LineStyle{Color: l.colour, Width: vg.Points(1.6), Dashes: l.dashes}
	points, err := plotter.NewScatter(l)
	if err != nil {
		return err
	}
	points.GlyphStyle = draw.GlyphStyle{Color: l.colour, Radius: vg.Points(3), Shape: l.shape}
	whiskers, err := plotter.NewYErrorBars(l)
	if err != nil {
		return err
	}
	whiskers.LineStyle = draw.LineStyle{Color: l.colour, Width: vg.Points(0.8)}
	p.Add(path, points, whiskers)
	entries.Add(l.label, path, points)
	return nil
}

func grids() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = grid, grid
	return g
}

// axes scales them; a tick stands at each value of x that was measured.
func axes(p *plot.Plot, s spec, lines []line) {
	var ticks []plot.Tick
	var xs []float64
	for _, l := range lines {
		for _, at := range l.points {
			xs = append(xs, at.x)
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	for _, x := range xs {
		ticks = append(ticks, plot.Tick{Value: x, Label: plain(x)})
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	low, high := xs[0], xs[len(xs)-1]
	if s.logX {
		p.X.Scale = plot.LogScale{}
		p.X.Min, p.X.Max = low/1.25, high*1.25
	} else {
		p.X.Min, p.X.Max = low-(high-low)*0.08, high+(high-low)*0.08
	}
	p.Y.Tick.Marker = grouped{plot.DefaultTicks{}}
	switch {
	case s.logY:
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, steps{}
		p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
	case s.whole:
		p.Y.Min, p.Y.Max = 0, p.Y.Max*1.1
	}
}
