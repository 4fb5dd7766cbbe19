package engine

import (
	"fmt"
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Options say for what a graph is compiled.
type Options struct {
	// Inputs gives every input its element type and shape. The elements of an
	// integer or boolean input belong to the plan, since they may decide
	// shapes; those of a float input are set before each run.
	Inputs map[string]*tensor.Tensor
	// Outputs names the tensors to keep; nil means the graph's outputs.
	Outputs []string
	// Taps names the tensors to show during a run, in any order.
	Taps []string
	// Pool runs the kernels; nil means the caller's goroutine alone.
	Pool *parallel.Pool
	// Double computes in float64 throughout: the oracle of gradient checks.
	Double bool
	// KeepParams keeps parameters apart from folded constants, for training.
	KeepParams bool
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
	for i, x := range t.F32 {
		out.F64[i] = float64(x)
	}
	return out
}

// Compile checks the graph for the given inputs and plans its evaluation. The
// error lists every fault of the graph, a line each.
func (g *Graph) Compile(o Options) (*Session, error) {
	p, err := g.lower(&o, o.Pool)
	if err != nil {
		return nil, err
	}
	if o.Outputs == nil {
		for _, n := range g.outputs {
			o.Outputs = append(o.Outputs, n.name)
		}
	}
	for _, name := range slices.Concat(o.Outputs, o.Taps) {
		if p.values[name] == nil {
			return nil, fmt.Errorf("the graph has no tensor %q", name)
		}
	}
	p.prune(slices.Concat(o.Outputs, o.Taps))
	return p.plan(&o)
}

// prune drops nodes whose results nothing wanted needs.
func (p *program) prune(wanted []string) {
	need := map[*ops.Value]bool{}
	for _, w := range wanted {
		need[p.values[w]] = true
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
			} else if !need[v] && j > 0 && j == len(n.Out)-1 {
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

// plan lays out memory and binds every node.
func (p *program) plan(o *Options) (*Session, error) {
	s := &Session{inputs: map[string]*tensor.Tensor{}, outputs: map[string]*tensor.Tensor{}}
	tensors := p.layout(s, o)
	var scratch ops.Scratch
	tapped := map[*ops.Value][]int{}
	for i, name := range o.Taps {
		v := p.values[name]
		s.taps = append(s.taps, Tap{Name: name, DType: v.DType, Shape: v.Shape, tensor: tensors[v]})
		tapped[v] = append(tapped[v], i)
		if v.Producer == nil || v.Const != nil {
			s.early = append(s.early, i)
		}
	}
	for _, n := range p.nodes {
		in, out := make([]*tensor.Tensor, len(n.In)), make([]*tensor.Tensor, len(n.Out))
		for i, v := range n.In {
			if v != nil {
				in[i] = tensors[v]
			}
		}
		st := step{node: n}
		for i, v := range n.Out {
			if v != nil {
				out[i] = tensors[v]
				st.taps = append(st.taps, tapped[v]...)
			}
		}
		if !n.Def.View {
			run, err := bind(n, ops.NewEnv(o.Pool, &scratch, in, out))
			if err != nil {
				return nil, err
			}
			st.run = run
		}
		s.steps = append(s.steps, st)
	}
	scratch.Allocate()
	s.memory.Scratch = scratch.Need() * 4
	for _, v := range p.inputs {
		s.inputs[v.Name] = tensors[v]
	}
	for _, name := range o.Outputs {
		s.outputs[name] = tensors[p.values[name]]
	}
	return s, nil
}

// layout makes a tensor for every value: constants as they are, float32 results
// in one arena by liveness, everything else in memory of its own.
func (p *program) layout(s *Session, o *Options) map[*ops.Value]*tensor.Tensor {
	root := p.share(o)
	blocks := map[*ops.Value]*block{}
	var list []*block
	touch := func(v *ops.Value, at int) {
		r := root[v]
		b := blocks[r]
		if b == nil {
			b = &block{size: r.Len(), first: at, last: at}
			blocks[r] = b
			list = append(list, b)
		}
		b.first, b.last = min(b.first, at), max(b.last, at)
	}
	inArena := func(v *ops.Value) bool { return v != nil && v.Const == nil && v.DType == tensor.Float32 }
	for _, v := range p.inputs {
		if inArena(v) { // a caller may keep its data in an input across runs
			touch(v, -1)
			touch(v, len(p.nodes))
		}
	}
	for i, n := range p.nodes {
		for _, v := range slices.Concat(n.In, n.Out) {
			if inArena(v) {
				touch(v, i)
			}
		}
	}
	for _, name := range o.Outputs {
		if v := p.values[name]; inArena(v) {
			touch(v, len(p.nodes))
		}
	}
	size := pack(list)
	arena := make([]float32, size)
	s.memory.Arena = size * 4
	tensors := map[*ops.Value]*tensor.Tensor{}
	var tensorOf func(v *ops.Value) *tensor.Tensor
	tensorOf = func(v *ops.Value) *tensor.Tensor {
		if t := tensors[v]; t != nil {
			return t
		}
		var t *tensor.Tensor
		switch r := root[v]; {
		case v.Const != nil:
			t = v.Const
		case inArena(v):
			b := blocks[r]
			t = tensor.From(arena[b.offset:b.offset+v.Len():b.offset+v.Len()], v.Shape...)
		case r != v:
			t = tensorOf(r).Reshape(v.Shape...)
		default:
			t = tensor.New(v.DType, v.Shape...)
		}
		tensors[v] = t
		return t
	}
	for _, v := range p.inputs {
		tensorOf(v)
	}
	for _, n := range p.nodes {
		for _, v := range slices.Concat(n.In, n.Out) {
			if v != nil {
				tensorOf(v)
			}
		}
	}
	for _, name := range slices.Concat(o.Outputs, o.Taps) {
		tensorOf(p.values[name])
	}
	return tensors
}

// share finds which values live in the memory of another: the results of views,
// and results written over an operand that nobody reads afterwards.
func (p *program) share(o *Options) map[*ops.Value]*ops.Value {
	root := map[*ops.Value]*ops.Value{}
	last := map[*ops.Value]int{} // by root: last reading step
	keep := map[*ops.Value]bool{}
	for _, v := range p.values {
		root[v] = v
	}
	for _, v := range p.inputs {
		root[v], keep[v] = v, true
	}
	for i, n := range p.nodes {
		for _, v := range n.Out {
			if v != nil {
				root[v] = v
			}
		}
		if n.Def.View && n.In[0].Const == nil && n.Out[0] != nil {
			root[n.Out[0]] = root[n.In[0]]
		}
		for _, v := range n.In {
			if v != nil && v.Const == nil {
				last[root[v]] = i
			}
		}
	}
	for _, name := range o.Outputs {
		keep[root[p.values[name]]] = true
	}
	for i, n := range p.nodes {
		if !n.Def.InPlace || len(n.Out) == 0 || n.Out[0] == nil {
			continue
		}
		a, out := n.In[0], n.Out[0]
		if a == nil || a.Const != nil || a.DType != out.DType || !slices.Equal(a.Shape, out.Shape) {
			continue
		}
		if r := root[a]; !keep[r] && last[r] == i && !keep[root[out]] && root[out] == out && once(n.In, a) {
			p.merge(root, last, out, r)
		}
	}
	return root
}

// merge moves everything that lives in from's memory to the root to.
func (p *program) merge(root map[*ops.Value]*ops.Value, last map[*ops.Value]int, from, to *ops.Value) {
	for v, r := range root {
		if r == from {
			root[v] = to
		}
	}
	last[to] = max(last[to], last[from])
}

func once(vs []*ops.Value, v *ops.Value) bool {
	count := 0
	for _, x := range vs {
		if x == v {
			count++
		}
	}
	return count == 1
}
