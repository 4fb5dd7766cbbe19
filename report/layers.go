package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
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
