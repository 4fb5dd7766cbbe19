package report

import (
	"errors"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/probe/result"
	"memprobe/report/page"
)

// chartPlot is an empty plot whose axes suit a chart and the numbers in it.
func chartPlot(c *page.Chart) *plot.Plot {
	f := newPlot("")
	gridY(f)
	one := []page.Chart{*c}
	low, high := rangeOf(one, xOf)
	setAxis(&f.X, c.X, low, high)
	low, high = rangeOf(one, yOf)
	setAxis(&f.Y, c.Y, low, high)
	return f
}

// xOf and yOf are the numbers of a chart along an axis.
func xOf(c *page.Chart, of func(values ...result.Number)) {
	for _, curve := range c.Curves {
		of(curve.X...)
	}
}

func yOf(c *page.Chart, of func(values ...result.Number)) {
	for _, curve := range c.Curves {
		of(curve.Y...)
		of(curve.Low...)
		of(curve.High...)
	}
	for _, l := range c.Levels {
		of(l.Value)
	}
}

// rangeOf is the least and the greatest number of charts along an axis, those above 0
// where it is logarithmic; +Inf and −Inf without one.
func rangeOf(charts []page.Chart, along func(c *page.Chart, of func(values ...result.Number))) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range charts {
		along(&charts[i], func(values ...result.Number) {
			for _, v := range values {
				if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) && (x > 0 || !charts[i].Y.Log) {
					low, high = min(low, x), max(high, x)
				}
			}
		})
	}
	return low, high
}

// setAxis gives an axis its name, its ticks and its range, as the page's has them.
func setAxis(a *plot.Axis, spec page.Axis, low, high float64) {
	a.Label.Text = spec.Label
	if low > high {
		low, high = 0, 1
	}
	switch {
	case spec.Names != nil:
		names := make([]string, len(spec.Names))
		for i, n := range spec.Names {
			names[i] = shorten(n, 26)
		}
		a.Tick.Marker = nameTicks(names, 30)
		a.Tick.Label.Rotation = math.Pi / 5
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = draw.XRight, draw.YTop
		a.Min, a.Max = -0.3, float64(max(len(names), 2))-0.7
		return
	case spec.Log && low > 0:
		a.Scale, a.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		a.Min, a.Max = low/1.3, high*1.3
		return
	}
	a.Tick.Marker = plot.TickerFunc(roundTicks)
	room := 0.06 * (high - low)
	if room == 0 {
		room = 0.06 * max(math.Abs(high), 1e-3)
	}
	a.Min, a.Max = low-room, high+room
	if spec.Low != nil {
		a.Min = min(*spec.Low, low)
	}
	if spec.High != nil {
		a.Max = max(high, min(*spec.High, high+room))
	}
	if spec.Ticks != nil {
		var ticks plot.ConstantTicks
		for _, t := range spec.Ticks {
			ticks = append(ticks, plot.Tick{Value: t.At, Label: t.Name})
		}
		a.Tick.Marker = ticks
		a.Min, a.Max = a.Min-0.02*(a.Max-a.Min), a.Max+0.02*(a.Max-a.Min)
		return
	}
	if a.Min == 0 && a.Max <= 1 && spec.High != nil {
		a.Max = min(1, math.Ceil(10*high+0.3)/10)
		a.Tick.Marker = plot.TickerFunc(accuracyTicks)
	}
}

// addLines draws the curves, bands, levels and marks of a chart. The legend is apart, so
// that it never covers a curve.
func addLines(p *plot.Plot, names *key, c *page.Chart) error {
	var failed error
	for _, curve := range c.Curves {
		failed = errors.Join(failed, addBandTo(p, names, curve))
	}
	for _, curve := range c.Curves {
		if !curve.Area {
			failed = errors.Join(failed, lineOf(curve).add(p, names))
		}
	}
	return errors.Join(failed, addLevels(p, names, c), addMarks(p, names, c))
}

func addLevels(p *plot.Plot, names *key, c *page.Chart) error {
	var failed error
	for _, l := range c.Levels {
		failed = errors.Join(failed, level(p, names, l.Name, float64(l.Value), paletteColour(l.Colour), dotted))
	}
	return failed
}

// paletteColour is a colour of a page on paper.
func paletteColour(n int) color.RGBA {
	switch n {
	case page.Grey:
		return grey
	case page.Ink:
		return black
	}
	return marks[n%len(marks)].colour
}

func paletteGlyph(n int) draw.GlyphDrawer {
	if n < 0 {
		return marks[2].glyph
	}
	return marks[n%len(marks)].glyph
}

// at is where the ith number of a curve lies.
func at(c page.Curve, i int) float64 {
	if c.X == nil {
		return float64(i)
	}
	return float64(c.X[i])
}

// lineOf is a curve without its band. Of many places the marks would be one.
func lineOf(c page.Curve) series {
	s := series{label: c.Name, colour: paletteColour(c.Colour), glyph: paletteGlyph(c.Colour), bare: len(c.Y) > 60}
	for i, y := range c.Y {
		s.points = append(s.points, point{x: at(c, i), y: float64(y)})
	}
	if c.Dashed {
		s.dash = dashed
	}
	return s
}

// addBandTo draws the band of a curve, a piece for each run of places that have one.
// One that stands alone is named.
func addBandTo(p *plot.Plot, names *key, c page.Curve) error {
	shade := paletteColour(c.Colour)
	faded := color.NRGBA{shade.R, shade.G, shade.B, 45}
	for from := 0; from < len(c.Low); from++ {
		to := from
		for to < len(c.Low) && known(c.Low[to]) && known(c.High[to]) {
			to++
		}
		if to == from {
			continue
		}
		var outline plotter.XYs
		for i := from; i < to; i++ {
			outline = append(outline, plotter.XY{X: at(c, i), Y: clipped(p, c.High[i])})
		}
		for i := to - 1; i >= from; i-- {
			outline = append(outline, plotter.XY{X: at(c, i), Y: clipped(p, c.Low[i])})
		}
		shape, err := plotter.NewPolygon(outline)
		if err != nil {
			return err
		}
		shape.Color, shape.LineStyle.Width = faded, 0
		p.Add(shape)
		if c.Area {
			names.name(c.Name, shape)
		}
		from = to
	}
	return nil
}

// clipped is a number that the y axis of p shows.
func clipped(p *plot.Plot, v result.Number) float64 { return max(p.Y.Min, min(p.Y.Max, float64(v))) }

// addMarks draws lines across the places of X that have a meaning.
func addMarks(p *plot.Plot, names *key, c *page.Chart) error {
	var failed error
	for _, mark := range c.Marks {
		line, err := plotter.NewLine(plotter.XYs{{X: mark.At, Y: p.Y.Min}, {X: mark.At, Y: p.Y.Max}})
		failed = errors.Join(failed, err)
		line.LineStyle.Color, line.LineStyle.Width = sky, vg.Points(1.2)
		if mark.Name == beginsMark {
			line.LineStyle.Color, line.LineStyle.Dashes = orange, dashed
		}
		p.Add(line)
		names.name(mark.Name+" at "+shorten(c.X.Names[int(mark.At)], 26), line)
	}
	return failed
}

// addPoints draws the points of a chart with their intervals.
func addPoints(p *plot.Plot, names *key, c *page.Chart) error {
	levels := &key{style: names.style} // drawn below the points, and named after them
	failed := addLevels(p, levels, c)
	for _, curve := range c.Curves {
		points, bars := whiskers{}, whiskers{}
		for i := range curve.Y {
			if !known(curve.Y[i]) || !known(curve.X[i]) {
				continue
			}
			w := whisker{x: float64(curve.X[i]), y: float64(curve.Y[i])}
			if curve.Low != nil && known(curve.Low[i]) {
				w.low, w.high = float64(curve.Low[i]), float64(curve.High[i])
				bars = append(bars, w)
			}
			points = append(points, w)
		}
		if len(points) == 0 {
			continue
		}
		if len(bars) > 0 {
			b, err := plotter.NewYErrorBars(bars)
			if err != nil {
				return err
			}
			b.LineStyle, b.CapWidth = draw.LineStyle{Color: paletteColour(curve.Colour), Width: vg.Points(0.8)}, vg.Points(4)
			p.Add(b)
		}
		s, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: paletteColour(curve.Colour), Radius: vg.Points(3.5),
			Shape: paletteGlyph(curve.Colour)}
		p.Add(s)
		names.name(shortenEnd(curve.Name, maxLabel), s)
	}
	for _, e := range levels.entries {
		names.name(e.name, e.thumbs...)
	}
	return failed
}

// whisker is a point with its interval; whiskers are what gonum's plotters ask for.
type whisker struct{ x, y, low, high float64 }

type whiskers []whisker

func (w whiskers) Len() int                { return len(w) }
func (w whiskers) XY(i int) (x, y float64) { return w[i].x, w[i].y }
func (w whiskers) YError(i int) (below, above float64) {
	return w[i].y - w[i].low, w[i].high - w[i].y
}
