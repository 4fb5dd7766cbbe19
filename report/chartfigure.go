package report

import (
	"errors"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// figuresOf are the figures of p: those of its page, a view of each.
func figuresOf(p *result.Probe) ([]figure, error) {
	var out []figure
	for _, f := range pageFigures(p) {
		name := strings.TrimPrefix(f.ID, "figure-")
		var fig figure
		var err error
		switch {
		case name == "confusion": // below, in percent
			continue
		case f.Views[0].Kind == page.Matrix:
			fig, err = matrixFigure(name, f.Views)
		default:
			fig, err = chartFigure(name, f.Title, &f.Views[0], p)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, fig)
	}
	if p.Confusion != nil {
		c, err := ConfusionMatrix(p)
		if err != nil {
			return nil, err
		}
		out = append(out, figure{name: "confusion", panels: []*plot.Plot{c}, width: 5.2 * vg.Inch, height: 4.8 * vg.Inch})
	}
	return out, nil
}

// chartFigure draws a chart of lines over the layers of p for paper. The legend is
// apart, so that it never covers a curve.
func chartFigure(name, title string, c *page.Chart, p *result.Probe) (figure, error) {
	wide := vg.Length(max(5, min(12, 2+0.35*float64(len(p.Layers))))) * vg.Inch
	var drawn [][]point
	for _, curve := range c.Curves {
		drawn = append(drawn, pointsOf(curve.Y), pointsOf(curve.Low), pointsOf(curve.High))
	}
	f := chartPlot(c, drawn)
	runes := func(s string) vg.Length { return vg.Length(len([]rune(s))) }
	f.Title.Text = strings.Join(append([]string{title}, wrap(c.Name, wide/vg.Points(5), runes)...), "\n")
	layerAxis(f, p)
	names := besideLegend(f)
	var failed error
	for _, curve := range c.Curves {
		failed = errors.Join(failed, addBandTo(f, names, curve))
	}
	for _, curve := range c.Curves {
		if !curve.Area {
			failed = errors.Join(failed, lineOf(curve).add(f, names))
		}
	}
	for _, l := range c.Levels {
		failed = errors.Join(failed, level(f, names, l.Name, float64(l.Value), paletteColour(l.Colour), dotted))
	}
	return figure{name: name, panels: []*plot.Plot{f}, legend: names, width: wide, height: 4 * vg.Inch}, errors.Join(failed, addMarks(f, names, c.Marks, p))
}

// chartPlot is an empty plot whose y axis suits a chart and the numbers in it.
func chartPlot(c *page.Chart, drawn [][]point) *plot.Plot {
	m := result.Metric{Unit: c.Y.Label, Scale: result.Linear}
	switch {
	case c.Y.Log:
		m.Scale = result.Logarithmic
	case c.Y.Low != nil && c.Y.High != nil:
		m.Scale = result.Fraction
	}
	return metricPlot(m, drawn)
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

func pointsOf(values []result.Number) []point {
	out := make([]point, len(values))
	for i, v := range values {
		out[i] = point{x: float64(i), y: float64(v)}
	}
	return out
}

// lineOf is a curve without its band. Of many layers the marks would be one.
func lineOf(c page.Curve) series {
	s := series{label: c.Name, points: pointsOf(c.Y), colour: paletteColour(c.Colour), bare: len(c.Y) > 60}
	if c.Dashed {
		s.dash = dashed
	}
	switch c.Colour {
	case page.Grey:
		s.glyph = marks[2].glyph
	default:
		s.glyph = marks[c.Colour%len(marks)].glyph
	}
	return s
}

// addBandTo draws the band of a curve, a piece for each run of layers that have one.
// One that stands alone is named.
func addBandTo(f *plot.Plot, names *key, c page.Curve) error {
	shade := paletteColour(c.Colour)
	faded := color.NRGBA{shade.R, shade.G, shade.B, 45}
	first := true
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
			outline = append(outline, plotter.XY{X: float64(i), Y: clipped(f, c.High[i])})
		}
		for i := to - 1; i >= from; i-- {
			outline = append(outline, plotter.XY{X: float64(i), Y: clipped(f, c.Low[i])})
		}
		shape, err := plotter.NewPolygon(outline)
		if err != nil {
			return err
		}
		shape.Color, shape.LineStyle.Width = faded, 0
		f.Add(shape)
		if c.Area && first {
			names.Add(c.Name, shape)
		}
		first = false
		from = to
	}
	return nil
}

// clipped is a number that the y axis of f shows.
func clipped(f *plot.Plot, v result.Number) float64 { return max(f.Y.Min, min(f.Y.Max, float64(v))) }

// addMarks draws lines across the layers that have a meaning.
func addMarks(f *plot.Plot, names *key, all []page.Mark, p *result.Probe) error {
	var failed error
	for _, mark := range all {
		line, err := plotter.NewLine(plotter.XYs{{X: mark.At, Y: f.Y.Min}, {X: mark.At, Y: f.Y.Max}})
		failed = errors.Join(failed, err)
		line.LineStyle.Color, line.LineStyle.Width = sky, vg.Points(1.2)
		if mark.Name == beginsMark {
			line.LineStyle.Color, line.LineStyle.Dashes = orange, dashed
		}
		f.Add(line)
		names.Add(mark.Name+" at "+shorten(visible.Name(p.Layers[int(mark.At)].Name), 26), line)
	}
	return failed
}
