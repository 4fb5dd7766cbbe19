package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
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
		if _, ok := a.of(e.Config[a.key]); ok && e.trained() != nil {
			on = append(on, e)
		}
	}
	s.axis = a
	var values []float64
	for _, g := range c.grouped(on, a.key) {
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

// file names the figure: that of independent labels is one of capacity.
func (s sweep) file() string {
	if s.key == "views" && slices.ContainsFunc(s.all(), (*Entry).perView) {
		return "capacity"
	}
	return "tradeoff-" + s.name
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
