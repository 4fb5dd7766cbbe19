package report

import (
	"fmt"
	"slices"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// How many maps a figure holds, and how many epochs each of them.
const (
	maxMaps      = 6
	maxMapEpochs = 30
)

// epochsPage draws fit and probe against the epoch.
func (c *Comparison) epochsPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-epochs", Title: "Over training", Caption: spread(c.over())}
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
		chart := page.Chart{Name: v.name, Paper: "epochs", Kind: page.Lines, X: page.Axis{Label: "epoch", Low: &zero},
			Y: accuracyAxis(), Levels: baselineLevels(all)}
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
	f := page.Figure{ID: "figure-maps", Title: "Layers over epochs",
		Caption: "A row a layer, from the input above, a column a probe of the run; darker is higher. All maps of a " +
			"view have one range."}
	if n := len(c.mapped()); n > maxMaps {
		f.Caption += fmt.Sprintf(" %d of %d runs, evenly spaced.", maxMaps, n)
	}
	f.Views = c.epochMaps()
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

// epochMaps are the maps of every number of layers that was measured, a panel a run.
func (c *Comparison) epochMaps() []page.Chart {
	several := evenly(c.mapped(), maxMaps)
	var out []page.Chart
	for _, m := range c.allMetrics() {
		for _, part := range m.Parts {
			view := page.Chart{Name: visible.Name(part.Label),
				Paper: "map-" + strings.NewReplacer(".", "-", "_", "-").Replace(part.Key), Kind: page.Panels}
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
	c := page.Chart{Kind: page.Matrix, Title: visible.Name(e.name()), Link: "layer", X: page.Axis{Label: "epoch"},
		Y: page.Axis{Label: visible.Name(part.Label), Names: layers.Names, Full: layers.Full}}
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
