package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// axis is a number by which runs can be ordered.
type axis struct {
	name  string // of the figure's file
	label string
	key   string                           // of the configuration, which the number comes from
	of    func(v any) (x float64, ok bool) // +Inf: without end
	least int                              // number of values that make a figure
}

// axes returns those along which c's runs can differ: the paper's three, and every
// number of a configuration.
func (c *Comparison) axes() []axis {
	out := []axis{
		{"views", "fixed augmentations of each image", "views", endless, 2},
		{"strength", "strength of the augmentation", "augment", after("rand:"), 2},
		{"noise", "fraction of random labels", "labels", noise, 3},
	}
	for _, k := range experiment(c.Differs, "views") {
		if !strings.HasPrefix(k, "probe.") {
			out = append(out, axis{k, strings.ReplaceAll(k, "-", " "), k, plain, 3})
		}
	}
	return out
}

func plain(v any) (float64, bool) { x, ok := v.(float64); return x, ok }

// endless reads a number of which 0 means no limit.
func endless(v any) (float64, bool) {
	if x, ok := v.(float64); ok && x == 0 {
		return math.Inf(1), true
	}
	return plain(v)
}

// after reads the number behind a prefix.
func after(prefix string) func(v any) (float64, bool) {
	return func(v any) (float64, bool) {
		s, ok := strings.CutPrefix(printed(v), prefix)
		x, err := strconv.ParseFloat(s, 64)
		return x, ok && err == nil
	}
}

// noise is the fraction of labels that are drawn.
func noise(v any) (float64, bool) {
	switch v {
	case "true":
		return 0, true
	case "random":
		return 1, true
	}
	return after("noise:")(v)
}

// position puts the values of an axis on paper.
type position struct {
	values []float64 // in order
	log    bool
}

func positions(values []float64) position {
	slices.Sort(values)
	p := position{values: slices.Compact(values)}
	first, last := p.values[0], p.values[len(p.values)-1]
	p.log = first > 0 && last >= 8*first
	return p
}

// of is logarithmic over wide ranges; a value without end stands a step behind the
// greatest.
func (p position) of(x float64) float64 {
	if !p.log {
		return x
	}
	if math.IsInf(x, 1) && len(p.values) > 1 {
		return math.Log2(p.values[len(p.values)-2]) + 1
	}
	return math.Log2(x)
}

// axis sets the ticks and the range of x.
func (p position) axis(f *plot.Plot) {
	var ticks []plot.Tick
	for _, v := range p.values {
		name := printed(v)
		if math.IsInf(v, 1) {
			name = "fresh"
		}
		ticks = append(ticks, plot.Tick{Value: p.of(v), Label: name})
	}
	if p.log || len(p.values) <= 12 {
		f.X.Tick.Marker = plot.ConstantTicks(ticks)
	}
	first, last := p.of(p.values[0]), p.of(p.values[len(p.values)-1])
	f.X.Min, f.X.Max = first-0.04*(last-first), last+0.04*(last-first)
}

// sweep is the runs along an axis, a group for each setting of everything else.
type sweep struct {
	axis
	groups  []group
	omitted int // groups for which there is no room
	at      position
}

// along finds the groups of runs that have enough values on an axis.
func (c *Comparison) along(a axis) (s sweep, ok bool) {
	var on []*Entry
	for _, e := range c.Entries {
		if _, ok := a.of(e.Config[a.key]); ok && e.Run != nil {
			on = append(on, e)
		}
	}
	s.axis = a
	var values []float64
	for _, g := range groups(on, c.Differs, a.key) {
		var xs []float64
		for _, e := range g.entries {
			x, _ := a.of(e.Config[a.key])
			xs = append(xs, x)
		}
		slices.Sort(xs)
		if xs = slices.Compact(xs); len(xs) >= a.least {
			s.groups = append(s.groups, g)
			values = append(values, xs...)
		}
	}
	if len(s.groups) == 0 {
		return s, false
	}
	s.groups, s.omitted = legible(s.groups)
	s.at = positions(values)
	return s, true
}

// points are the means of a number over the seeds at each value of the axis.
func (s sweep) points(entries []*Entry, of func(e *Entry) float64) []point {
	var out []point
	for _, x := range s.at.values {
		var ys []float64
		for _, e := range entries {
			if v, _ := s.of(e.Config[s.key]); v == x {
				ys = append(ys, of(e))
			}
		}
		m, sd, _ := mean(ys)
		out = append(out, point{s.at.of(x), m, sd})
	}
	return out
}

func (s sweep) all() []*Entry {
	var out []*Entry
	for _, g := range s.groups {
		out = append(out, g.entries...)
	}
	return out
}

// tradeoff draws fit and probe against an axis: in one panel for one group of runs,
// in two for several.
func (s sweep) tradeoff() (figure, error) {
	all := s.all()
	fit := func(e *Entry) float64 { return e.Outcome().BestFit() }
	probe := func(e *Entry) float64 { return e.Outcome().Probe }
	if len(s.groups) == 1 {
		f := accuracyPlot("Memorization and generalization", s.label, "accuracy")
		s.at.axis(f)
		legend := besideLegend(f)
		err := errors.Join(
			series{label: fitName(all), points: s.points(all, fit), colour: vermillion, dash: dashed, glyph: draw.TriangleGlyph{}}.add(f, legend),
			series{label: "probe: k-NN at the embedding, true labels", points: s.points(all, probe), colour: blue, glyph: draw.CircleGlyph{}}.add(f, legend),
			s.baselines(f, legend))
		return figure{name: "tradeoff-" + s.name, panels: []*plot.Plot{f}, legend: legend, width: 4.6 * vg.Inch, height: 3.6 * vg.Inch}, err
	}
	left := accuracyPlot("Memorization of the assigned labels", s.label, fitName(all))
	right := accuracyPlot("Generalization", s.label, "probe: k-NN at the embedding, true labels")
	legend := besideLegend(left)
	s.at.axis(left)
	s.at.axis(right)
	drawn := [][]point{s.points(all, func(e *Entry) float64 { return e.Outcome().Untrained }), {{y: baseline(all, pixels)}}}
	for i, g := range s.groups {
		v := series{label: g.label, colour: marks[i].colour, glyph: marks[i].glyph}
		v.points = s.points(g.entries, fit)
		if err := v.add(left, legend); err != nil {
			return figure{}, err
		}
		v.points = s.points(g.entries, probe)
		drawn = append(drawn, v.points)
		if err := v.add(right, nil); err != nil {
			return figure{}, err
		}
	}
	leaveOut(legend, s.omitted, "settings: see the table")
	crop(right, drawn...)
	err := errors.Join(s.baselines(right, legend), level(left, nil, "", baseline(all, chance), black, dotted))
	return figure{name: s.file(), panels: []*plot.Plot{left, right}, legend: legend, width: 8 * vg.Inch, height: 3.6 * vg.Inch}, err
}

// file names the figure: that of independent labels is one of capacity.
func (s sweep) file() string {
	if s.key == "views" && slices.ContainsFunc(s.all(), (*Entry).perView) {
		return "capacity"
	}
	return "tradeoff-" + s.name
}

// baselines draws the untrained network, pixels and chance.
func (s sweep) baselines(f *plot.Plot, legend *key) error {
	all := s.all()
	return errors.Join(
		series{label: "untrained network", points: s.points(all, func(e *Entry) float64 { return e.Outcome().Untrained }),
			colour: grey, dash: dashed, glyph: draw.SquareGlyph{}}.add(f, legend),
		levels(f, legend, all))
}

// levels draws pixels and chance.
func levels(f *plot.Plot, legend *key, entries []*Entry) error {
	return errors.Join(
		level(f, legend, "raw pixels", baseline(entries, pixels), green, dotted),
		level(f, legend, "chance", baseline(entries, chance), black, dotted))
}

func untrainedProbe(o Outcome) float64 { return o.Untrained }
func pixels(o Outcome) float64         { return o.Pixels }
func chance(o Outcome) float64         { return o.Chance }

// baseline is the mean of a reference over entries.
func baseline(entries []*Entry, of func(o Outcome) float64) float64 {
	var v []float64
	for _, e := range entries {
		v = append(v, of(e.Outcome()))
	}
	m, _, _ := mean(v)
	return m
}

// byLayer draws the probes of several layers of the first group against an axis, a
// line a layer from light to dark.
func (s sweep) byLayer() (figure, bool, error) {
	g := s.groups[0].entries
	layers := common(g)
	if len(layers) == 0 {
		return figure{}, false, nil
	}
	f := accuracyPlot(fmt.Sprintf("k-NN accuracy by layer (%s)", sharedSettings(g)), s.label, "accuracy, true labels")
	if len(s.groups) > 1 {
		f.X.Label.Text += " (" + s.groups[0].label + ")"
	}
	s.at.axis(f)
	legend := besideLegend(f)
	shown, omitted := legible(layers)
	drawn := [][]point{{{y: baseline(g, pixels)}}}
	for i, name := range shown {
		l := slices.Index(layers, name)
		v := series{label: shorten(name, 40), colour: ramp(float64(i) / float64(max(1, len(shown)-1))), glyph: marks[i].glyph}
		v.points = s.points(g, func(e *Entry) float64 {
			if p := e.last(); p != nil {
				return p.Layers[l].At("knn.true", p.Settings.Headline)
			}
			return math.NaN()
		})
		drawn = append(drawn, v.points)
		if err := v.add(f, legend); err != nil {
			return figure{}, false, err
		}
	}
	leaveOut(legend, omitted, "layers")
	crop(f, drawn...)
	return figure{name: s.name + "-layers", panels: []*plot.Plot{f}, legend: legend, width: 4.6 * vg.Inch, height: 3.6 * vg.Inch}, true, levels(f, legend, g)
}
