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

// How many small charts a figure of a comparison holds.
const (
	maxPanels    = 12
	maxMaps      = 6
	maxMapEpochs = 30
)

// pageFigures are the figures of a comparison's page.
func (c *Comparison) pageFigures() []page.Figure {
	gs := groups(c.Entries, c.Differs)
	probed := slices.DeleteFunc(slices.Clone(gs), func(g group) bool { return g.entries[0].last() == nil })
	out := []page.Figure{c.scatterPage(gs)}
	for _, a := range c.axes() {
		if s, ok := c.along(a); ok {
			out = append(out, s.page())
		}
	}
	if len(probed) > 0 {
		out = append(out, c.layersPage(probed), c.panelsPage(probed))
	}
	out = append(out, c.epochsPage(gs), c.mapsPage())
	return slices.DeleteFunc(out, func(f page.Figure) bool { return len(f.Views) == 0 })
}

// scatterPage draws every measure of the table against the fit, a point an entry.
func (c *Comparison) scatterPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-scatter", Title: "Generalization against memorization",
		Caption: "A point a run: how well it fits its assigned labels, against the number chosen above, measured at the embedding. Bars are 95 % intervals, where they are known: Wilson's of the probe, that of the verdict of the margin."}
	link, shown := runLinks(gs), gs
	if len(gs) > maxSeries {
		shown = byVerdict(c.Entries)
	}
	measures := c.measures()
	first := slices.IndexFunc(measures, func(m measure) bool { return m.column == "probe" })
	for _, m := range slices.Concat(measures[first:first+1], measures[:first], measures[first+1:]) {
		chart := page.Chart{Name: m.column, Kind: page.Scatter, X: page.Axis{Label: fitName(c.Entries)}, Y: page.Axis{Label: m.column}}
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

// colour is that of a group, the same in all figures; its place in the figure where
// there are more groups than colours.
func (c *Comparison) colour(g group, place int) int {
	gs := groups(c.Entries, c.Differs)
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
	return levelsOf(levelsOf(nil, "raw pixels", baseline(entries, pixels), 2), "chance", baseline(entries, chance), page.Ink)
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

// page draws fit and probe against the axis, a curve for each setting of all else.
func (s sweep) page() page.Figure {
	f := page.Figure{ID: "figure-" + s.file(), Title: "Memorization and generalization by " + s.label,
		Caption: "Means over the seeds; bands are one sample standard deviation over them, where there are several. The fit is on the assigned labels, the probe is k-NN at the embedding with true labels."}
	first, last := s.at.of(s.at.values[0]), s.at.of(s.at.values[len(s.at.values)-1])
	x := page.Axis{Label: s.label, Low: &first, High: &last}
	for _, v := range s.at.values {
		name := printed(v)
		if math.IsInf(v, 1) {
			name = "fresh"
		}
		x.Ticks = append(x.Ticks, page.Tick{At: s.at.of(v), Name: name})
	}
	fit := func(e *Entry) float64 { return e.Outcome().BestFit() }
	probe := func(e *Entry) float64 { return e.Outcome().Probe }
	untrained := curveOf("untrained network", s.points(s.all(), func(e *Entry) float64 { return e.Outcome().Untrained }), page.Grey)
	untrained.Dashed = true
	zero := 0.0
	for _, v := range []struct {
		name string
		of   func(e *Entry) float64
	}{{"probe", probe}, {"fit", fit}} {
		c := page.Chart{Name: v.name, Kind: page.Lines, X: x, Y: page.Axis{Label: "accuracy", Low: &zero}, Levels: baselineLevels(s.all())}
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
		fitted := f.Views[1].Curves[0]
		fitted.Colour, fitted.Dashed = 1, true
		both.Curves = slices.Concat(both.Curves[:1:1], []page.Curve{fitted}, both.Curves[1:])
		f.Views = []page.Chart{both}
	}
	return f
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
	link := runLinks(groups(c.Entries, c.Differs))
	f := page.Figure{ID: "figure-layers", Title: "Layer by layer, all runs in one",
		Caption: "Of the last probe of each run; means over the seeds, with bands of one sample standard deviation where there are several. k-NN: " + visible.Line(sharedSettings(all)) + "."}
	if s := c.Omitted(); s != "" {
		f.Caption += " " + sentence(visible.Line(s))
	}
	x, byName := depthsOf(all)
	for _, m := range c.allMetrics() {
		for _, part := range m.Parts {
			if strings.HasPrefix(part.Key, "untrained") {
				continue
			}
			chart := page.Chart{Name: visible.Name(m.Title + ": " + part.Label), Kind: page.Lines, X: x, Y: metricAxis(m)}
			if byName {
				chart.Link = "layer"
			}
			for i, g := range shown {
				curve := curveOf(g.label, overLayers(g.entries, byName, part.Key), c.colour(g, i))
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
		Caption: "All charts of a view have one range. Of the last probe of each run; means over the seeds, with bands of one sample standard deviation where there are several."}
	if len(gs) > maxPanels {
		f.Caption += fmt.Sprintf(" The first %d of %d runs.", maxPanels, len(gs))
		gs = gs[:maxPanels]
	}
	for _, m := range c.allMetrics() {
		view := page.Chart{Name: visible.Name(m.Title), Kind: page.Panels}
		for _, g := range gs {
			x, byName := depthsOf(g.entries)
			chart := page.Chart{Kind: page.Lines, Title: visible.Name(g.label), X: x, Y: metricAxis(m)}
			chart.Y.Label = ""
			if byName {
				chart.Link = "layer"
			}
			for i, part := range m.Parts {
				style := partCurve(&result.Probe{}, part, i, 0)
				curve := curveOf(part.Label, overLayers(g.entries, byName, part.Key), style.Colour)
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

// epochsPage draws fit and probe against the epoch.
func (c *Comparison) epochsPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-epochs", Title: "Over training", Caption: "Means over the seeds; bands are one sample standard deviation over them, where there are several."}
	if !slices.ContainsFunc(gs, func(g group) bool {
		return slices.ContainsFunc(g.entries, func(e *Entry) bool { return len(e.Epochs) > 1 })
	}) {
		return f
	}
	link := runLinks(gs)
	shown, _ := legible(gs)
	all := entriesOf(shown)
	zero := 0.0
	for _, v := range []struct {
		name string
		of   func(e *Entry) []point
	}{{"fit to the assigned labels", (*Entry).fitPoints}, {"probe at the embedding, true labels", (*Entry).probePoints}} {
		chart := page.Chart{Name: v.name, Kind: page.Lines, X: page.Axis{Label: "epoch", Low: &zero}, Y: page.Axis{Label: "accuracy", Low: &zero}, Levels: baselineLevels(all)}
		for i, g := range shown {
			at := map[float64][]float64{}
			for _, e := range g.entries {
				for _, p := range v.of(e) {
					at[p.x] = append(at[p.x], p.y)
				}
			}
			curve := curveOf(g.label, means(at), c.colour(g, i))
			curve.Link = link[g.entries[0]]
			chart.Curves = appendKnown(chart.Curves, curve)
		}
		if len(chart.Curves) > 0 {
			f.Views = append(f.Views, chart)
		}
	}
	return f
}

// probePoints are the probes at the embedding by epoch.
func (e *Entry) probePoints() []point {
	var out []point
	for _, p := range e.Probes {
		if p.Epoch != nil {
			v, _ := embedding(p)
			out = append(out, point{x: float64(*p.Epoch), y: v})
		}
	}
	return out
}

// mapsPage shows the layers over the epochs, a map a run, a view for each number that is
// measured of layers.
func (c *Comparison) mapsPage() page.Figure {
	f := page.Figure{ID: "figure-maps", Title: "Layers over epochs", Caption: "A row a layer, from the input above, a column a probe of the run; darker is higher. All maps of a view have one range."}
	if n := len(c.mapped()); n > maxMaps {
		f.Caption += fmt.Sprintf(" The first %d of %d runs.", maxMaps, n)
	}
	for _, v := range c.epochMaps() {
		f.Views = append(f.Views, v.Chart)
	}
	return f
}

// mapped are the entries of several probes with the same layers.
func (c *Comparison) mapped() []*Entry {
	var out []*Entry
	for _, e := range c.Entries {
		var alone []*Entry // a probe each
		for _, p := range e.Probes {
			alone = append(alone, &Entry{Probes: []*result.Probe{p}})
		}
		if len(alone) > 1 && len(common(alone)) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// keyed is a chart of a number, by its key in probe.json.
type keyed struct {
	key string
	page.Chart
}

// epochMaps are the maps of every number of layers that was measured, a panel a run.
func (c *Comparison) epochMaps() []keyed {
	several := c.mapped()
	several = several[:min(maxMaps, len(several))]
	var out []keyed
	for _, m := range c.allMetrics() {
		for _, part := range m.Parts {
			view := keyed{part.Key, page.Chart{Name: visible.Name(part.Label), Kind: page.Panels}}
			if m.Name != result.NeighboursMetric {
				view.Name = visible.Name(m.Title + ": " + part.Label)
			}
			for _, e := range several {
				if cells := e.epochMap(part); hasCells(cells) {
					view.Panels = append(view.Panels, cells)
				}
			}
			if len(view.Panels) > 0 {
				out = append(out, view)
			}
		}
	}
	return out
}

// epochMap is a number of every layer at every probe; of many probes, at some, evenly
// spaced and with both ends.
func (e *Entry) epochMap(part result.Part) page.Chart {
	layers := layersOf(e.last())
	c := page.Chart{Kind: page.Matrix, Title: visible.Name(e.name()), Link: "layer", X: page.Axis{Label: "epoch"}, Y: page.Axis{Label: visible.Name(part.Label), Names: layers.Names, Full: layers.Full}}
	c.Cells = make([][]result.Number, len(layers.Names))
	probes := evenly(e.Probes, maxMapEpochs)
	for _, p := range probes {
		c.X.Names = append(c.X.Names, fmt.Sprint(*p.Epoch))
		for i := range p.Layers {
			c.Cells[i] = append(c.Cells[i], result.Number(p.Layers[i].At(part.Key, p.Settings.Headline)))
		}
	}
	return c
}
