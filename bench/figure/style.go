package figure

import (
	"image/color"
	"math"
	"strconv"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"customer360/bench/result"
)

// Okabe's and Ito's colours, which people who see few colours tell apart.
var colours = map[string]color.RGBA{
	result.Customer360:     {0x00, 0x72, 0xB2, 0xFF},
	result.Customer360JSON: {0x56, 0xB4, 0xE9, 0xFF},
	result.StreamsEOS:      {0xD5, 0x5E, 0x00, 0xFF},
	result.StreamsALO:      {0xE6, 0x9F, 0x00, 0xFF},
	result.GokaStock:       {0xCC, 0x79, 0xA7, 0xFF},
	result.Raw:             {0xAA, 0xAA, 0xAA, 0xFF},
	result.RawTxn:          {0x77, 0x77, 0x77, 0xFF},
	result.Fenced:          {0x00, 0x72, 0xB2, 0xFF},
	result.Plain:           {0x99, 0x99, 0x99, 0xFF},
	result.CSVDir:          {0x00, 0x72, 0xB2, 0xFF},
	result.EncodingCSV:     {0x99, 0x99, 0x99, 0xFF},
	result.RestPoll:        {0x00, 0x9E, 0x73, 0xFF},
	result.NetHTTP:         {0x99, 0x99, 0x99, 0xFF},
}

var (
	ink   = color.RGBA{0x22, 0x22, 0x22, 0xFF}
	faint = color.RGBA{0x66, 0x66, 0x66, 0xFF}
	grid  = color.RGBA{0xE2, 0xE2, 0xE2, 0xFF}
	other = color.RGBA{0x00, 0x9E, 0x73, 0xFF} // of a contender that has none
)

func colour(contender string) color.RGBA {
	if c, ok := colours[contender]; ok {
		return c
	}
	return other
}

const (
	margin     = 3 * vg.Millimeter
	footHeight = 10 * vg.Millimeter

	bold = stdfont.WeightBold
)

func style(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, Handler: plot.DefaultTextHandler}
}

// newPlot is an empty plot in this package's style.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	heading := style(12, ink)
	heading.Font.Weight = bold
	heading.XAlign, heading.YAlign = p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign
	p.Title.TextStyle, p.Title.Padding = heading, 4*vg.Millimeter
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		set := func(s *text.Style, size vg.Length) {
			n := style(size, ink)
			n.XAlign, n.YAlign, n.Rotation = s.XAlign, s.YAlign, s.Rotation
			*s = n
		}
		set(&a.Label.TextStyle, 10)
		set(&a.Tick.Label, 9)
		a.Color, a.Tick.Color = faint, faint
	}
	return p
}

// foot writes the footer and returns the canvas above it.
func foot(c draw.Canvas, lines string) draw.Canvas {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	s := style(7.5, faint)
	s.XAlign, s.YAlign = draw.XLeft, draw.YTop
	c.FillText(s, vg.Point{X: c.Min.X + margin, Y: c.Min.Y + footHeight - vg.Millimeter}, lines)
	return draw.Crop(c, margin, -margin, footHeight, -margin)
}

// grouped labels gonum's linear ticks with grouped digits.
type grouped struct{ plot.Ticker }

// Ticks implements plot.Ticker.
func (g grouped) Ticks(low, high float64) []plot.Tick {
	ticks := g.Ticker.Ticks(low, high)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = plain(t.Value)
		}
	}
	return ticks
}

// plain is a tick's label: a round number as it is.
func plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) >= 1000 {
		return result.Grouped(v)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// steps are the ticks of a logarithmic axis: 1, 2, 5, 10.
type steps struct{}

// Ticks implements plot.Ticker.
func (steps) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := math.Floor(math.Log10(low)); math.Pow(10, decade) <= high; decade++ {
		for digit := 1; digit <= 9; digit++ {
			v := float64(digit) * math.Pow(10, decade)
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			if digit == 1 || digit == 2 || digit == 5 {
				t.Label = plain(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}
