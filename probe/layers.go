package probe

import (
	"fmt"
	"maps"
	"slices"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"memprobe/internal/fault"
	"memprobe/internal/glob"
	"memprobe/internal/meta"
	"memprobe/internal/suggest"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
)

// The roles of layers.
const (
	Input     = "input"     // what the network is given
	Block     = "block"     // output of a block of the encoder
	Embedding = "embedding" // output of the encoder
	Projector = "projector" // hidden layer of the head after the embedding
	Logits    = "logits"    // output of the network
)

// Layer is a tensor that can be probed: float, with the batch as its first
// dimension.
type Layer struct {
	Name  string // of the tensor
	Op    string // operator that computes it; "" for the graph's input
	Index int    // place of that operator in the order of evaluation, from 1; 0 for the input
	Shape []int  // of one sample
	Role  string // "" for a layer inside a block
	// Tokens is the length of the sequence [T,D] that the head reads, where the layer
	// holds as many; else 0. Pool is what Auto makes of the layer, and Reads says why.
	Tokens int
	Pool   Pooling
	Reads  string
}

// Layers finds the layers of a network and names their roles. batch is the size of the
// first dimension where the model leaves it open, and sample, if not nil, the arrays that
// its inputs take, or one Image. logits and classes decide which tensor is the network's
// output, as onnx.Model.Logits says; no layer comes after it. A network without scores
// [N,classes], but with one output of tokens or maps, ends in that, its embedding; where
// that scores each word of the vocabulary, the embedding is what the scores are made of.
//
// Inputs called masks, and conditions that are computed, are no data that flow.
//
// A block ends where all data flows through one tensor: a tensor on every path
// from the input to the output, as are the sums after attention and MLP and the outputs
// of residual blocks, but not what lies beside a skip connection; or a concatenation of
// all tensors that are still needed, as after each layer of a dense block. Of such
// tensors with no convolution or matrix product between them (a convolution's result,
// its normalisation, activation and pooling) the last stands for all; but of blocks that
// normalise what they read, not what they yield, the last one's output, normalised
// behind, stands for itself. The embedding is the block
// that the metadata name; without that the first one that is a vector for each
// sample and followed by such alone, or, in a network of vectors from the start or
// one whose head is a convolution, the last block before the logits. What comes
// between embedding and logits is the projector.
func Layers(m *onnx.Model, batch int, sample []dataset.Array, logits string, classes int) ([]Layer, error) {
	return LayersOf(m, nil, batch, sample, logits, classes)
}

// LayersOf is Layers of a model that was inspected, if for the inputs' shapes of the
// layers; else, or where known is nil, it is inspected.
func LayersOf(m *onnx.Model, known *onnx.Summary, batch int, sample []dataset.Array, logits string,
	classes int) ([]Layer, error) {
	f, err := newFlow(m, known, batch, sample, logits, classes)
	if err != nil {
		return nil, err
	}
	blocks := f.blocks()
	if len(blocks) < 2 {
		return nil, fault.Errorf("", "no convolution or matrix product lies between input %q and output %q",
			f.input(), f.logits)
	}
	embedding := len(blocks) - 1
	switch {
	case f.scores:
		embedding = f.embedding(blocks)
	case len(blocks) > 2 && f.scoresWords(m, blocks):
		embedding--
	}
	if name, ok := m.Metadata(meta.Embedding); ok {
		if i := slices.Index(blocks[:len(blocks)-1], name); i > 0 {
			embedding = i
		}
	}
	role := map[string]string{}
	for i, name := range blocks {
		switch {
		case i == len(blocks)-1 && f.scores:
			role[name] = Logits
		case i == embedding:
			role[name] = Embedding
		case name == f.input():
			role[name] = Input
		case i < embedding:
			role[name] = Block
		default:
			role[name] = Projector
		}
	}
	read := f.reads()
	var layers []Layer
	if f.in.float { // the pixel baseline stands for bytes, and for arrays
		layers = append(layers, Layer{Name: f.input(), Shape: f.shape[f.input()][1:], Role: role[f.input()], Pool: Flatten})
	}
	for i, n := range f.nodes {
		for _, name := range n.Outputs {
			if f.isLayer(name) {
				layers = append(layers, read.of(Layer{Name: name, Op: n.Op, Index: i + 1,
					Shape: f.shape[name][1:], Role: role[name]}))
			}
			if name == f.logits {
				return layers, nil
			}
		}
	}
	return layers, nil
}

// Select keeps the layers that patterns ask for, in order: "blocks" the ones
// with a role, "all" every one, anything else the tensors whose name matches as in
// package glob. The embedding and the logits are
// always among them. A pattern that nothing matches is an error.
func Select(layers []Layer, patterns []string) ([]Layer, error) {
	keep := make([]bool, len(layers))
	for _, p := range patterns {
		matched := false
		for i, l := range layers {
			if p == "all" || p == "blocks" && l.Role != "" || glob.Match(p, l.Name) {
				keep[i], matched = true, true
			}
		}
		if !matched {
			names := []string{"all", "blocks"}
			for _, l := range layers {
				names = append(names, l.Name)
			}
			return nil, &SettingError{"layers", fmt.Errorf("%q, want names of layers, as memprobe inspect lists them%s", p,
				suggest.DidYouMean(p, names))}
		}
	}
	var selected []Layer
	for i, l := range layers {
		if keep[i] || l.Role == Embedding || l.Role == Logits {
			selected = append(selected, l)
		}
	}
	return selected, nil
}

// flow is the part of a graph that lies between its input and its output.
type flow struct {
	in     *inputs
	logits string // or the output of a network that has no scores
	scores bool
	batch  int
	nodes  []onnx.Layer // all, in order of evaluation
	on     []bool       // the node lies on a path
	shape  map[string][]int
	float  map[string]bool
	cuts   []cut           // the tensors through which all data flow, in order
	data   map[string]bool // tensors that depend on the inputs' elements
}

func (f *flow) input() string { return f.in.first() }

func newFlow(m *onnx.Model, known *onnx.Summary, batch int, sample []dataset.Array, logits string,
	classes int) (*flow, error) {
	in, err := inputsOf(m, batch, sample)
	if err != nil {
		return nil, err
	}
	f := &flow{in: in, batch: in.batch, shape: map[string][]int{}, float: map[string]bool{}}
	for _, a := range in.arrays {
		f.shape[a.Name], f.float[a.Name] = in.shapes[a.Name], !a.Integer
	}
	if known == nil || !maps.EqualFunc(known.Shapes, in.shapes, slices.Equal) {
		known = m.Inspect(in.batch, in.shapes)
	}
	if len(known.Problems) > 0 {
		return nil, engine.Problems(known.Problems)
	}
	if f.nodes, err = ordered(known.Layers); err != nil {
		return nil, err
	}
	for _, n := range f.nodes {
		for i, name := range n.Outputs {
			f.shape[name], f.float[name] = n.Shapes[i], n.DTypes[i].IsFloat() && !n.Constant
		}
	}
	l, err := known.Logits(logits, classes)
	f.logits, f.scores = l.Name, err == nil
	if err != nil {
		if f.logits = f.end(m, logits); f.logits == "" {
			return nil, err
		}
	}
	f.mark()
	return f, nil
}

// end is the output of a network without scores: the one that is asked for, or the only
// one of floats, where it has more than two dimensions; "" where there is none.
func (f *flow) end(m *onnx.Model, want string) string {
	var found []string
	for _, v := range m.Outputs() {
		if f.isLayer(v.Name) && (want == "" || want == v.Name) {
			found = append(found, v.Name)
		}
	}
	if len(found) != 1 || len(f.shape[found[0]]) < 3 {
		return ""
	}
	return found[0]
}

// ordered sorts nodes so that each comes after those that it needs; nodes that
// are so already stay where they are.
func ordered(nodes []onnx.Layer) ([]onnx.Layer, error) {
	producer := map[string]int{}
	for i, n := range nodes {
		for _, name := range n.Outputs {
			producer[name] = i
		}
	}
	inOrder := true
	for i, n := range nodes {
		for _, name := range n.Inputs {
			j, ok := producer[name]
			inOrder = inOrder && (!ok || name == "" || j <= i)
		}
	}
	if inOrder {
		return nodes, nil
	}
	g := simple.NewDirectedGraph()
	for i := range nodes {
		g.AddNode(simple.Node(i))
	}
	for i, n := range nodes {
		for _, name := range n.Inputs {
			if j, ok := producer[name]; ok && name != "" && j != i {
				g.SetEdge(g.NewEdge(simple.Node(j), simple.Node(i)))
			}
		}
	}
	sorted, err := topo.SortStabilized(g, nil)
	if err != nil {
		return nil, fault.Errorf("", "the graph has a cycle")
	}
	out := make([]onnx.Layer, len(nodes))
	for i, n := range sorted {
		out[i] = nodes[n.ID()]
	}
	return out, nil
}

// isLayer reports whether a tensor can be probed.
func (f *flow) isLayer(name string) bool {
	s := f.shape[name]
	return f.float[name] && len(s) > 0 && s[0] == f.batch && tensor.Len(s) > 0
}

// isCondition tells whether a node yields bools alone.
func isCondition(n onnx.Layer) bool {
	return !slices.ContainsFunc(n.DTypes, func(d tensor.DType) bool { return d != tensor.Bool })
}

// mark finds the nodes that lead from the inputs to the output. A shape that is
// read and computed with is no data, nor is a mask, nor a condition.
func (f *flow) mark() {
	f.data = map[string]bool{}
	for _, a := range f.in.arrays {
		f.data[a.Name] = !f.in.isMask(a.Name)
	}
	f.on = make([]bool, len(f.nodes))
	for i, n := range f.nodes {
		if n.Def().OfShape || isCondition(n) || !slices.ContainsFunc(n.Inputs, func(s string) bool { return f.data[s] }) {
			continue
		}
		f.on[i] = true
		for _, name := range n.Outputs {
			f.data[name] = name != ""
		}
	}
	back := map[string]bool{f.logits: true}
	for i := len(f.nodes) - 1; i >= 0; i-- {
		n := f.nodes[i]
		f.on[i] = f.on[i] && slices.ContainsFunc(n.Outputs, func(s string) bool { return back[s] })
		if !f.on[i] {
			continue
		}
		for _, name := range n.Inputs {
			back[name] = name != ""
		}
	}
}
