package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Options say for what a graph is compiled.
type Options struct {
	// Inputs gives every input its element type and shape. An input that decides
	// shapes, or other settings of operators, belongs to the plan: its elements
	// are read from here. Those of the others are set before each run, and are
	// at first what they are here.
	Inputs map[string]*tensor.Tensor
	// Values gives the inputs that are no tensors but sequences or optionals.
	Values map[string]ops.Data
	// Outputs names the tensors to keep; nil means the graph's outputs.
	Outputs []string
	// Taps names the tensors to show during a run, in any order.
	Taps []string
	// Pieces allows that a run shows a tap several times, with some of the images of the batch
	// at a time, in their order.
	Pieces bool
	// Pool runs the kernels; nil means the caller's goroutine alone.
	Pool *parallel.Pool
	// Preparing runs what is computed once for all runs, as the packing of the weights of
	// convolutions; nil means Pool.
	Preparing *parallel.Pool
	// Double computes in float64 throughout: the oracle of gradient checks.
	Double bool
	// KeepParams keeps parameters apart from folded constants, for training;
	// those named in Frozen are constants all the same.
	KeepParams bool
	Frozen     map[string]bool
	// Packed, if not nil, is told of elements of constants that were copied in another
	// order, so that no run reads them.
	Packed func(elements []float32)

	constants map[string]*tensor.Tensor // leafs whose elements are known
	turns     *int                      // that bodies of loops made in this run; nil outside of a run
}

func (o *Options) float(d tensor.DType) tensor.DType {
	if o.Double && d == tensor.Float32 {
		return tensor.Float64
	}
	return d
}

func (o *Options) promote(t *tensor.Tensor) *tensor.Tensor {
	if o.float(t.DType) == t.DType {
		return t
	}
	out := tensor.New(tensor.Float64, t.Shape...)
	for i, x := range t.F32() {
		out.F64()[i] = float64(x)
	}
	return out
}

// Compile checks the graph for the given inputs and plans its evaluation. The
// error lists every fault of the graph, a line each. What depends on shapes that the
// data decide is compiled when a run knows them.
func (g *Graph) Compile(o Options) (Session, error) {
	p, r, err := g.plan(&o)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return g.stage(p, r, &o)
	}
	if c := p.cutBatch(&o); c != nil {
		behind, before := new(ops.Scratch), new(ops.Scratch)
		s, err := c.session(&o, behind, before)
		var full *memory.Error // a session that is not cut may take less
		switch {
		case err == nil:
			s.beside = func() (Session, error) { return c.session(&o, behind.Again(), before.Again()) }
			return s, nil
		case !errors.As(err, &full):
			return nil, err
		}
	}
	scratch := new(ops.Scratch)
	s, err := g.finished(p, &o, o.Pool, scratch)
	if err != nil {
		return nil, err
	}
	s.beside = func() (Session, error) { return g.finished(p, &o, nil, scratch.Again()) }
	return s, nil
}

// finished is a session of a program whose outputs are o's.
func (g *Graph) finished(p *program, o *Options, pool *parallel.Pool, scratch *ops.Scratch) (*session, error) {
	s, l, err := g.session(p, o, o.Taps, pool, scratch)
	if err != nil {
		return nil, err
	}
	for i, name := range o.Outputs {
		s.outputs[name] = l.tensor(p.keep[i])
	}
	return s, nil
}

// session allocates and binds a program.
func (g *Graph) session(p *program, o *Options, taps []string, pool *parallel.Pool,
	scratch *ops.Scratch) (*session, *layout, error) {
	l := p.layout()
	batch := batchOf(o.Inputs)
	if err := l.fits("a run", 0, batch, func(to int) int64 { return g.runBytes(o, batch, to) }); err != nil {
		return nil, nil, err
	}
	env := &ops.Env{Pool: pool, Preparing: o.Preparing, Packed: o.Packed}
	if o.turns == nil { // the inputs are the user's
		env.Images = batch
	}
	s, err := p.bind(l.allocate(cmp.Or(o.Preparing, pool)), taps, env, scratch)
	if err != nil {
		return nil, nil, err
	}
	s.fill(o)
	return s, l, nil
}

// fill gives the inputs the elements that the options have.
func (s *session) fill(o *Options) {
	for name, in := range s.inputs {
		if t := o.Inputs[name]; t.Filled() {
			in.Copy(o.promote(t))
		}
	}
}

// plan returns the program for the given inputs, without what nothing needs and
// with the rewrites that apply, and what is left to the run. Options.Outputs becomes
// the graph's outputs where it is nil.
func (g *Graph) plan(o *Options) (*program, *rest, error) {
	p, err := g.lower(o, o.Pool)
	if err != nil {
		return nil, nil, err
	}
	if o.Outputs == nil {
		for _, n := range g.outputs {
			o.Outputs = append(o.Outputs, n.name)
		}
	}
	var wanted []*ops.Value
	var open []*Node
	for i, name := range slices.Concat(o.Outputs, o.Taps) {
		if n := p.open.named(name); n != nil {
			open = append(open, n)
			continue
		}
		if p.values[name] == nil {
			return nil, nil, fmt.Errorf("the graph has no tensor %q", name)
		}
		if wanted = append(wanted, p.values[name]); i < len(o.Outputs) {
			p.keep = wanted
		}
	}
	r := g.rest(&p.open, open)
	if r != nil {
		read := p.open.tensors(r.reads)
		p.keep, wanted = slices.Concat(p.keep, read), slices.Concat(wanted, read)
	}
	p.prune(wanted)
	if !o.KeepParams && !o.Double {
		p.turn(p.fuse(rewrites, wanted))
	}
	return p, r, nil
}

// prune drops nodes whose results nothing wanted needs.
func (p *program) prune(wanted []*ops.Value) {
	need := map[*ops.Value]bool{}
	for _, v := range wanted {
		need[v] = true
	}
	var kept []*ops.Node
	for i := len(p.nodes) - 1; i >= 0; i-- {
		n := p.nodes[i]
		live := false
		for j, v := range n.Out {
			if v == nil {
				continue
			}
			if need[v] && v.Const == nil {
				live = true
			} else if !need[v] && j > 0 && j == len(n.Out)-1 &&
				!is(n, "BatchNormalization") { // which takes statistics by its outputs
				n.Out[j] = nil
			}
		}
		if !live {
			continue
		}
		kept = append(kept, n)
		for _, v := range n.In {
			if v != nil {
				need[v] = true
			}
		}
	}
	slices.Reverse(kept)
	p.nodes = kept
}

// bind binds every node to its tensors. env has what all nodes share.
func (p *program) bind(l *layout, taps []string, env *ops.Env, scratch *ops.Scratch) (*session, error) {
	s := &session{inputs: map[string]*tensor.Tensor{}, outputs: map[string]*tensor.Tensor{}, pool: env.Pool.Stoppable()}
	env.Fault, env.Pool = &s.fault, s.pool
	tapped := map[*ops.Value][]int{}
	for i, name := range taps {
		v := p.values[name]
		if v == nil { // another program's
			s.taps = append(s.taps, Tap{Name: name})
			continue
		}
		s.taps = append(s.taps, Tap{Name: name, DType: v.DType, Shape: v.Shape, tensor: l.tensor(v)})
		tapped[v] = append(tapped[v], i)
		if v.Producer == nil || v.Const != nil {
			s.early = append(s.early, i)
		}
	}
	for _, n := range p.nodes {
		st := step{node: n}
		for _, v := range n.Out {
			st.taps = append(st.taps, tapped[v]...)
		}
		if err := ended(p.until); err != nil {
			return nil, err
		}
		if !n.Def.View {
			run, err := bind(n, env.For(scratch, l.tensors(n.In), l.tensors(n.Out)))
			if err != nil {
				return nil, err
			}
			st.run = run
		}
		s.steps = append(s.steps, st)
	}
	if err := memory.Need("the workspace of a run", 4*int64(scratch.Need())); err != nil {
		return nil, err
	}
	scratch.Allocate()
	s.memory = Memory{Arena: l.size, Scratch: scratch.Need() * 4}
	for _, v := range p.inputs {
		s.inputs[v.Name] = l.tensor(v)
	}
	return s, nil
}
