package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// ConfusionMatrix draws what the probe answers at the embedding, a row a true
// class, in percent of the row.
func ConfusionMatrix(p *result.Probe) (*plot.Plot, error) {
	c := p.Confusion
	m := cellPlot{title: fmt.Sprintf("k-NN answers at %s (k = %d), %% of the true class",
		shorten(visible.Name(c.Layer), 24), c.K), x: page.Axis{Label: "answer"}, y: page.Axis{Label: "true class"}}
	n := len(c.Classes)
	for t, row := range c.Counts {
		total := 0
		for _, v := range row {
			total += v
		}
		name := shorten(className(c.Classes[t], t), 14)
		m.x.Names, m.y.Names = append(m.x.Names, name), append(m.y.Names, name)
		var shares []float64
		var texts []string
		for _, v := range row {
			share, text := float64(v)/max(1, float64(total)), ""
			if share >= 0.005 && n <= 20 {
				text = fmt.Sprintf("%.0f", 100*share)
			}
			shares, texts = append(shares, math.Sqrt(share)), append(texts, text) // small shares are seen too
		}
		m.shares, m.texts = append(m.shares, shares), append(m.texts, texts)
	}
	return m.plot()
}

// cellPlot is cells with names at both sides, the first row above.
type cellPlot struct {
	title  string
	x, y   page.Axis
	shares [][]float64 // from 0, light, to 1, dark; NaN: no cell
	texts  [][]string
}

// plot draws m.
func (m *cellPlot) plot() (*plot.Plot, error) {
	f := newPlot(m.title)
	f.X.Label.Text, f.Y.Label.Text = m.x.Label, m.y.Label
	last := len(m.y.Names) - 1
	var labels plotter.XYLabels
	for r, row := range m.shares {
		for c, share := range row {
			if math.IsNaN(share) {
				continue
			}
			box, err := plotter.NewPolygon(square(float64(c), float64(last-r)))
			if err != nil {
				return nil, err
			}
			box.Color, box.LineStyle.Width = shade(share), 0
			f.Add(box)
			if t := m.texts[r][c]; t != "" {
				labels.XYs = append(labels.XYs, plotter.XY{X: float64(c), Y: float64(last - r)})
				labels.Labels = append(labels.Labels, t)
			}
		}
	}
	if len(labels.Labels) > 0 {
		marks, err := plotter.NewLabels(labels)
		if err != nil {
			return nil, err
		}
		for i, xy := range labels.XYs {
			st := &marks.TextStyle[i]
			st.Font, st.XAlign, st.YAlign, st.Handler = face(7), draw.XCenter, draw.YCenter, plot.DefaultTextHandler
			if m.shares[last-int(xy.Y)][int(xy.X)] > math.Sqrt(0.5) {
				st.Color = color.White
			}
		}
		f.Add(cellTexts{marks})
	}
	across, down := nameTicks(m.x.Names, 25), nameTicks(m.y.Names, 40)
	for i := range down {
		down[i].Value = float64(last - i)
	}
	f.X.Tick.Marker, f.Y.Tick.Marker = across, down
	f.X.Tick.Label.Rotation = math.Pi / 4
	f.X.Tick.Label.XAlign, f.X.Tick.Label.YAlign = text.XRight, text.YTop
	f.X.Min, f.X.Max, f.Y.Min, f.Y.Max = -0.5, float64(len(m.x.Names))-0.5, -0.5, float64(last)+0.5
	return f, nil
}

// cellTexts writes into cells what they have room for.
type cellTexts struct{ *plotter.Labels }

// Plot implements plot.Plotter.
func (t cellTexts) Plot(c draw.Canvas, p *plot.Plot) {
	const wide, high = 17, 9 // points
	if x, y := p.Transforms(&c); x(1)-x(0) >= wide && y(1)-y(0) >= high {
		t.Labels.Plot(c, p)
	}
}

// maxTexts is how many columns of a matrix have their numbers written into the cells.
const maxTexts = 14

// matrixFigure draws charts of cells side by side, in shades from the lowest to the
// highest number of all of them, which the legend names.
func matrixFigure(name string, charts []page.Chart) (figure, error) {
	f := figure{name: name}
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range charts {
		for _, row := range c.Cells {
			for _, v := range row {
				if known(v) {
					low, high = min(low, float64(v)), max(high, float64(v))
				}
			}
		}
	}
	share := func(v float64) float64 { return (v - low) / max(high-low, math.SmallestNonzeroFloat64) }
	columns, rows := 0, 0
	for _, c := range charts {
		columns, rows = max(columns, len(c.X.Names)), max(rows, len(c.Y.Names))
		m := cellPlot{title: strings.TrimSpace(c.Name + "\n" + c.Title), x: page.Axis{Label: c.X.Label}, y: page.Axis{}}
		for _, n := range c.X.Names {
			m.x.Names = append(m.x.Names, shorten(n, 26))
		}
		for _, n := range c.Y.Names {
			m.y.Names = append(m.y.Names, shorten(n, 26))
		}
		for _, row := range c.Cells {
			var shares []float64
			var texts []string
			for _, v := range row {
				text := ""
				if known(v) && len(row) <= maxTexts {
					text = fmt.Sprintf("%.2f", float64(v))
				}
				shares, texts = append(shares, share(float64(v))), append(texts, text)
			}
			m.shares, m.texts = append(m.shares, shares), append(m.texts, texts)
		}
		p, err := m.plot()
		if err != nil {
			return f, err
		}
		if len(charts) > 1 {
			p.Title.TextStyle.Font = face(9)
		}
		f.panels = append(f.panels, p)
	}
	f.legend = besideLegend(f.panels[0])
	for _, t := range []float64{1, 0.75, 0.5, 0.25, 0} {
		box, err := plotter.NewPolygon(square(0, 0))
		if err != nil {
			return f, err
		}
		box.Color = shade(t)
		f.legend.Add(fmt.Sprintf("%.3f", low+t*(high-low)), box)
	}
	if f.across = min(3, len(f.panels)); len(f.panels) == 4 {
		f.across = 2
	}
	f.width = vg.Length(f.across) * vg.Length(max(3.4, min(8, 1.8+0.32*float64(columns)))) * vg.Inch
	down := (len(f.panels) + f.across - 1) / f.across
	f.height = vg.Length(down) * vg.Length(max(2.8, min(9, 1.5+0.19*float64(rows)))) * vg.Inch
	return f, nil
}

// hasCells reports whether a chart of cells has a number.
func hasCells(c page.Chart) bool {
	return slices.ContainsFunc(c.Cells, func(row []result.Number) bool { return slices.ContainsFunc(row, known) })
}

func square(x, y float64) plotter.XYs {
	const r = 0.48
	return plotter.XYs{{X: x - r, Y: y - r}, {X: x + r, Y: y - r}, {X: x + r, Y: y + r}, {X: x - r, Y: y + r}}
}

// shade runs from near white to blue.
func shade(share float64) color.Color {
	mix := func(lo, hi uint8) uint8 { return uint8(float64(lo) + (float64(hi)-float64(lo))*share) }
	return color.RGBA{mix(0xf7, blue.R), mix(0xf7, blue.G), mix(0xf7, blue.B), 0xff}
}
