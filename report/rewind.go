package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
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
	t := &Table{Columns: []string{"block", "parameters", "fit", "true", "assigned", "fit onward", "true onward", "assigned onward"}}
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
	names := make([]string, len(r.Alone))
	for i, row := range r.Alone {
		names[i] = shorten(visible.Name(row.Block), 26)
	}
	wide := vg.Length(max(3.6, min(6, 1.5+0.3*float64(len(names))))) * vg.Inch
	f := figure{name: "rewind", width: 2 * wide, height: 4 * vg.Inch}
	for _, panel := range []struct {
		title string
		rows  []result.Rewound
	}{{"One block " + RewoundTo(r), r.Alone}, {"The block and all after it " + RewoundTo(r), r.Onward}} {
		p := accuracyPlot(panel.title, "block", "accuracy")
		p.X.Tick.Marker = nameTicks(names, 30)
		p.X.Tick.Label.Rotation = math.Pi / 5
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YTop
		p.X.Min, p.X.Max = -0.3, float64(max(len(names), 2))-0.7
		var legend *key
		if f.legend == nil {
			f.legend = besideLegend(p)
			legend = f.legend
		}
		curves := []series{
			{label: "fit to assigned labels", colour: vermillion, glyph: draw.TriangleGlyph{}},
			{label: "embedding, true labels", colour: blue, glyph: draw.CircleGlyph{}},
			{label: "embedding, assigned labels", colour: green, glyph: draw.SquareGlyph{}},
		}
		for i, row := range panel.rows {
			for c, v := range []float64{row.Fit.Value(), float64(row.Probe), row.Assigned.Value()} {
				curves[c].points = append(curves[c].points, point{x: float64(i), y: v})
			}
		}
		var failed error
		for _, s := range curves {
			failed = errors.Join(failed, s.add(p, legend))
		}
		failed = errors.Join(failed,
			level(p, legend, "fit, no block set back", r.Plain.Fit.Value(), vermillion, dashed),
			level(p, legend, "embedding, no block set back", float64(r.Plain.Probe), blue, dashed))
		if failed != nil {
			return f, failed
		}
		f.panels = append(f.panels, p)
	}
	return f, nil
}
