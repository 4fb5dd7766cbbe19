package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"memprobe/probe/result"
)

// layerCurves draws the layers of all runs in one axis: at the left with true
// labels, at the right with the assigned ones. Networks of other layers than the
// first are drawn by relative depth.
func layerCurves(gs []group) (figure, error) {
	gs, omitted := legible(gs)
	var all []*Entry
	for _, g := range gs {
		all = append(all, g.entries...)
	}
	left := accuracyPlot(fmt.Sprintf("True labels (%s)", sharedSettings(all)), "", "k-NN accuracy")
	right := accuracyPlot("Assigned labels, training set, leave-one-out", "", "k-NN accuracy")
	legend := besideLegend(left)
	names := common(all)
	for _, p := range []*plot.Plot{left, right} {
		depthAxis(p, all, names)
	}
	plain := overLayers(all, len(names) > 0, "untrained.true")
	drawn := [][]point{plain, {{y: baseline(all, pixels)}}}
	for i, g := range gs {
		v := series{label: g.label, colour: marks[i].colour, glyph: marks[i].glyph}
		v.points = overLayers(g.entries, len(names) > 0, "knn.true")
		drawn = append(drawn, v.points)
		if err := v.add(left, legend); err != nil {
			return figure{}, err
		}
		v.points = overLayers(g.entries, len(names) > 0, "leave_one_out.assigned")
		if err := v.add(right, nil); err != nil {
			return figure{}, err
		}
	}
	leaveOut(legend, omitted, "runs: see the table")
	err := errors.Join(
		series{label: "untrained network", points: plain, colour: grey, dash: dashed, glyph: draw.SquareGlyph{}}.add(left, legend),
		levels(left, legend, all), level(right, nil, "", baseline(all, chance), black, dotted))
	crop(left, drawn...)
	return figure{name: "layers", panels: []*plot.Plot{left, right}, legend: legend, width: 2 * layersWide(all), height: 4 * vg.Inch}, err
}

// layersWide is the width of a panel of the layers of entries.
func layersWide(all []*Entry) vg.Length {
	return vg.Length(max(3.6, min(6, 1+0.3*float64(len(all[0].last().Layers))))) * vg.Inch
}

// depthAxis names the layers below a figure, where all entries have the same.
func depthAxis(p *plot.Plot, all []*Entry, names []string) {
	if len(names) > 0 {
		layerAxis(p, all[0].last())
		return
	}
	p.X.Label.Text, p.X.Min, p.X.Max = "relative depth", -0.03, 1.03
}

// metricCurves draws the layers of all runs by a metric, a panel for each of its first
// two parts that are of the networks themselves.
func metricCurves(gs []group, m result.Metric) (figure, error) {
	gs, omitted := legible(gs)
	var all []*Entry
	for _, g := range gs {
		all = append(all, g.entries...)
	}
	names := common(all)
	f := figure{name: metricFile(m) + "-layers", height: 4 * vg.Inch}
	for _, part := range m.Parts {
		if strings.HasPrefix(part.Key, "untrained") || len(f.panels) == 2 {
			continue
		}
		var drawn [][]point
		for _, g := range gs {
			drawn = append(drawn, overLayers(g.entries, len(names) > 0, part.Key))
		}
		p := metricPlot(m, drawn)
		p.Title.Text = m.Title
		if len(m.Parts) > 1 {
			p.Title.Text += ": " + part.Label
		}
		depthAxis(p, all, names)
		var legend *key
		if f.legend == nil {
			f.legend = besideLegend(p)
			legend = f.legend
		}
		for i, g := range gs {
			s := series{label: g.label, colour: marks[i].colour, glyph: marks[i].glyph, points: drawn[i]}
			if err := s.add(p, legend); err != nil {
				return f, err
			}
		}
		f.panels = append(f.panels, p)
		f.width += layersWide(all)
	}
	leaveOut(f.legend, omitted, "runs: see the table")
	return f, nil
}

// overLayers is the mean over entries of a number of each layer of the last probe, by
// its key; x counts layers, or is the relative depth.
func overLayers(entries []*Entry, byName bool, key string) []point {
	at := map[float64][]float64{}
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		for i := range p.Layers {
			x := float64(i)
			if !byName {
				x /= float64(max(1, len(p.Layers)-1))
			}
			at[x] = append(at[x], p.Layers[i].At(key, p.Settings.Headline))
		}
	}
	return means(at)
}

// means turns the values at each x into points, in order.
func means(at map[float64][]float64) []point {
	var out []point
	for x, ys := range at {
		m, sd, _ := mean(ys)
		out = append(out, point{x, m, sd})
	}
	slices.SortFunc(out, func(a, b point) int {
		if a.x < b.x {
			return -1
		}
		return 1
	})
	return out
}

// common returns the names of the layers of the last probes, if they are the same
// in all entries that have one.
func common(entries []*Entry) []string {
	var names []string
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		var own []string
		for _, l := range p.Layers {
			own = append(own, l.Name)
		}
		if names != nil && !slices.Equal(names, own) {
			return nil
		}
		names = own
	}
	return names
}

// sharedSettings are the settings of the last probes, where they are one.
func sharedSettings(entries []*Entry) string {
	shared := ""
	for _, e := range entries {
		p := e.last()
		if p == nil {
			continue
		}
		if s := settings(p); shared == "" {
			shared = s
		} else if s != shared {
			return "the settings differ"
		}
	}
	return shared
}

// overEpochs draws fit and probe against the epoch.
func overEpochs(gs []group) (figure, error) {
	gs, omitted := legible(gs)
	var all []*Entry
	for _, g := range gs {
		all = append(all, g.entries...)
	}
	left := accuracyPlot("Memorization of the assigned labels", "epoch", fitName(all))
	right := accuracyPlot(fmt.Sprintf("Generalization (%s)", sharedSettings(all)), "epoch", "probe: k-NN at the embedding, true labels")
	legend := besideLegend(left)
	last := 1.0
	drawn := [][]point{{{y: baseline(all, untrainedProbe)}, {y: baseline(all, pixels)}}}
	for i, g := range gs {
		fit, probe := map[float64][]float64{}, map[float64][]float64{}
		for _, e := range g.entries {
			for _, v := range e.fitPoints() {
				fit[v.x] = append(fit[v.x], v.y)
				last = max(last, v.x)
			}
			for _, p := range e.Probes {
				if p.Epoch == nil {
					continue
				}
				v, _ := embedding(p)
				probe[float64(*p.Epoch)] = append(probe[float64(*p.Epoch)], v)
				last = max(last, float64(*p.Epoch))
			}
		}
		v := series{label: g.label, colour: marks[i].colour, glyph: marks[i].glyph}
		probed := means(probe)
		named := [2]*key{legend, nil} // where there are marks, they are in the legend
		if len(probed) > 0 {
			named = [2]*key{nil, legend}
		}
		v.points, v.bare = thin(means(fit)), len(fit) > 30
		if err := v.add(left, named[0]); err != nil {
			return figure{}, err
		}
		v.points, v.bare = probed, false
		if err := v.add(right, named[1]); err != nil {
			return figure{}, err
		}
		drawn = append(drawn, probed)
	}
	leaveOut(legend, omitted, "runs: see the table")
	crop(right, drawn...)
	for _, p := range []*plot.Plot{left, right} {
		p.X.Min, p.X.Max = 0, last
	}
	err := errors.Join(
		level(right, legend, "untrained network", baseline(all, untrainedProbe), grey, dashed),
		levels(right, legend, all), level(left, nil, "", baseline(all, chance), black, dotted))
	return figure{name: "epochs", panels: []*plot.Plot{left, right}, legend: legend, width: 8 * vg.Inch, height: 3.6 * vg.Inch}, err
}

// thin takes the bars of spread from a curve of many points.
func thin(points []point) []point {
	if len(points) > 30 {
		for i := range points {
			points[i].sd = 0
		}
	}
	return points
}

// scatter draws probe against fit, a point a run, told apart by group, or by
// verdict where there are too many.
func scatter(entries []*Entry, gs []group) (figure, error) {
	if len(gs) > maxSeries {
		gs = byVerdict(entries)
	}
	f := accuracyPlot("Generalization against memorization", fitName(entries)+", assigned labels", "probe: k-NN at the embedding, true labels")
	f.X.Min, f.X.Max, f.X.Tick.Marker = -0.02, 1.02, plot.TickerFunc(accuracyTicks)
	legend := besideLegend(f)
	drawn := []point{{y: baseline(entries, untrainedProbe)}, {y: baseline(entries, pixels)}}
	for i, g := range gs {
		var pts plotter.XYs
		for _, e := range g.entries {
			if x, y := e.Outcome().BestFit(), e.Outcome().Probe; !math.IsNaN(x) && !math.IsNaN(y) {
				pts = append(pts, plotter.XY{X: x, Y: y})
				drawn = append(drawn, point{x: x, y: y})
			}
		}
		if len(pts) == 0 {
			continue
		}
		s, err := plotter.NewScatter(pts)
		if err != nil {
			return figure{}, err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: marks[i].colour, Radius: vg.Points(3.5), Shape: marks[i].glyph}
		f.Add(s)
		legend.Add(shortenEnd(g.label, maxLabel), s)
	}
	crop(f, drawn)
	err := errors.Join(
		level(f, legend, "untrained network", baseline(entries, untrainedProbe), grey, dashed),
		levels(f, legend, entries))
	return figure{name: "scatter", panels: []*plot.Plot{f}, legend: legend, width: 4.2 * vg.Inch, height: 4 * vg.Inch}, err
}

func byVerdict(entries []*Entry) []group {
	var gs []group
	for _, word := range append(result.Words(), "no verdict") {
		g := group{label: word}
		for _, e := range entries {
			v := e.Outcome().Verdict
			if v != nil && v.Word == word || v == nil && word == "no verdict" {
				g.entries = append(g.entries, e)
			}
		}
		gs = append(gs, g)
	}
	return gs
}

// ramp runs from light to dark blue.
func ramp(t float64) color.Color {
	mix := func(lo, hi uint8) uint8 { return uint8(float64(lo) + (float64(hi)-float64(lo))*t) }
	return color.RGBA{mix(0x9e, 0x08), mix(0xca, 0x30), mix(0xe1, 0x6b), 0xff}
}
