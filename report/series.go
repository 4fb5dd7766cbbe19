package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// series is a curve with marks, and bars of one standard deviation where points
// are means over seeds.
type series struct {
	label  string
	points []point
	colour color.Color
	dash   []vg.Length
	glyph  draw.GlyphDrawer
	bare   bool // no marks: there are too many points
}

// point is a mean with its sample standard deviation over seeds.
type point struct{ x, y, sd float64 }

// marks are the colours and glyphs by which the nth of several series is told from
// the others: Okabe and Ito's colours, and shapes that stay apart in print.
var marks = []struct {
	colour color.RGBA
	glyph  draw.GlyphDrawer
}{
	{blue, draw.CircleGlyph{}}, {vermillion, draw.TriangleGlyph{}}, {green, draw.SquareGlyph{}},
	{purple, draw.PyramidGlyph{}},
	{orange, draw.BoxGlyph{}}, {sky, draw.RingGlyph{}}, {black, draw.PlusGlyph{}}, {grey, draw.CrossGlyph{}},
}

// maxSeries is how many series a figure can hold and stay legible.
var maxSeries = len(marks)

// legible chooses as many of a list as a figure can hold, evenly spaced and with
// both ends; omitted counts the others.
func legible[T any](all []T) (shown []T, omitted int) {
	shown = evenly(all, maxSeries)
	return shown, len(all) - len(shown)
}

// evenly chooses at most n of a list, evenly spaced and with both ends.
func evenly[T any](all []T, n int) (shown []T) {
	n = min(len(all), n)
	for i := range n {
		shown = append(shown, all[int(math.Round(float64(i*(len(all)-1))/float64(max(1, n-1))))])
	}
	return shown
}

// XY, Len and YError are what gonum's plotters ask for.
func (s series) Len() int                      { return len(s.points) }
func (s series) XY(i int) (x, y float64)       { return s.points[i].x, s.points[i].y }
func (s series) YError(i int) (lo, hi float64) { return s.points[i].sd, s.points[i].sd }

// add draws s, leaving out points that were not measured, and names it in the
// legend, unless that is nil or s has no name.
func (s series) add(p *plot.Plot, legend *key) error {
	var kept []point
	spread := false
	for _, pt := range s.points {
		if !math.IsNaN(pt.x) && !math.IsNaN(pt.y) {
			kept = append(kept, pt)
			spread = spread || pt.sd > 0
		}
	}
	if s.points = kept; len(kept) == 0 {
		return nil
	}
	line, glyphs, err := plotter.NewLinePoints(s)
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: s.colour, Width: vg.Points(1.5), Dashes: s.dash}
	glyphs.GlyphStyle = draw.GlyphStyle{Color: s.colour, Radius: vg.Points(2.5), Shape: s.glyph}
	if spread {
		bars, err := plotter.NewYErrorBars(s)
		if err != nil {
			return err
		}
		bars.LineStyle = draw.LineStyle{Color: s.colour, Width: vg.Points(0.8)}
		bars.CapWidth = vg.Points(4)
		p.Add(bars)
	}
	named := []plot.Thumbnailer{line, glyphs}
	p.Add(line)
	if s.bare {
		named = named[:1]
	} else {
		p.Add(glyphs)
	}
	if legend != nil && s.label != "" {
		legend.name(shortenEnd(s.label, maxLabel), named...)
	}
	return nil
}

// level is a reference line across the whole of a figure whose x axis is set.
func level(p *plot.Plot, legend *key, label string, y float64, c color.Color, dash []vg.Length) error {
	if math.IsNaN(y) {
		return nil
	}
	line, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: y}, {X: p.X.Max, Y: y}})
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: c, Width: vg.Points(1.2), Dashes: dash}
	p.Add(line)
	if legend != nil {
		legend.name(fmt.Sprintf("%s (%.3f)", label, y), line)
	}
	return nil
}

// maxLabel is how many characters of a label are drawn: a figure grows with its legend.
const maxLabel = 90

// shortenEnd keeps the beginning of a long label.
func shortenEnd(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// accuracyTicks are a fifth apart, or a tenth in the lower half. A range far beyond
// that of accuracies, from a file that holds other numbers, has its ends alone.
func accuracyTicks(low, high float64) []plot.Tick {
	if !(high <= 4) {
		return ends(low, high)
	}
	step := 2
	if high <= 0.6 {
		step = 1
	}
	var ticks []plot.Tick
	for i := 0; float64(i) <= 10*high+1e-9; i++ {
		t := plot.Tick{Value: float64(i) / 10}
		if i%step == 0 {
			t.Label = fmt.Sprintf("%.1f", t.Value)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// ends are the ticks of a range that has no others.
func ends(low, high float64) []plot.Tick {
	return []plot.Tick{{Value: low, Label: fmt.Sprintf("%.3g", low)}, {Value: high, Label: fmt.Sprintf("%.3g", high)}}
}
