package engine

import (
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// rewrite replaces a node, together with nodes before it whose results nobody
// else reads, by one that computes the same; nil where it does not apply. A value
// that is shown or returned is read by its reader, so that it stays.
type rewrite struct {
	name  string
	apply func(f *fuser, n *ops.Node) *ops.Node
}

// rewrites are those for inference, tried on every node in this order, and again on what they return.
// Each is anchored at the last node of its pattern: by the order of the program
// everything before that is fused already.
var rewrites = []rewrite{
	{"nothing", (*fuser).nothing},
	{"Expand", (*fuser).stretched},
	{"GlobalAveragePool", (*fuser).globalAverage},
	{"Gelu", (*fuser).gelu},
	{"GeluTanh", (*fuser).geluTanh},
	{"Silu", (*fuser).silu},
	{"HardSwish", (*fuser).hardSwish},
	{"LayerNormalization", (*fuser).layerNorm},
	{"affine", (*fuser).affine},
	{"Pad+Conv", (*fuser).padConv},
	{"Pad+AveragePool", (*fuser).padAverage},
	{"product", (*fuser).product},
	{"residual", (*fuser).residual},
	{"clamp", (*fuser).clamp},
	{"product's result moved", (*fuser).moveProduct},
	{"integers", (*fuser).requantise},
	{"bytes moved", (*fuser).moveBytes},
	{"bytes that stay", (*fuser).requantiseMoved},
}

// fuser applies rewrites to a program.
type fuser struct {
	builder *ops.Builder
	reads   map[*ops.Value]int // operands that are the value, and one if it is wanted
	fired   map[string]int     // by name of the rewrite
	frozen  map[string]bool    // of the program
}

// fuse applies rules to the program. Only the values wanted keep existing.
func (p *program) fuse(rules []rewrite, wanted []*ops.Value) *fuser {
	f := &fuser{ops.NewBuilder("fused"), map[*ops.Value]int{}, map[string]int{}, p.frozen}
	for _, v := range wanted {
		f.reads[v]++
	}
	for _, n := range p.nodes {
		f.count(n, 1)
	}
	for i := range p.nodes {
		for changed := true; changed; {
			changed = false
			for _, r := range rules {
				if by := r.apply(f, p.nodes[i]); by != nil {
					f.replace(p.nodes[i], by)
					p.nodes[i] = by
					f.fired[r.name]++
					changed = true
				}
			}
		}
	}
	p.nodes = slices.DeleteFunc(p.nodes, func(n *ops.Node) bool {
		return !slices.ContainsFunc(n.Out, func(v *ops.Value) bool { return v != nil && v.Producer == n && f.reads[v] > 0 })
	})
	return f
}

func (f *fuser) count(n *ops.Node, by int) {
	for _, v := range n.In {
		if v != nil {
			f.reads[v] += by
		}
	}
}

// replace lets by compute n's results, and forgets what only n read.
func (f *fuser) replace(n, by *ops.Node) {
	f.count(by, 1)
	f.release(n)
	by.Out = n.Out
	for _, v := range by.Out {
		if v != nil {
			v.Producer = by
		}
	}
}

// release takes back n's reads; producers that nobody reads any more go too.
func (f *fuser) release(n *ops.Node) {
	for _, v := range n.In {
		if v == nil {
			continue
		}
		if f.reads[v]--; f.reads[v] == 0 && v.Producer != nil && v.Const == nil && f.unread(v.Producer) {
			f.release(v.Producer)
		}
	}
}

func (f *fuser) unread(n *ops.Node) bool {
	for _, v := range n.Out {
		if v != nil && f.reads[v] > 0 {
			return false
		}
	}
	return true
}

// sole returns the node that computes v if v is its one result that is read, and
// read once.
func (f *fuser) sole(v *ops.Value) *ops.Node {
	if v == nil || v.Const != nil || v.Producer == nil || f.reads[v] != 1 {
		return nil
	}
	for _, o := range v.Producer.Out {
		if o != nil && o != v && f.reads[o] > 0 {
			return nil
		}
	}
	return v.Producer
}

// node returns an operator of the table for replace to put into the program.
func (f *fuser) node(domain, op string, like *ops.Node, attrs ops.Attrs, in ...*ops.Value) *ops.Node {
	def, err := ops.Lookup(domain, op, ops.Newest)
	if err != nil {
		return nil
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	return &ops.Node{Name: like.Name, Op: op, Domain: domain, Opset: ops.Newest, Attrs: attrs, In: in, Def: def}
}

// is reports whether n is one of ONNX's operators of the given names.
func is(n *ops.Node, names ...string) bool {
	return n != nil && n.Domain == "" && slices.Contains(names, n.Op)
}

// float reports whether n computes float32.
func float(n *ops.Node) bool {
	return len(n.Out) > 0 && n.Out[0] != nil && n.Out[0].DType == tensor.Float32
}

// constant returns the one element that a constant float32 value has throughout.
// A weight in training is not constant.
func constant(v *ops.Value) (float64, bool) {
	if v == nil || v.Const == nil || v.Param || v.DType != tensor.Float32 || v.Len() == 0 {
		return 0, false
	}
	first := v.Const.F32()[0]
	if slices.ContainsFunc(v.Const.F32(), func(x float32) bool { return x != first }) {
		return 0, false
	}
	return float64(first), true
}
