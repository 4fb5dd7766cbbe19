package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// More than this is left to the files beside the page, which says so.
const (
	maxPageClasses = 60
	maxSettings    = 400
	maxText        = 1000 // characters of a setting
)

// pageOf is the page of p.
func pageOf(p *result.Probe) *page.Page {
	d := &page.Page{Title: "memprobe: " + visible.Name(filepath.Base(p.Model.Path)), Lead: lead(p), Numbers: keyNumbers(p),
		Kicker:      visible.Line(fmt.Sprintf("%s on %s", filepath.Base(p.Model.Path), p.Data.Spec)),
		Definitions: definitions(p), Settings: allSettings(p), Provenance: provenance(p), Citation: citation}
	d.Lead.Where = visible.Line(d.Lead.Where)
	for _, w := range p.Warnings {
		d.Notes = append(d.Notes, visible.Line(w))
	}
	if c := p.Tool.Command; c != "" {
		d.Commands = []string{visible.Line(c)}
	}
	d.Figures = pageFigures(p)
	d.Tables = []page.Table{layerRows(p)}
	if p.Against != nil {
		d.Tables = append(d.Tables, againstTables(p)...)
	}
	if c := confusions(p); c != nil {
		d.Tables = append(d.Tables, *c)
	}
	addSamples(d, p)
	return d
}

// keyNumbers are those that a reader looks for first, with their intervals.
func keyNumbers(p *result.Probe) []page.Number {
	var out []page.Number
	add := func(name string, v float64, interval string) {
		if !math.IsNaN(v) {
			out = append(out, page.Number{Name: name, Value: show(v), Interval: interval})
		}
	}
	e, b := p.AtEmbedding(), p.Baselines
	truth, assigned := embedding(p)
	add("probe at the embedding, true labels", truth, between(e.Intervals.True))
	if v := p.Verdict; v != nil {
		add("margin over untrained networks", float64(v.Margin), between(&v.CI))
		if v.OverPixels != nil {
			add("margin over "+p.RawName(), float64(v.OverPixels.Margin), between(&v.OverPixels.CI))
		}
	}
	spread := ""
	if e.Draws != nil && len(e.Draws.Accuracies) > 1 {
		spread = fmt.Sprintf("mean of %d draws, %s to %s", len(e.Draws.Accuracies),
			show(float64(slices.Min(e.Draws.Accuracies))), show(float64(slices.Max(e.Draws.Accuracies))))
	}
	add("untrained network, same place", b.Untrained.Value(), spread)
	add(p.RawName(), b.Pixels.Value(), "")
	add("chance", float64(b.Chance), "")
	add("probe at the embedding, assigned labels", assigned, "training "+samples(p)+", leave-one-out")
	add("fit to the assigned labels", p.Fit.AssignedClean.Value(), "training "+samples(p)+" as they are")
	add("fit on augmented batches", p.Fit.Augmented.Value(), "assigned labels")
	add("test accuracy of the network", p.Fit.Test.Value(), "true labels")
	return out
}

func between(i *result.Interval) string {
	if i == nil || math.IsNaN(i.Low()) {
		return ""
	}
	return fmt.Sprintf("95 %% interval %.3f to %.3f", i.Low(), i.High())
}

func definitions(p *result.Probe) []page.Definition {
	var out []page.Definition
	for _, m := range p.Described() {
		out = append(out, page.Definition{Name: visible.Name(m.Name), Title: visible.Name(m.Title),
			Text: strings.TrimSuffix(sentence(visible.Line(m.Definition)), "."), Source: visible.Line(m.Source),
			Settings: visible.Line(m.Settings), Unit: visible.Name(m.Unit)})
	}
	return out
}

// layerRows is the table of the layers, a row each.
func layerRows(p *result.Probe) page.Table {
	t := LayerTable(p, nil)
	out := page.Table{ID: "layers-table", Title: "All layers", Columns: t.Columns,
		Note: "A row a layer, in the order of the network: " + settings(p) + ".",
		Hint: "A click on a column sorts by it; a row lights its layer in all figures."}
	if text := inputRow(p); text != "" {
		out.Note += " The input's row: " + text + "."
	}
	for i, r := range t.rows {
		out.Rows = append(out.Rows, page.Row{Link: fmt.Sprintf("layer:%d", i), Cells: cellsOf(r)})
	}
	return out
}

func cellsOf(row []value) []page.Cell {
	cells := make([]page.Cell, len(row))
	for i, v := range row {
		cells[i] = page.Cell{Text: visible.Line(v.String()), Key: visible.Name(v.Key())}
	}
	return cells
}

// confusions is a table of the most frequent confusions, where there are too many
// classes for a matrix of them; nil where there are not.
func confusions(p *result.Probe) *page.Table {
	c := p.Confusion
	if c == nil || len(c.Classes) <= maxPageClasses {
		return nil
	}
	type pair struct{ truth, answer, n int }
	var all []pair
	for t, row := range c.Counts {
		for a, n := range row {
			if t != a && n > 0 {
				all = append(all, pair{t, a, n})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.n, a.n) })
	const most = 50
	out := &page.Table{ID: "confusions", Title: "Most frequent confusions",
		Columns: []string{"true class", "answer", "queries"},
		Note: fmt.Sprintf("Of %d classes, at %s, k = %d. All counts are in probe.json.",
			len(c.Classes), visible.Name(c.Layer), c.K)}
	for _, v := range all[:min(most, len(all))] {
		out.Rows = append(out.Rows, page.Row{Cells: cellsOf([]value{textual(visible.Name(c.Classes[v.truth])),
			textual(visible.Name(c.Classes[v.answer])),
			{text: fmt.Sprint(v.n), mean: float64(v.n)}})})
	}
	return out
}

// allSettings are model, data and settings as probe.json has them, flat.
func allSettings(p *result.Probe) [][2]string {
	return flat([][2]any{{"model", p.Model}, {"data", p.Data}, {"settings", p.Settings}, {"tool", p.Tool}})
}

// flat writes out what JSON says of named values, a line each, by their path in it.
func flat(of [][2]any) [][2]string {
	var out [][2]string
	for _, v := range of {
		b, err := json.Marshal(v[1])
		var tree any
		if err == nil {
			err = json.Unmarshal(b, &tree)
		}
		if err == nil {
			out = flatten(out, v[0].(string), tree)
		}
	}
	if n := len(out) - maxSettings; n > 0 {
		out = append(out[:maxSettings], [2]string{"…", fmt.Sprintf("%d more in the JSON file", n)})
	}
	return out
}

func flatten(out [][2]string, path string, v any) [][2]string {
	if m, ok := v.(map[string]any); ok {
		for _, k := range slices.Sorted(keysOf(m)) {
			out = flatten(out, path+"."+k, m[k])
		}
		return out
	}
	text := printed(v)
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = printed(e)
			if _, deep := e.(map[string]any); deep {
				b, _ := json.Marshal(e) // it came from JSON
				parts[i] = string(b)
			}
		}
		text = strings.Join(parts, ", ")
	}
	return append(out, [2]string{visible.Name(path), shortenEnd(visible.Line(text), maxText)})
}
