package engine

import (
	"context"
	"maps"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// staged is a session of a graph that cannot be compiled as a whole, since shapes or
// branches depend on data: a program for what can, steps on whole values behind it, and
// sessions of what is left then, by the shapes that come out.
type staged struct {
	*session
	rest    *rest
	steps   []*eagerStep
	data    map[*Node]ops.Data // what steps and the rest read
	names   map[string]*Node   // outputs that steps compute, and inputs that are no tensors
	tail    *plans             // of what is left; nil if the steps are all
	last    Session            // of the last run, one of tail's
	turns   *int
	outer   bool // this is no part of another session
	all     []Tap
	early   []int           // the places among all of the taps of session,
	between map[*Node][]int // of those that steps compute,
	behind  []int           // and of those of tail
}

// Values is a Session of a graph in which there are sequences and optionals.
type Values interface {
	Session
	// Value returns an output, whatever it is, which is valid until the next Run; nil
	// for an unknown name.
	Value(name string) ops.Data
	// SetValue sets an input that is no tensor, which it keeps from run to run.
	SetValue(name string, d ops.Data)
}

// Value returns an output of s, whatever it is; nil for an unknown name.
func Value(s Session, name string) ops.Data {
	if v, ok := s.(Values); ok {
		return v.Value(name)
	}
	if t := s.Output(name); t != nil {
		return t
	}
	return nil
}

// SetValue sets an input of s that is no tensor, if s reads it.
func SetValue(s Session, name string, d ops.Data) {
	if v, ok := s.(Values); ok {
		v.SetValue(name, d)
	}
}

// stage makes a session of a program and the rest of its graph.
func (g *Graph) stage(p *program, r *rest, o *Options) (Session, error) {
	s := &staged{rest: r, data: map[*Node]ops.Data{}, names: map[string]*Node{}, turns: o.turns, outer: o.turns == nil,
		between: map[*Node][]int{}}
	if s.outer {
		s.turns = new(int)
	}
	if r.graph != nil {
		if p.open.waited == len(g.calls) && o.told() {
			return nil, p.open.why() // to wait for elements does not help
		}
		s.tail = &plans{graph: r.graph,
			options: Options{Pool: o.Pool, Double: o.Double, Packed: o.Packed, turns: s.turns, Outputs: []string{}}}
	}
	var taps []string
	for i, name := range o.Taps {
		n := p.open.named(name)
		tap := Tap{Name: name}
		switch p.open.when(n) {
		case loose:
			s.between[n] = append(s.between[n], i)
		case later:
			s.behind = append(s.behind, i)
			s.tail.options.Taps = append(s.tail.options.Taps, name)
		default:
			v := p.values[name]
			tap.DType, tap.Shape = v.DType, v.Shape
			s.early = append(s.early, i)
			taps = append(taps, name)
		}
		s.all = append(s.all, tap)
	}
	var l *layout
	var err error
	if s.session, l, err = g.session(p, o, taps, o.Pool, new(ops.Scratch)); err != nil {
		return nil, err
	}
	for _, name := range o.Outputs {
		switch n := p.open.named(name); p.open.when(n) {
		case loose:
			s.names[name] = n
		case later:
			s.tail.options.Outputs = append(s.tail.options.Outputs, name)
		default:
			s.session.outputs[name] = l.tensor(p.values[name])
		}
	}
	for _, n := range r.reads {
		if v := p.open.vals[n]; v != nil {
			s.data[n] = l.tensor(v)
		}
	}
	for _, n := range g.nodes {
		if d := o.value(n); d != nil {
			s.data[n], s.names[n.name] = d, n
		}
	}
	for _, e := range r.steps {
		s.steps = append(s.steps, e.bind(o, &p.open, s.turns))
	}
	return s, nil
}

// told reports whether a later stage would know nothing more of the inputs.
func (o *Options) told() bool {
	for _, t := range o.Inputs {
		if !t.Filled() {
			return false
		}
	}
	for _, d := range o.Values {
		if _, ok := d.(*tensor.Tensor); ok {
			return false
		}
	}
	return true
}

func (s *staged) Taps() []Tap { return s.all }

func (s *staged) Memory() Memory {
	m := s.session.Memory()
	if s.last != nil {
		behind := s.last.Memory()
		m.Arena, m.Scratch = m.Arena+behind.Arena, m.Scratch+behind.Scratch
	}
	return m
}

func (s *staged) Output(name string) *tensor.Tensor {
	t, _ := s.Value(name).(*tensor.Tensor)
	return t
}

// Value implements Values.
func (s *staged) Value(name string) ops.Data {
	if n := s.names[name]; n != nil {
		return s.data[n]
	}
	if t := s.session.Output(name); t != nil {
		return t
	}
	if s.last == nil {
		return nil
	}
	return Value(s.last, name)
}

// SetValue implements Values.
func (s *staged) SetValue(name string, d ops.Data) {
	if n := s.names[name]; n != nil && n.call == nil {
		s.data[n] = d
	}
}

func (s *staged) Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error {
	if s.outer {
		*s.turns = 0
	}
	s.last = nil
	among := func(places []int) func(int, *tensor.Tensor) {
		if visit == nil {
			return nil
		}
		return func(tap int, t *tensor.Tensor) { visit(places[tap], t) }
	}
	if err := s.session.Run(ctx, among(s.early)); err != nil {
		return err
	}
	for _, e := range s.steps {
		if err := e.run(ctx, s.data); err != nil {
			return err
		}
		for _, n := range e.outs {
			for _, tap := range s.between[n] {
				if t, ok := s.data[n].(*tensor.Tensor); ok && visit != nil {
					visit(tap, t)
				}
			}
		}
	}
	if s.tail == nil {
		return nil
	}
	in := map[string]ops.Data{}
	for _, n := range s.rest.leafs {
		if s.data[n] != nil {
			in[n.name] = s.data[n]
		}
	}
	var err error
	s.last, err = s.tail.run(ctx, in, among(s.behind))
	return err
}

// eagerStep is an operation on whole values, ready to be computed.
type eagerStep struct {
	*eager
	bodies []*turner
}

// bind gives the operation's bodies what they need to run.
func (e *eager) bind(o *Options, open *open, turns *int) *eagerStep {
	node := *e.node
	node.Attrs = ops.Attrs{}
	maps.Copy(node.Attrs, e.node.Attrs)
	s := &eagerStep{eager: &eager{e.call, &node}}
	captured := e.args[len(e.args)-e.captured:]
	for _, name := range slices.Sorted(maps.Keys(e.call.bodies)) {
		b := e.call.bodies[name]
		t := b.turner(o, open, captured[:len(b.Captures)], turns)
		captured = captured[len(b.Captures):]
		s.bodies = append(s.bodies, t)
		node.Attrs[name] = t
	}
	return s
}

// run computes the operation from data and puts its results there.
func (e *eagerStep) run(ctx context.Context, data map[*Node]ops.Data) error {
	own := len(e.args) - e.captured
	in := make([]ops.Data, own)
	for i, a := range e.args[:own] {
		if a != nil {
			in[i] = data[a]
		}
	}
	for _, b := range e.bodies {
		b.ctx = ctx
		for _, a := range b.reads {
			b.given[a.name] = data[a]
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.node.Stop = ctx.Done()
	var out []ops.Data
	err := guarded(e.node, func() (err error) {
		out, err = e.node.Def.Eager(e.node, in)
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	for i, n := range e.outs {
		if n.name == "" {
			continue
		}
		if i >= len(out) || out[i] == nil {
			return e.node.Errorf("output %d, %q, is not one of the operator's", i, n.name)
		}
		data[n] = out[i]
	}
	return nil
}
