package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// pageFigures are the figures of a probe's page.
func pageFigures(p *result.Probe) []page.Figure {
	var out []page.Figure
	for _, m := range p.Described() {
		if !slices.ContainsFunc(m.Parts, func(part result.Part) bool { return measured(p, part.Key) }) {
			continue
		}
		out = append(out, metricPage(p, m))
		if m.Name != result.NeighboursMetric {
			continue
		}
		if f, ok := marginPage(p); ok {
			out = append(out, f)
		}
	}
	if p.Against != nil {
		out = append(out, againstPage(p))
	}
	if c := p.Confusion; c != nil && len(c.Classes) <= maxPageClasses {
		out = append(out, confusionPage(c))
	}
	return out
}

// layersOf is the axis of the layers of p.
func layersOf(p *result.Probe) page.Axis {
	names := make([]string, len(p.Layers))
	for i, l := range p.Layers {
		names[i] = l.Name
	}
	return axisOf(names)
}

// axisOf is an axis of tensors, called as briefly as tells them apart.
func axisOf(names []string) page.Axis {
	full := visible.Names(names)
	a := page.Axis{Full: full, Names: distinct(full)}
	for i, name := range a.Names {
		a.Names[i] = shorten(name, 40)
	}
	return a
}

// metricPage is the figure of a metric over the layers; of k-NN with a view for each k.
func metricPage(p *result.Probe, m result.Metric) page.Figure {
	f := page.Figure{ID: "figure-" + metricFile(m), Title: visible.Name(m.Title) + " by layer",
		Source: visible.Line(m.Source)}
	headline := p.Settings.Headline
	ks := []int{headline}
	if m.Name == result.NeighboursMetric {
		for _, k := range p.Settings.K {
			if k != headline {
				ks = append(ks, k)
			}
		}
	}
	for _, k := range ks {
		f.Views = append(f.Views, metricChart(p, m, k))
	}
	f.Views[0].Paper = metricFile(m)
	f.Caption = sentence(visible.Line(m.Definition))
	if m.Settings != "" {
		f.Caption += " Measured: " + visible.Line(m.Settings) + "."
	}
	for _, c := range f.Views[0].Curves {
		if c.Band != "" {
			f.Caption += " " + sentence(c.Band)
		}
	}
	return f
}

func metricChart(p *result.Probe, m result.Metric, k int) page.Chart {
	name := visible.Line(m.Settings)
	if m.Name == result.NeighboursMetric {
		if name = settings(p); k != p.Settings.Headline {
			name = fmt.Sprintf("k = %d", k)
		}
	}
	c := page.Chart{Name: name, Kind: page.Lines, Link: "layer", X: layersOf(p), Y: metricAxis(m), Marks: depthMarks(p)}
	for i, part := range m.Parts {
		curve := partCurve(p, part, i, k)
		if !slices.ContainsFunc(curve.Y, known) {
			continue
		}
		if k == p.Settings.Headline {
			addBand(p, part.Key, &curve)
			if part.Key == "leave_one_out.assigned" {
				c.Curves = append(c.Curves, trueAlone(p)...)
			}
		}
		c.Curves = append(c.Curves, curve)
	}
	if m.Name == result.NeighboursMetric {
		pixels := p.Baselines.Pixels.Value()
		if k != p.Settings.Headline {
			pixels = p.Baselines.PixelsKNN.At(k)
		}
		c.Levels = levelsOf(c.Levels, p.RawName(), pixels, 2)
	}
	if m.Unit == "accuracy" {
		c.Levels = levelsOf(c.Levels, "chance", float64(p.Baselines.Chance), page.Ink)
	}
	return c
}

func known(v result.Number) bool { return !math.IsNaN(float64(v)) }

func levelsOf(all []page.Level, name string, v float64, colour int) []page.Level {
	if math.IsNaN(v) {
		return all
	}
	return append(all, page.Level{Name: name, Value: result.Number(v), Colour: colour})
}

// metricAxis is the axis of a metric's numbers.
func metricAxis(m result.Metric) page.Axis {
	a := page.Axis{Label: visible.Name(m.Unit), Log: m.Scale == result.Logarithmic}
	zero, one := 0.0, 1.0
	if !a.Log {
		a.Low = &zero
	}
	if m.Scale == result.Fraction {
		a.High = &one
	}
	return a
}

// partCurve is a part of a metric over the layers, in the colour that its key asks for.
func partCurve(p *result.Probe, part result.Part, i, k int) page.Curve {
	c := page.Curve{Name: visible.Name(part.Label), Key: part.Key, Colour: i % len(marks)}
	switch {
	case strings.Contains(part.Key, "untrained"):
		c.Colour, c.Dashed = page.Grey, true
	case strings.HasSuffix(part.Key, ".true"):
		c.Colour = 0
	case strings.HasSuffix(part.Key, ".assigned"):
		c.Colour = 1
	}
	for j := range p.Layers {
		c.Y = append(c.Y, result.Number(p.Layers[j].At(part.Key, k)))
	}
	return c
}

// addBand gives a curve the interval that is known of its numbers.
func addBand(p *result.Probe, key string, c *page.Curve) {
	of := func(l *result.Layer) (result.Interval, bool) {
		switch {
		case key == "knn.true" && l.Intervals.True != nil:
			return *l.Intervals.True, true
		case key == "untrained.true" && l.Draws != nil && len(l.Draws.Accuracies) > 1:
			return result.Interval{slices.Min(l.Draws.Accuracies), slices.Max(l.Draws.Accuracies)}, true
		}
		return result.Interval{}, false
	}
	band(p, c, of)
	switch {
	case c.Low == nil:
	case key == "knn.true":
		c.Band = "the band of the true labels is Wilson's 95 % interval of each layer alone"
	default:
		c.Band = fmt.Sprintf("the band of the untrained network reaches from the lowest to the highest of %d draws",
			p.Settings.Draws)
	}
}

func band(p *result.Probe, c *page.Curve, of func(l *result.Layer) (result.Interval, bool)) {
	nan := result.Number(math.NaN())
	for i := range p.Layers {
		v, ok := of(&p.Layers[i])
		if !ok {
			v = result.Interval{nan, nan}
		}
		c.Low, c.High = append(c.Low, v[0]), append(c.High, v[1])
	}
	if !slices.ContainsFunc(c.Low, known) {
		c.Low, c.High = nil, nil
	}
}

// trueAlone is where the accuracy with assigned labels would lie did the layers know of
// the true ones alone; nothing where that was not measured.
func trueAlone(p *result.Probe) []page.Curve {
	c := page.Curve{Name: "assigned labels, if the true ones alone were known", Key: "assigned_band",
		Colour: 1, Area: true, Band: "the band below the assigned labels is where they would lie in 95 % of cases, " +
			"at all layers at once, did a layer know of the true labels alone: above it, a layer has memorized"}
	band(p, &c, func(l *result.Layer) (result.Interval, bool) {
		if l.AssignedBand == nil {
			return result.Interval{}, false
		}
		return *l.AssignedBand, true
	})
	if c.Low == nil {
		return nil
	}
	return []page.Curve{c}
}

// beginsMark names the layer at which memorization begins.
const beginsMark = "memorization begins"

// depthMarks are where memorization begins and where the features are best.
func depthMarks(p *result.Probe) []page.Mark {
	if p.Depth == nil {
		return nil
	}
	var out []page.Mark
	for i, l := range p.Layers {
		if p.Depth.Begins == l.Name {
			out = append(out, page.Mark{At: float64(i), Name: beginsMark})
		}
		if p.Depth.Peak == l.Name {
			out = append(out, page.Mark{At: float64(i), Name: "features peak"})
		}
	}
	return out
}

// marginNames are the baselines of margins, in the order in which they are shown.
func marginNames(p *result.Probe) [][2]string {
	raw := p.RawName()
	return [][2]string{{"untrained", "untrained networks"}, {"pixels", raw},
		{"augmented_pixels", raw + " and their views"}, {"joined_pixels", raw + ", by the layer joined with them"}}
}

// marginPage is the figure of the margins over each baseline.
func marginPage(p *result.Probe) (page.Figure, bool) {
	f := page.Figure{ID: "figure-margins", Title: "Better or worse than what was there before training",
		Caption: "Margin of the k-NN accuracy, true labels, over a baseline. The darker band is the 95 % interval of " +
			"each layer alone, by a bootstrap over queries and untrained networks; the wider one holds at all layers " +
			"at once. Dotted lines: no difference, and the differences that count in verdicts."}
	delta := math.NaN()
	if p.Verdict != nil {
		delta = float64(p.Verdict.MinMargin)
	}
	for _, name := range marginNames(p) {
		c := page.Chart{Name: "over " + name[1], Paper: "margins-" + strings.ReplaceAll(name[0], "_", "-"),
			Kind: page.Lines, Link: "layer", X: layersOf(p), Y: page.Axis{Label: "difference of accuracies"},
			Marks: depthMarks(p)}
		wide := page.Curve{Name: "95 %, all layers at once", Key: name[0] + ".band", Colour: page.Grey, Area: true}
		alone := page.Curve{Name: "margin over " + name[1], Key: "margins." + name[0]}
		of := func(l *result.Layer) (result.Margin, bool) { m, ok := l.Margins[name[0]]; return m, ok }
		for i := range p.Layers {
			m, ok := of(&p.Layers[i])
			if !ok {
				m.Margin = result.Number(math.NaN())
			}
			alone.Y = append(alone.Y, m.Margin)
		}
		if !slices.ContainsFunc(alone.Y, known) {
			continue
		}
		band(p, &wide, func(l *result.Layer) (result.Interval, bool) { m, ok := of(l); return m.Band, ok })
		band(p, &alone, func(l *result.Layer) (result.Interval, bool) { m, ok := of(l); return m.CI, ok })
		c.Curves = []page.Curve{wide, alone}
		c.Levels = levelsOf(nil, "no difference", 0, page.Ink)
		c.Levels = levelsOf(c.Levels, "counts as better", delta, page.Grey)
		c.Levels = levelsOf(c.Levels, "counts as worse", -delta, page.Grey)
		f.Views = append(f.Views, c)
	}
	if len(f.Views) > 0 {
		f.Views[0].Paper = "margins"
	}
	return f, len(f.Views) > 0
}

// confusionPage is the matrix of the probe's answers at the embedding.
func confusionPage(c *result.Confusion) page.Figure {
	zero := 0.0
	chart := page.Chart{Kind: page.Matrix, Unit: "count", X: page.Axis{Label: "answer"},
		Y: page.Axis{Label: "queries", Low: &zero}}
	for t, row := range c.Counts {
		name := visible.Name(c.Classes[t])
		chart.X.Names, chart.Y.Names = append(chart.X.Names, name), append(chart.Y.Names, name)
		cells := make([]result.Number, len(row))
		for i, n := range row {
			cells[i] = result.Number(n)
		}
		chart.Cells = append(chart.Cells, cells)
	}
	return page.Figure{ID: "figure-confusion", Title: "What the nearest neighbours answer", Views: []page.Chart{chart},
		Caption: confusionCaption(c)}
}

func confusionCaption(c *result.Confusion) string {
	return fmt.Sprintf("Queries of each true class (row) by the answer of k-NN (column) at %s, k = %d.",
		visible.Name(c.Layer), c.K)
}
