package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
	"memprobe/report/page"
)

// WriteRewind writes rewind.json, rewind.csv and, if formats has png, rewind.png into
// dir, made if need be, and returns their paths. Every file appears whole or not at all.
func WriteRewind(dir string, r *result.Rewind, formats []string) ([]string, error) {
	f, err := rewindFigure(r)
	if err != nil {
		return nil, err
	}
	out := &folder{dir: dir}
	if slices.Contains(formats, "png") {
		out.write("rewind.png", f.png)
	}
	out.write("rewind.csv", func(w io.Writer) error { return writeRewindCSV(w, r) })
	out.write("rewind.json", r.Encode)
	return out.files, out.err
}

// rewoundRow is a row of the table with how far it is set back.
type rewoundRow struct {
	scope string // trained, plain, alone, onward
	result.Rewound
}

func rewoundRows(r *result.Rewind) []rewoundRow {
	rows := []rewoundRow{{"trained", r.Trained}, {"plain", r.Plain}}
	for i := range r.Alone {
		rows = append(rows, rewoundRow{"alone", r.Alone[i]})
	}
	for i := range r.Onward {
		rows = append(rows, rewoundRow{"onward", r.Onward[i]})
	}
	return rows
}

func writeRewindCSV(w io.Writer, r *result.Rewind) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{"scope", "block", "role", "parameters", "fit", "test", "true", "assigned"})
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	for _, row := range rewoundRows(r) {
		if err == nil {
			err = c.Write([]string{row.scope, textCell(row.Block), row.Role, strconv.FormatInt(row.Parameters, 10),
				number(row.Fit.Value()), number(row.Test.Value()), number(float64(row.Probe)), number(row.Assigned.Value())})
		}
	}
	c.Flush()
	if err != nil {
		return err
	}
	return c.Error()
}

// RewindTable has a row a block: what the network does with it alone set back, and with
// it and all after it.
func RewindTable(r *result.Rewind) *Table {
	t := &Table{Columns: []string{"block", "parameters", "fit", "true", "assigned", "fit onward", "true onward",
		"assigned onward"}}
	row := func(name string, alone, onward result.Rewound) {
		number := func(v float64) value { return value{mean: v} }
		t.rows = append(t.rows, []value{textual(name), textual(strconv.FormatInt(alone.Parameters, 10)),
			number(alone.Fit.Value()), number(float64(alone.Probe)), number(alone.Assigned.Value()),
			number(onward.Fit.Value()), number(float64(onward.Probe)), number(onward.Assigned.Value())})
	}
	nan := result.Number(math.NaN())
	row("none", r.Trained, result.Rewound{Probe: nan})
	row("none, statistics estimated", r.Plain, result.Rewound{Probe: nan})
	for i := range r.Alone {
		row(visible.Name(r.Alone[i].Block), r.Alone[i], r.Onward[i])
	}
	return t
}

// RewoundTo says in words what blocks are set back to.
func RewoundTo(r *result.Rewind) string {
	if r.Epoch == nil {
		return "drawn anew"
	}
	return fmt.Sprintf("set back to epoch %d", *r.Epoch)
}

// rewindFigure draws fit and probe by the block that is set back: at the left each
// alone, at the right with all after it.
func rewindFigure(r *result.Rewind) (figure, error) {
	charts := []page.Chart{rewoundChart("One block "+RewoundTo(r), r, r.Alone),
		rewoundChart("The block and all after it "+RewoundTo(r), r, r.Onward)}
	f, err := drawFigure("rewind", "", charts)
	f.caption = rewindCaption + " Dotted lines: no block set back."
	return f, err
}

const rewindCaption = "Fit to the assigned labels, and k-NN at the embedding, of the network with blocks set back to " +
	"other weights and the statistics of its normalisations estimated anew. " +
	"A block without which the fit falls is one that the memorization needs."

// rewoundChart draws fit and probe by the block that is set back.
func rewoundChart(name string, r *result.Rewind, rows []result.Rewound) page.Chart {
	c := page.Chart{Name: name, Kind: page.Lines, Y: accuracyAxis(),
		Levels: levelsOf(levelsOf(nil, "fit, no block set back", r.Plain.Fit.Value(), 1),
			"embedding, no block set back", float64(r.Plain.Probe), 0)}
	c.X = blocksOf(rows)
	for _, part := range rewoundParts() {
		curve := page.Curve{Name: part.name, Colour: part.colour}
		for i := range rows {
			curve.Y = append(curve.Y, result.Number(part.of(&rows[i])))
		}
		c.Curves = appendKnown(c.Curves, curve)
	}
	return c
}

// blocksOf is the axis of the blocks that are set back.
func blocksOf(rows []result.Rewound) page.Axis {
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].Block
	}
	a := axisOf(names)
	a.Label = "block"
	return a
}

// rewoundPart is a number of a network with blocks set back.
type rewoundPart struct {
	name   string
	colour int
	of     func(r *result.Rewound) float64
}

func rewoundParts() []rewoundPart {
	return []rewoundPart{
		{"fit to assigned labels", 1, func(r *result.Rewound) float64 { return r.Fit.Value() }},
		{"embedding, true labels", 0, func(r *result.Rewound) float64 { return float64(r.Probe) }},
		{"embedding, assigned labels", 2, func(r *result.Rewound) float64 { return r.Assigned.Value() }},
	}
}

// rewindPage draws the rewinding of the runs of which there is one, a view for each
// number and way of setting back, a curve a group.
func (c *Comparison) rewindPage(gs []group) page.Figure {
	f := page.Figure{ID: "figure-rewind", Title: "Which blocks the memorization needs",
		Caption: rewindCaption + " " + spread(c.over())}
	link := runLinks(gs)
	for _, way := range []struct {
		name string
		rows func(r *result.Rewind) []result.Rewound
	}{{"one block set back", func(r *result.Rewind) []result.Rewound { return r.Alone }},
		{"the block and all after it set back", func(r *result.Rewind) []result.Rewound { return r.Onward }}} {
		for _, part := range rewoundParts() {
			chart := page.Chart{Name: part.name + ", " + way.name, Kind: page.Lines, Y: accuracyAxis()}
			if part.colour != 2 {
				chart.Paper = "rewind"
			}
			for i, g := range gs {
				at := map[float64][]float64{}
				for _, e := range g.entries {
					if e.Rewind == nil {
						continue
					}
					rows := way.rows(e.Rewind)
					if chart.X.Names == nil {
						chart.X = blocksOf(rows)
					}
					if !slices.Equal(blocksOf(rows).Full, chart.X.Full) {
						continue // of other blocks, which have no place here
					}
					for j := range rows {
						at[float64(j)] = append(at[float64(j)], part.of(&rows[j]))
					}
				}
				curve := curveOf(g.label, means(at), c.colour(g, i))
				curve.Link = link[g.entries[0]]
				chart.Curves = appendKnown(chart.Curves, overNames(curve, true))
			}
			if len(chart.Curves) > 0 {
				f.Views = append(f.Views, chart)
			}
		}
	}
	return f
}
