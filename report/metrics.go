package report

import (
	"errors"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

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

// curve is how a part of a metric is drawn: by what its key says it is of, else by its
// place among the parts.
func curve(key string, i int) series {
	switch {
	case strings.HasPrefix(key, "untrained"):
		return series{colour: grey, dash: dashed, glyph: draw.SquareGlyph{}}
	case strings.HasSuffix(key, ".true"):
		return series{colour: blue, glyph: draw.CircleGlyph{}}
	case strings.HasSuffix(key, ".assigned"):
		return series{colour: vermillion, glyph: draw.TriangleGlyph{}}
	}
	m := marks[i%len(marks)]
	return series{colour: m.colour, glyph: m.glyph}
}

// metricFigure draws a metric against depth, a curve a part, with references as
// lines. The legend is apart, so that it never covers a curve.
func metricFigure(p *result.Probe, m result.Metric) (figure, error) {
	wide := vg.Length(max(5, min(12, 2+0.35*float64(len(p.Layers))))) * vg.Inch
	var drawn [][]point
	curves := make([]series, len(m.Parts))
	for i, part := range m.Parts {
		s := curve(part.Key, i)
		s.label = part.Label
		for j := range p.Layers {
			at := point{x: float64(j), y: p.Layers[j].At(part.Key, p.Settings.Headline)}
			if d := p.Layers[j].Draws; d != nil && part.Key == "untrained.true" && len(d.Accuracies) > 1 {
				at.sd = float64(d.SD)
			}
			s.points = append(s.points, at)
		}
		curves[i], drawn = s, append(drawn, s.points)
	}
	f := metricPlot(m, drawn)
	f.Title.Text = m.Title + " by layer"
	if m.Settings != "" {
		runes := func(s string) vg.Length { return vg.Length(len([]rune(s))) }
		f.Title.Text += "\n" + strings.Join(wrap(m.Settings, wide/vg.Points(5), runes), "\n")
	}
	legend := besideLegend(f)
	layerAxis(f, p)
	var failed error
	for _, s := range curves {
		failed = errors.Join(failed, s.add(f, legend))
	}
	if m.Name == result.NeighboursMetric {
		failed = errors.Join(failed, level(f, legend, "raw pixels", p.Baselines.Pixels.Value(), green, dotted))
	}
	if m.Unit == "accuracy" {
		failed = errors.Join(failed, level(f, legend, "chance", float64(p.Baselines.Chance), black, dotted))
	}
	failed = errors.Join(failed, markDepth(f, legend, p))
	return figure{metricFile(m), []*plot.Plot{f}, legend, wide, 4 * vg.Inch}, failed
}

// markDepth draws lines across the layers where memorization begins and where the
// features are best.
func markDepth(f *plot.Plot, legend *plot.Legend, p *result.Probe) error {
	if p.Depth == nil {
		return nil
	}
	var failed error
	for _, mark := range []struct {
		name, label string
		colour      color.Color
		dash        []vg.Length
	}{
		{p.Depth.Peak, "features peak at ", sky, nil},
		{p.Depth.Begins, "memorization begins at ", orange, dashed},
	} {
		at := slices.IndexFunc(p.Layers, func(l result.Layer) bool { return l.Name == mark.name })
		if at < 0 {
			continue
		}
		line, err := plotter.NewLine(plotter.XYs{{X: float64(at), Y: f.Y.Min}, {X: float64(at), Y: f.Y.Max}})
		failed = errors.Join(failed, err)
		line.LineStyle = draw.LineStyle{Color: mark.colour, Width: vg.Points(1.2), Dashes: mark.dash}
		f.Add(line)
		legend.Add(mark.label+shorten(mark.name, 26), line)
	}
	return failed
}

// metricFile names the figure of a metric over layers.
func metricFile(m result.Metric) string {
	if m.Name == result.NeighboursMetric {
		return "layers"
	}
	return strings.ReplaceAll(m.Name, "_", "-")
}

// metricPlot is an empty plot whose y axis suits a metric and the numbers that are to
// be drawn.
func metricPlot(m result.Metric, drawn [][]point) *plot.Plot {
	f := newPlot("")
	switch low, high := extent(drawn); {
	case m.Scale == result.Logarithmic && low > 0:
		f.Y.Scale, f.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		f.Y.Min, f.Y.Max = low/1.3, high*1.3
		gridY(f)
	case m.Scale == result.Fraction && low >= 0:
		f = accuracyPlot("", "", "")
	default:
		f.Y.Min, f.Y.Max = min(0, low), high+0.05*(high-min(0, low))
		gridY(f)
	}
	f.Y.Label.Text = m.Unit
	return f
}

// extent is the least and the greatest y; both 1 where there are none.
func extent(drawn [][]point) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, points := range drawn {
		for _, v := range points {
			if !math.IsNaN(v.y) {
				low, high = min(low, v.y), max(high, v.y)
			}
		}
	}
	if low > high {
		return 1, 1
	}
	return low, high
}

// logTicks are at 1, 2 and 5 times the powers of ten.
func logTicks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return ticks
}
