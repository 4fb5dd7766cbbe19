package report

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg/draw"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// layerAxis names the layers of p below a figure: all, or as many as are legible.
func layerAxis(f *plot.Plot, p *result.Probe) {
	names := make([]string, len(p.Layers))
	for i, l := range p.Layers {
		names[i] = shorten(visible.Name(l.Name), 26)
	}
	f.X.Tick.Marker = nameTicks(names, 30)
	f.X.Tick.Label.Rotation = math.Pi / 5
	f.X.Tick.Label.XAlign, f.X.Tick.Label.YAlign = draw.XRight, draw.YTop
	f.X.Min, f.X.Max = -0.3, float64(len(names))-0.7
}

// nameTicks puts names at 0, 1, 2, …; of more than most of them, every second, third,
// …, counted from the last.
func nameTicks(names []string, most int) plot.ConstantTicks {
	step := (len(names) + most - 1) / most
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		if ticks[i].Value = float64(i); (len(names)-1-i)%step == 0 {
			ticks[i].Label = name
		}
	}
	return ticks
}

// settings is what must stand beside every accuracy.
func settings(p *result.Probe) string {
	s := p.Settings
	return fmt.Sprintf("k = %d, %s, %s vote, pool %s", s.Headline, s.Metric, s.Vote, s.Pool)
}

// shorten keeps the end of a long tensor name, where names differ.
func shorten(name string, n int) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "/"), "_output_0")
	if r := []rune(name); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return name
}

// ConfusionMatrix draws what the probe answers at the embedding, a row a true
// class, in percent of the row.
func ConfusionMatrix(p *result.Probe) (*plot.Plot, error) {
	c := p.Confusion
	f := newPlot(fmt.Sprintf("k-NN answers at %s (k = %d), %% of the true class", shorten(visible.Name(c.Layer), 24), c.K))
	f.X.Label.Text, f.Y.Label.Text = "answer", "true class"
	n := len(c.Classes)
	xs := make([]string, n)
	var labels plotter.XYLabels
	for t, row := range c.Counts {
		total := 0
		for _, v := range row {
			total += v
		}
		xs[t] = shorten(className(c.Classes[t], t), 14)
		for a, v := range row {
			share := float64(v) / max(1, float64(total))
			box, err := plotter.NewPolygon(square(float64(a), float64(n-1-t)))
			if err != nil {
				return nil, err
			}
			box.Color, box.LineStyle.Width = shade(share), 0
			f.Add(box)
			if share >= 0.005 && n <= 20 {
				labels.XYs = append(labels.XYs, plotter.XY{X: float64(a), Y: float64(n - 1 - t)})
				labels.Labels = append(labels.Labels, fmt.Sprintf("%.0f", 100*share))
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
			row := c.Counts[n-1-int(xy.Y)]
			if v := row[int(xy.X)]; 2*v > sum(row) {
				st.Color = color.White
			}
		}
		f.Add(marks)
	}
	across, down := nameTicks(xs, 25), nameTicks(xs, 40)
	for i := range down {
		down[i].Value = float64(n - 1 - i)
	}
	f.X.Tick.Marker, f.Y.Tick.Marker = across, down
	f.X.Tick.Label.Rotation = math.Pi / 4
	f.X.Tick.Label.XAlign, f.X.Tick.Label.YAlign = text.XRight, text.YTop
	f.X.Min, f.X.Max, f.Y.Min, f.Y.Max = -0.5, float64(n)-0.5, -0.5, float64(n)-0.5
	return f, nil
}

func sum(v []int) int {
	s := 0
	for _, x := range v {
		s += x
	}
	return s
}

func square(x, y float64) plotter.XYs {
	const r = 0.48
	return plotter.XYs{{X: x - r, Y: y - r}, {X: x + r, Y: y - r}, {X: x + r, Y: y + r}, {X: x - r, Y: y + r}}
}

// shade runs from near white to blue.
func shade(share float64) color.Color {
	mix := func(lo, hi uint8) uint8 { return uint8(float64(lo) + (float64(hi)-float64(lo))*math.Sqrt(share)) }
	return color.RGBA{mix(0xf7, blue.R), mix(0xf7, blue.G), mix(0xf7, blue.B), 0xff}
}
