package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"

	visible "memprobe/internal/show"
	"memprobe/probe/result"
)

// Columns are the numbers that were measured of some layer of p, in the order of its
// metrics: heads of the columns of its table.
func Columns(p *result.Probe) []string {
	var out []string
	for _, c := range measuredParts(p) {
		out = append(out, c.Column)
	}
	return out
}

func measuredParts(p *result.Probe) []result.Part {
	var out []result.Part
	for _, m := range p.Described() {
		for _, part := range m.Parts {
			if measured(p, part.Key) {
				out = append(out, part)
			}
		}
	}
	return out
}

func measured(p *result.Probe, key string) bool {
	return slices.ContainsFunc(p.Layers, func(l result.Layer) bool { return !math.IsNaN(l.At(key, p.Settings.Headline)) })
}

// LayerTable has a row a layer of p. columns are heads of columns in the order in which
// they are shown, or nil for all of Columns; those that were not measured are empty.
func LayerTable(p *result.Probe, columns []string) *Table {
	if columns == nil {
		columns = Columns(p)
	}
	keys := map[string]string{}
	for _, part := range measuredParts(p) {
		keys[part.Column] = part.Key
	}
	t := &Table{Columns: slices.Concat([]string{"layer", "role", "dim"}, columns)}
	for i := range p.Layers {
		l := &p.Layers[i]
		row := []value{textual(visible.Name(l.Name)), textual(l.Role), {text: strconv.Itoa(l.Dim), mean: float64(l.Dim)}}
		for _, c := range columns {
			row = append(row, value{mean: l.At(keys[c], p.Settings.Headline)})
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// metricFile names the figure of a metric over layers.
func metricFile(m result.Metric) string {
	if m.Name == result.NeighboursMetric {
		return "layers"
	}
	return strings.ReplaceAll(m.Name, "_", "-")
}

// roundTicks are at about five multiples of 1, 2 or 5 times a power of ten.
func roundTicks(low, high float64) []plot.Tick {
	if !(high > low && high-low < 1e12 && high-low > 1e-12*max(math.Abs(low), math.Abs(high))) {
		return ends(low, high)
	}
	rough := (high - low) / 5
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, m := range []float64{5, 2, 1} {
		if m*power >= 0.8*rough {
			step = m * power
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step+0, 'f', digits, 64)})
	}
	return ticks
}

// logTicks are at 1, 2 and 5 times the powers of ten, or at the powers alone where
// there are many; of a range beyond twelve powers, at its ends.
func logTicks(low, high float64) []plot.Tick {
	if !(math.Log10(high)-math.Log10(low) <= 12) {
		return ends(low, high)
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		steps := []float64{1, 2, 5}
		if high/low > 1e4 {
			steps = steps[:1]
		}
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return ticks
}
