package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/report/page"
)

// maxMapPanels is how many layers of a map are drawn on paper.
const maxMapPanels = 4

// mapFigure draws where points lie at a few layers, from the first to the last, a row of
// panels for each of the first two meanings of the colours.
func mapFigure(name string, c *page.Chart) (figure, error) {
	m := c.Map
	layers := evenly(m.Layers, maxMapPanels)
	f := figure{name: name, across: len(layers), rigid: true}
	for _, by := range m.Colours[:min(2, len(m.Colours))] {
		for _, l := range layers {
			p := newPlot(fmt.Sprintf("%s\n%s", shorten(l.Name, 26), by.Name))
			p.Title.TextStyle.Font = face(8)
			p.HideAxes()
			if f.legend == nil {
				f.legend = besideLegend(p)
				f.legend.thumb = dotThumb
			}
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = frame(l)
			for n, name := range by.Names {
				var at plotter.XYs
				for i, of := range by.Of {
					if of == n {
						at = append(at, plotter.XY{X: float64(l.X[i]), Y: float64(l.Y[i])})
					}
				}
				if len(at) == 0 {
					continue
				}
				s, err := plotter.NewScatter(at)
				if err != nil {
					return f, err
				}
				s.GlyphStyle = draw.GlyphStyle{Color: classColour(n, len(by.Names)), Radius: vg.Points(1.3),
					Shape: draw.CircleGlyph{}}
				p.Add(dots{s})
				if len(by.Names) <= maxNamedClasses {
					large := *s
					large.Radius = vg.Points(3)
					f.legend.name(name, &large)
				}
			}
			f.panels = append(f.panels, p)
		}
	}
	if len(f.legend.entries) == 0 {
		f.legend = nil
	}
	rows := len(f.panels) / f.across
	f.width, f.height = vg.Length(f.across)*2.3*vg.Inch, vg.Length(rows)*2.5*vg.Inch
	return f, nil
}

// dots are points that are smaller in a small panel, so that they cover as much of it.
type dots struct{ *plotter.Scatter }

// Plot implements plot.Plotter.
func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	s := *d.Scatter
	s.Radius = min(s.Radius, (c.Max.X-c.Min.X)/110)
	s.Plot(c, p)
}

// maxNamedClasses is how many classes a legend of a map names.
const maxNamedClasses = 20

// frame is what the points of a layer cover, a square with some room around them.
func frame(l page.MapLayer) (left, right, low, high float64) {
	x, y := float64(slices.Max(l.X)), float64(slices.Max(l.Y))
	half := max(x, y, 1) * 0.53
	return x/2 - half, x/2 + half, y/2 - half, y/2 + half
}

// classColour is the nth of so many colours: of the palette, or around the hues.
func classColour(n, of int) color.Color {
	if of <= 6 {
		return marks[n].colour
	}
	h := 6 * float64(n) / float64(of)
	part := func(shift float64) uint8 { // of red, green, blue: a saturation of 0.75 at a value of 0.85
		k := math.Mod(shift+h, 6)
		return uint8(255 * 0.85 * (1 - 0.75*max(0, min(k, 4-k, 1))))
	}
	return color.RGBA{part(5), part(3), part(1), 255}
}
