package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// AgainstSentence says how the network agrees with another one at the embedding.
func AgainstSentence(p *result.Probe) string {
	a := p.Against
	s := fmt.Sprintf("against %s, on %d queries and %d training images",
		visible.Name(filepath.Base(a.Model.Path)), a.Queries, a.Sampled)
	for _, m := range a.Matches {
		if m.Layer == p.Model.Embedding {
			s += fmt.Sprintf(": at the embedding linear CKA %s, of %d neighbours %s in common (by chance %s); the "+
				"neighbours answer %d queries differently", show(float64(m.CKA)), a.K, percent(float64(m.Shared)),
				percent(float64(a.Chance)), m.Differ)
		}
	}
	if a.Predictions != nil {
		s += fmt.Sprintf(", the networks themselves %d", *a.Predictions)
	}
	return s
}

// classOf is the name of a class, its number where it has none.
func classOf(p *result.Probe, y int) string {
	if y < 0 || y >= len(p.Data.Classes) {
		return strconv.Itoa(y)
	}
	return p.Data.Classes[y]
}

func whole(n int) value { return value{text: strconv.Itoa(n), mean: float64(n)} }

// MatchTable has a row a layer with the other network's layer that matches it.
func MatchTable(a *result.Against) *Table {
	t := &Table{Columns: []string{"layer", "against", "by", "cka", "shared", "shared 95 %", "jaccard", "true",
		"true against", "differ", "right alone", "against alone", "p"}}
	for _, m := range a.Matches {
		row := []value{textual(visible.Name(m.Layer)), textual(visible.Name(m.Other)), textual(m.By),
			{mean: float64(m.CKA)}, {mean: float64(m.Shared)}, interval(m.SharedCI), {mean: float64(m.Jaccard)},
			{mean: float64(m.True)}, {mean: float64(m.OtherTrue)}, whole(m.Differ)}
		if m.McNemar == nil {
			m.McNemar = &result.McNemar{P: result.Number(math.NaN())}
		}
		t.rows = append(t.rows, append(row, whole(m.McNemar.First), whole(m.McNemar.Second),
			value{mean: float64(m.McNemar.P)}))
	}
	return t
}

// DifferTable has a row a query that the neighbours at the embedding answer differently,
// the first most of Against.Differ.
func DifferTable(p *result.Probe, most int) *Table {
	a := p.Against
	t := &Table{Columns: []string{"index", "file", "true", "neighbours", "against neighbours", "prediction",
		"against prediction", "shared"}}
	class := func(y *int) value {
		if y == nil {
			return textual("")
		}
		return textual(visible.Name(classOf(p, *y)))
	}
	for _, d := range a.Differ[:min(most, len(a.Differ))] {
		t.rows = append(t.rows, []value{whole(d.Index), textual(visible.Name(d.File)), class(&d.True),
			class(&d.Neighbours), class(&d.OtherNeighbours), class(d.Prediction), class(d.OtherPrediction),
			{mean: float64(d.Shared)}})
	}
	t.dropEmpty()
	return t
}

// againstPage shows all layers of the network against all of the other one.
func againstPage(p *result.Probe) page.Figure {
	a := p.Against
	f := page.Figure{ID: "figure-against-layers",
		Title:  "All layers against those of " + visible.Name(filepath.Base(a.Model.Path)),
		Source: "Kornblith et al. 2019; Song et al. 2012",
		Caption: fmt.Sprintf("A row a layer of the network, a column a layer of the other one. Debiased linear "+
			"CKA on %d training images, and the share of the %d nearest neighbours in the bank %q that both "+
			"have, mean of %d queries (by chance %s).",
			a.Sampled, a.K, a.Bank, a.Queries, show(float64(a.Chance)))}
	names := make([]string, len(a.Layers))
	for i, l := range a.Layers {
		names[i] = l.Name
	}
	across := axisOf(names)
	across.Label = visible.Name(filepath.Base(a.Model.Path))
	down := layersOf(p)
	for _, v := range []struct {
		name  string
		cells [][]result.Number
	}{{"debiased linear CKA", a.CKA}, {"neighbours in common", a.Shared}} {
		c := page.Chart{Name: v.name, Paper: "against-layers", Kind: page.Matrix, Link: "layer", X: across, Y: down,
			Cells: v.cells}
		c.Y.Label = v.name
		if hasCells(c) {
			f.Views = append(f.Views, c)
		}
	}
	return f
}

// againstTables are the matches, and the queries on which the networks differ.
func againstTables(p *result.Probe) []page.Table {
	out := []page.Table{tableOf("against-matches", "Layers and their matches", AgainstSentence(p)+
		". A layer's match has its name, or else its role, or else the greatest CKA. Shares of neighbours with the "+
		"95 % interval over the queries; right alone: queries that the neighbours of one network alone answer "+
		"rightly, p by McNemar's exact test.", MatchTable(p.Against))}
	if len(p.Against.Differ) > 0 {
		out = append(out, tableOf("against-differ", "Where the networks differ",
			"Queries that the neighbours at the embedding answer differently, those with the fewest common "+
				"neighbours; all queries are in against.csv.", DifferTable(p, len(p.Against.Differ))))
	}
	return out
}

func tableOf(id, title, note string, t *Table) page.Table {
	out := page.Table{ID: id, Title: title, Note: note, Columns: t.Columns}
	for _, r := range t.rows {
		out.Rows = append(out.Rows, page.Row{Cells: cellsOf(r)})
	}
	return out
}

// writePairsCSV writes a row for each pair of layers.
func writePairsCSV(w io.Writer, p *result.Probe) error {
	a := p.Against
	rows := [][]string{{"layer", "against", "cka", "shared", "match"}}
	for i := range a.CKA {
		for j := range a.CKA[i] {
			by := ""
			for _, m := range a.Matches {
				if m.Layer == p.Layers[i].Name && m.Other == a.Layers[j].Name {
					by = m.By
				}
			}
			rows = append(rows, []string{textCell(visible.Name(p.Layers[i].Name)),
				textCell(visible.Name(a.Layers[j].Name)), digits(a.CKA[i][j]), digits(a.Shared[i][j]), by})
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// digits is a number in full, "" if it was not measured.
func digits(v result.Number) string {
	if !known(v) {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 64)
}

// writeAgainstCSV writes a row a query: who it is, what both networks answer, and at each
// layer and its match what the neighbours answer and the share of them in common.
func writeAgainstCSV(w io.Writer, p *result.Probe) error {
	a := p.Against
	files := slices.ContainsFunc(a.Rows, func(d result.Differed) bool { return d.File != "" })
	head := []string{"index"}
	if files {
		head = append(head, "file")
	}
	head = append(head, "true", "true_class", "prediction", "against_prediction")
	for _, m := range a.Matches {
		name := visible.Name(m.Layer)
		head = append(head, "neighbours."+name, "against_neighbours."+name, "shared."+name)
	}
	rows := [][]string{head}
	answer := func(y *int) string {
		if y == nil {
			return ""
		}
		return strconv.Itoa(*y)
	}
	for _, d := range a.Rows {
		row := []string{strconv.Itoa(d.Index)}
		if files {
			row = append(row, textCell(visible.Name(d.File)))
		}
		row = append(row, strconv.Itoa(d.True), textCell(visible.Name(classOf(p, d.True))), answer(d.Prediction),
			answer(d.OtherPrediction))
		for _, at := range d.ByMatch {
			row = append(row, strconv.Itoa(at.Neighbours), strconv.Itoa(at.OtherNeighbours),
				strconv.FormatFloat(float64(at.Shared), 'g', -1, 32))
		}
		rows = append(rows, row)
	}
	return csv.NewWriter(w).WriteAll(rows)
}
