package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// sampleColumn is a column of samples.parquet and samples.csv. Its values are int64,
// float32, float64 or string; nil where there is none.
type sampleColumn struct {
	name string
	node parquet.Node
	of   func(s *result.Sample) any
}

// sampleColumns are those of a probe: who the image is, the depths, what its losses
// tell, and the shares of its neighbours by layer.
func sampleColumns(p *result.Probe) []sampleColumn {
	s := p.Samples
	whole := func(name string, of func(s *result.Sample) any) sampleColumn {
		return sampleColumn{name, parquet.Optional(parquet.Leaf(parquet.Int64Type)), of}
	}
	text := func(name string, of func(s *result.Sample) any) sampleColumn {
		return sampleColumn{name, parquet.Optional(parquet.String()), of}
	}
	columns := []sampleColumn{whole("index", func(s *result.Sample) any { return int64(s.Index) })}
	if slices.ContainsFunc(s.Rows, func(s result.Sample) bool { return s.File != "" }) {
		columns = append(columns, text("file", func(s *result.Sample) any { return s.File }))
	}
	columns = append(columns,
		whole("true", func(s *result.Sample) any { return int64(s.True) }),
		text("true_class", func(s *result.Sample) any { return p.Data.Classes[s.True] }),
		whole("assigned", func(s *result.Sample) any { return int64(s.Assigned) }),
		whole("prediction", func(s *result.Sample) any { return optional(s.Prediction) }),
		whole("flip_depth", func(s *result.Sample) any { return optional(s.FlipDepth) }),
		text("flip_layer", func(row *result.Sample) any {
			if row.FlipDepth == nil {
				return nil
			}
			return visible.Name(s.Layers[*row.FlipDepth])
		}),
		whole("prediction_depth", func(s *result.Sample) any { return optional(s.PredictionDepth) }))
	if s.Epochs > 0 {
		columns = append(columns, traceColumns(whole)...)
	}
	for i, name := range s.Layers {
		leaf := parquet.Leaf(parquet.FloatType)
		columns = append(columns,
			sampleColumn{"true_share." + visible.Name(name), leaf, func(s *result.Sample) any { return s.TrueShare[i] }},
			sampleColumn{"assigned_share." + visible.Name(name), leaf, func(s *result.Sample) any { return s.AssignedShare[i] }})
	}
	return columns
}

func traceColumns(whole func(name string, of func(s *result.Sample) any) sampleColumn) []sampleColumn {
	number := func(name string, of func(t *result.Trace) result.Number) sampleColumn {
		return sampleColumn{name, parquet.Optional(parquet.Leaf(parquet.DoubleType)), func(s *result.Sample) any {
			if v := float64(of(s.Trace)); !math.IsNaN(v) {
				return v
			}
			return nil
		}}
	}
	return []sampleColumn{
		whole("learning_epoch", func(s *result.Sample) any { return optional(s.Trace.Learned) }),
		whole("forgetting_events", func(s *result.Sample) any { return int64(s.Trace.Forgotten) }),
		number("cumulative_loss", func(t *result.Trace) result.Number { return t.Cumulative }),
		number("final_loss", func(t *result.Trace) result.Number { return t.Final }),
		number("loss_spread", func(t *result.Trace) result.Number { return t.Spread }),
	}
}

func optional(v *int) any {
	if v == nil {
		return nil
	}
	return int64(*v)
}

// writeSamplesCSV writes a row a training image.
func writeSamplesCSV(w io.Writer, p *result.Probe) error {
	columns := sampleColumns(p)
	c := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, col := range columns {
		row[i] = textCell(col.name)
	}
	err := c.Write(row)
	for r := range p.Samples.Rows {
		for i, col := range columns {
			switch v := col.of(&p.Samples.Rows[r]).(type) {
			case nil:
				row[i] = ""
			case string:
				row[i] = textCell(v)
			case float32:
				row[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
			case float64:
				row[i] = strconv.FormatFloat(v, 'g', -1, 64)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		if err == nil {
			err = c.Write(row)
		}
	}
	c.Flush()
	if err != nil {
		return err
	}
	return c.Error()
}

// ordered is a group whose columns keep their order; parquet.Group sorts them.
type ordered struct {
	parquet.Group
	columns []sampleColumn
}

func (o ordered) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.columns))
	for i, c := range o.columns {
		fields[i] = byName[c.name]
	}
	return fields
}

// writeSamplesParquet writes a row a training image.
func writeSamplesParquet(w io.Writer, p *result.Probe) error {
	columns := sampleColumns(p)
	group := parquet.Group{}
	for _, c := range columns {
		group[c.name] = c.node
	}
	out := parquet.NewWriter(w, parquet.NewSchema("sample", ordered{group, columns}), parquet.Compression(&parquet.Snappy),
		parquet.KeyValueMetadata("memprobe.k", strconv.Itoa(p.Samples.K)),
		parquet.KeyValueMetadata("memprobe.model", p.Model.SHA256))
	row := make(parquet.Row, len(columns))
	for r := range p.Samples.Rows {
		for i, c := range columns {
			defined := 0
			v := parquet.NullValue()
			if x := c.of(&p.Samples.Rows[r]); x != nil {
				v = parquet.ValueOf(x)
				if c.node.Optional() {
					defined = 1
				}
			}
			row[i] = v.Level(0, defined, i)
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return out.Close()
}

// AgreementTable shows how the measures of single images agree.
func AgreementTable(a *result.Agreement) *Table {
	t := &Table{Columns: append([]string{"Spearman"}, a.Measures...)}
	for i, name := range a.Measures {
		row := []value{textual(name)}
		for j := range a.Measures {
			row = append(row, value{mean: float64(a.Spearman[i][j])})
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// sampleFact says in a line what single images tell.
func sampleFact(s *result.Samples) string {
	of, what := s.Images, "images"
	if s.Mislabelled > 0 {
		of, what = s.Mislabelled, "images whose assigned label is not the true one"
	}
	flipped, seen, median := 0, 0, ""
	for _, n := range s.FlipCounts[:len(s.Layers)] {
		flipped += n
	}
	for i, n := range s.FlipCounts[:len(s.Layers)] {
		if seen += n; 2*seen >= flipped && flipped > 0 {
			median = ", half of them by " + s.Layers[i]
			break
		}
	}
	return fmt.Sprintf("of %d %s, %d flip: from a layer on, most of their %d neighbours carry the assigned label%s",
		of, what, flipped, s.K, median)
}
