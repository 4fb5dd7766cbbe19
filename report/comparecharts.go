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

// maxPanels is how many small charts a figure of a comparison holds.
const maxPanels = 12

// pageFigures are the figures of a comparison's page.
func (c *Comparison) pageFigures() []page.Figure {
	gs := c.groups()
	probed := slices.DeleteFunc(slices.Clone(gs), func(g group) bool { return g.entries[0].last() == nil })
	out := []page.Figure{c.scatterPage(gs)}
	for _, a := range c.axes() {
		if s, ok := c.along(a); ok {
			out = append(out, s.page(c.over()))
			if a.name == "noise" {
				out = append(out, s.layersPage(c.over()))
			}
		}
	}
	if len(probed) > 0 {
		out = append(out, c.layersPage(probed), c.panelsPage(probed))
	}
	out = append(out, c.epochsPage(gs), c.mapsPage(), c.rewindPage(gs))
	return slices.DeleteFunc(out, func(f page.Figure) bool { return len(f.Views) == 0 })
}

// scatterPage draws every measure of the table against the fit, a point an entry.
func (c *Comparison) scatterPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-scatter", Title: "Generalization against memorization",
		Caption: "A point a run: across, how well it fits its assigned labels; upwards, what the axis names, " +
			"measured at the embedding. Bars are 95 % intervals, where they are known: Wilson's of the probe, that " +
			"of the verdict of the margin."}
	link, shown := runLinks(gs), gs
	if len(gs) > maxSeries {
		shown = byVerdict(c.Entries)
	}
	measures := c.measures()
	first := slices.IndexFunc(measures, func(m measure) bool { return m.column == "probe" })
	for _, m := range slices.Concat(measures[first:first+1], measures[:first], measures[first+1:]) {
		chart := page.Chart{Name: m.column, Paper: scatterPaper(m.column), Kind: page.Scatter,
			X: page.Axis{Label: fitName(c.Entries)}, Y: page.Axis{Label: m.column}}
		for i, g := range shown {
			curve := page.Curve{Name: visible.Name(g.label), Key: m.column, Colour: i % len(marks)}
			for _, e := range g.entries {
				o := e.Outcome()
				curve.X, curve.Y = append(curve.X, result.Number(o.BestFit())), append(curve.Y, result.Number(m.of(&o)))
				curve.Names, curve.Links = append(curve.Names, visible.Name(e.name())), append(curve.Links, link[e])
				i := intervalOf(m.column, &o)
				curve.Low, curve.High = append(curve.Low, i[0]), append(curve.High, i[1])
			}
			if !slices.ContainsFunc(curve.Low, known) {
				curve.Low, curve.High = nil, nil
			}
			if slices.ContainsFunc(curve.Y, known) && slices.ContainsFunc(curve.X, known) {
				chart.Curves = append(chart.Curves, curve)
			}
		}
		if m.column == "probe" {
			chart.Levels = baselineLevels(c.Entries)
			chart.Levels = levelsOf(chart.Levels, "untrained network", baseline(c.Entries, untrainedProbe), page.Grey)
		}
		if m.column == "margin" {
			chart.Levels = levelsOf(nil, "no difference", 0, page.Ink)
		}
		if len(chart.Curves) > 0 {
			f.Views = append(f.Views, chart)
		}
	}
	return f
}

// scatterPaper is the figure on paper that has the points of a measure.
func scatterPaper(column string) string {
	if column == "probe" || column == "margin" {
		return "scatter"
	}
	return ""
}

// accuracyAxis is an axis of accuracies.
func accuracyAxis() page.Axis {
	zero, one := 0.0, 1.0
	return page.Axis{Label: "accuracy", Low: &zero, High: &one}
}

// colour is that of a group, the same in all figures; its place in the figure where
// there are more groups than colours.
func (c *Comparison) colour(g group, place int) int {
	gs := c.groups()
	if len(gs) > maxSeries {
		return place
	}
	return slices.IndexFunc(gs, func(o group) bool { return o.entries[0] == g.entries[0] })
}

// intervalOf is the 95 % interval of a measure, NaN where it has none.
func intervalOf(column string, o *Outcome) result.Interval {
	switch {
	case column == "probe" && o.Embedding.Intervals.True != nil:
		return *o.Embedding.Intervals.True
	case column == "margin" && o.Verdict != nil:
		return o.Verdict.CI
	}
	return result.Interval{result.Number(math.NaN()), result.Number(math.NaN())}
}

// baselineLevels are pixels and chance.
func baselineLevels(entries []*Entry) []page.Level {
	return levelsOf(levelsOf(nil, "raw pixels", baseline(entries, pixels), 2), "chance",
		baseline(entries, chance), page.Ink)
}

// curveOf is points as a curve, with a band of one standard deviation over seeds.
func curveOf(name string, points []point, colour int) page.Curve {
	c := page.Curve{Name: visible.Name(name), Colour: colour}
	for _, p := range points {
		low, high := p.y-p.sd, p.y+p.sd
		if p.sd == 0 {
			low, high = math.NaN(), math.NaN()
		}
		c.X, c.Y = append(c.X, result.Number(p.x)), append(c.Y, result.Number(p.y))
		c.Low, c.High = append(c.Low, result.Number(low)), append(c.High, result.Number(high))
	}
	if !slices.ContainsFunc(c.Low, known) {
		c.Low, c.High = nil, nil
	}
	return c
}

// spread says what curves and bands are.
func spread(over string) string {
	return "Means over " + over + "; bands are one sample standard deviation over them, where there are several."
}

// page draws fit and probe against the axis, a curve for each setting of all else.
func (s sweep) page(over string) page.Figure {
	f := page.Figure{ID: "figure-" + s.file(), Title: "Memorization and generalization by " + s.label,
		Caption: spread(over) + " The fit is on the assigned labels, the probe is k-NN at the embedding with true labels."}
	x := s.x()
	fit := func(e *Entry) float64 { return e.Outcome().BestFit() }
	probe := func(e *Entry) float64 { return e.Outcome().Probe }
	untrained := curveOf("untrained network",
		s.points(s.all(), func(e *Entry) float64 { return e.Outcome().Untrained }), page.Grey)
	untrained.Dashed = true
	for _, v := range []struct {
		name string
		of   func(e *Entry) float64
	}{{"probe", probe}, {"fit", fit}} {
		c := page.Chart{Name: v.name, Paper: s.file(), Kind: page.Lines, X: x, Y: accuracyAxis(),
			Levels: baselineLevels(s.all())}
		for i, g := range s.groups {
			name := g.label
			if len(s.groups) == 1 {
				name = v.name
			}
			c.Curves = append(c.Curves, curveOf(name, s.points(g.entries, v.of), i))
		}
		if v.name == "probe" {
			c.Curves = append(c.Curves, untrained)
		}
		f.Views = append(f.Views, c)
	}
	if len(s.groups) == 1 { // both in one
		both := f.Views[0]
		both.Name = ""
		fitted := f.Views[1].Curves[0]
		fitted.Colour, fitted.Dashed = 1, true
		both.Curves = slices.Concat(both.Curves[:1:1], []page.Curve{fitted}, both.Curves[1:])
		f.Views = []page.Chart{both}
	}
	return f
}

// layersPage draws the probes of several layers of the first group against the axis, a
// curve a layer.
func (s sweep) layersPage(over string) page.Figure {
	f := page.Figure{ID: "figure-" + s.name + "-layers", Title: "Layers by " + s.label}
	g := s.groups[0].entries
	layers := common(g)
	if len(layers) == 0 {
		return f
	}
	shown, omitted := legible(layers)
	c := page.Chart{Name: "k-NN accuracy, true labels: " + visible.Line(sharedSettings(g)), Paper: s.name + "-layers",
		Kind: page.Lines, X: s.x(), Y: accuracyAxis(), Levels: baselineLevels(g)}
	for i, name := range shown {
		l := slices.Index(layers, name)
		c.Curves = append(c.Curves, curveOf(shorten(name, 40), s.points(g, func(e *Entry) float64 {
			if p := e.last(); p != nil {
				return p.Layers[l].At("knn.true", p.Settings.Headline)
			}
			return math.NaN()
		}), i))
	}
	f.Caption = spread(over)
	if len(s.groups) > 1 {
		f.Caption += " Of " + visible.Line(s.groups[0].label) + "."
	}
	if omitted > 0 {
		f.Caption += fmt.Sprintf(" %d of %d layers, evenly spaced.", len(shown), len(layers))
	}
	f.Views = []page.Chart{c}
	return f
}

// x is the axis as charts have it.
func (s sweep) x() page.Axis {
	first, last := s.at.of(s.at.values[0]), s.at.of(s.at.values[len(s.at.values)-1])
	x := page.Axis{Label: s.label, Low: &first, High: &last}
	for _, v := range s.at.values {
		name := printed(v)
		if math.IsInf(v, 1) {
			name = "fresh"
		}
		x.Ticks = append(x.Ticks, page.Tick{At: s.at.of(v), Name: name})
	}
	return x
}

// allMetrics are the metrics of the last probes, k-NN first.
func (c *Comparison) allMetrics() []result.Metric {
	return append([]result.Metric{result.Neighbours()}, c.metrics()...)
}

// depthsOf is the axis of layers of entries: their names, or the relative depth.
func depthsOf(entries []*Entry) (axis page.Axis, byName bool) {
	if names := common(entries); len(names) > 0 {
		for _, e := range entries {
			if p := e.last(); p != nil {
				return layersOf(p), true
			}
		}
	}
	zero, one := 0.0, 1.0
	return page.Axis{Label: "relative depth", Low: &zero, High: &one}, false
}

// layersPage lays the layers of all groups over each other, a view for each number
// that is measured of the networks themselves.
func (c *Comparison) layersPage(gs []group) page.Figure {
	shown, _ := legible(gs)
	all := entriesOf(shown)
	link := runLinks(c.groups())
	f := page.Figure{ID: "figure-layers", Title: "Layer by layer, all runs in one",
		Caption: "Of the last probe of each run. " + c.bands(gs) + " k-NN: " + visible.Line(sharedSettings(all)) + "."}
	if s := c.Omitted(); s != "" {
		f.Caption += " " + sentence(visible.Line(s))
	}
	x, byName := depthsOf(all)
	for _, m := range c.allMetrics() {
		for _, part := range m.Parts {
			if strings.HasPrefix(part.Key, "untrained") {
				continue
			}
			chart := page.Chart{Name: visible.Name(m.Title + ": " + part.Label), Paper: metricFile(m), Kind: page.Lines,
				X: x, Y: metricAxis(m)}
			if m.Name != result.NeighboursMetric {
				chart.Paper += "-layers"
			}
			if byName {
				chart.Link = "layer"
			}
			for i, g := range shown {
				curve := g.curve(g.label, byName, part.Key, c.colour(g, i))
				curve.Key, curve.Link = part.Key, link[g.entries[0]]
				chart.Curves = appendKnown(chart.Curves, overNames(curve, byName))
			}
			if len(chart.Curves) == 0 {
				continue
			}
			if part.Key == "knn.true" {
				plain := curveOf("untrained network", overLayers(all, byName, "untrained.true"), page.Grey)
				plain.Dashed = true
				chart.Curves = appendKnown(chart.Curves, overNames(plain, byName))
				chart.Levels = baselineLevels(all)
			}
			f.Views = append(f.Views, chart)
		}
	}
	return f
}

// curve is a number of the layers of a group: the mean with its spread, or that of the
// lone run with the interval that is known of it.
func (g group) curve(name string, byName bool, key string, colour int) page.Curve {
	c := curveOf(name, overLayers(g.entries, byName, key), colour)
	if len(g.entries) == 1 {
		addBand(g.entries[0].last(), key, &c)
	}
	return c
}

// bands says what the curves of groups are, and their bands.
func (c *Comparison) bands(gs []group) string {
	var out []string
	if slices.ContainsFunc(gs, func(g group) bool { return len(g.entries) > 1 }) {
		out = append(out, spread(c.over()))
	}
	if slices.ContainsFunc(gs, func(g group) bool { return len(g.entries) == 1 }) {
		out = append(out, "Bands of a single run are Wilson's 95 % interval of each layer alone, of its untrained "+
			"networks from the lowest to the highest draw.")
	}
	return strings.Join(out, " ")
}

// overNames takes the places from a curve over names, which are 0, 1, 2, ….
func overNames(c page.Curve, byName bool) page.Curve {
	if byName {
		c.X = nil
	}
	return c
}

func appendKnown(all []page.Curve, c page.Curve) []page.Curve {
	if slices.ContainsFunc(c.Y, known) {
		return append(all, c)
	}
	return all
}

func entriesOf(gs []group) []*Entry {
	var all []*Entry
	for _, g := range gs {
		all = append(all, g.entries...)
	}
	return all
}

// panelsPage has a small chart a group, with all parts of a metric, a view for each
// metric.
func (c *Comparison) panelsPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-panels", Title: "Layer by layer, a chart a run",
		Caption: "All charts of a view have one range. Of the last probe of each run. " + c.bands(gs)}
	if len(gs) > maxPanels {
		f.Caption += fmt.Sprintf(" The first %d of %d runs.", maxPanels, len(gs))
		gs = gs[:maxPanels]
	}
	for _, m := range c.allMetrics() {
		view := page.Chart{Name: visible.Name(m.Title), Kind: page.Panels}
		if m.Name == result.NeighboursMetric {
			view.Paper = "panels"
		}
		for _, g := range gs {
			x, byName := depthsOf(g.entries)
			chart := page.Chart{Kind: page.Lines, Title: visible.Name(g.label), X: x, Y: metricAxis(m)}
			chart.Y.Label = ""
			if byName {
				chart.Link = "layer"
			}
			for i, part := range m.Parts {
				style := partCurve(&result.Probe{}, part, i, 0)
				curve := g.curve(part.Label, byName, part.Key, style.Colour)
				curve.Key, curve.Dashed = part.Key, style.Dashed
				chart.Curves = appendKnown(chart.Curves, overNames(curve, byName))
			}
			if len(chart.Curves) > 0 {
				view.Panels = append(view.Panels, chart)
			}
		}
		if len(view.Panels) > 0 {
			f.Views = append(f.Views, view)
		}
	}
	return f
}
