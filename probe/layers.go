package probe

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"memprobe/internal/fault"
	"memprobe/internal/glob"
	"memprobe/internal/meta"
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

// Layers finds the layers of a network with one float input and names their
// roles. batch is the size of the first dimension where the model leaves it
// open, and image, if not nil, the shape [C,H,W] of one sample. logits and classes
// decide which tensor is the network's output, as onnx.Model.Logits says; no layer comes
// after it.
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
func Layers(m *onnx.Model, batch int, image []int, logits string, classes int) ([]Layer, error) {
	f, err := newFlow(m, batch, image, logits, classes)
	if err != nil {
		return nil, err
	}
	blocks := f.blocks()
	if len(blocks) < 2 {
		return nil, fault.Errorf("", "no convolution or matrix product lies between input %q and output %q", f.input, f.logits)
	}
	embedding := f.embedding(blocks)
	if name, ok := m.Metadata(meta.Embedding); ok {
		if i := slices.Index(blocks[:len(blocks)-1], name); i > 0 {
			embedding = i
		}
	}
	role := map[string]string{}
	for i, name := range blocks {
		switch {
		case i == len(blocks)-1:
			role[name] = Logits
		case i == embedding:
			role[name] = Embedding
		case name == f.input:
			role[name] = Input
		case i < embedding:
			role[name] = Block
		default:
			role[name] = Projector
		}
	}
	read := f.reads()
	var layers []Layer
	if m.Inputs()[0].DType().IsFloat() { // the pixel baseline stands for bytes
		layers = append(layers, Layer{Name: f.input, Shape: f.shape[f.input][1:], Role: role[f.input], Pool: Flatten})
	}
	for i, n := range f.nodes {
		for _, name := range n.Outputs {
			if f.isLayer(name) {
				layers = append(layers, read.of(Layer{Name: name, Op: n.Op, Index: i + 1, Shape: f.shape[name][1:], Role: role[name]}))
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
			return nil, fmt.Errorf("probe: no layer is named %q", p)
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
	input, logits string
	batch         int
	nodes         []onnx.Layer // all, in order of evaluation
	on            []bool       // the node lies on a path
	shape         map[string][]int
	float         map[string]bool
	cuts          []cut           // the tensors through which all data flow, in order
	data          map[string]bool // tensors that depend on the input's elements
}

func newFlow(m *onnx.Model, batch int, image []int, logits string, classes int) (*flow, error) {
	input, shape, err := inputOf(m, batch, image)
	if err != nil {
		return nil, err
	}
	f := &flow{input: input, batch: shape[0],
		shape: map[string][]int{input: shape}, float: map[string]bool{input: true}}
	summary := m.Inspect(batch, map[string][]int{input: shape})
	if len(summary.Problems) > 0 {
		return nil, engine.Problems(summary.Problems)
	}
	if f.nodes, err = ordered(summary.Layers); err != nil {
		return nil, err
	}
	for _, n := range f.nodes {
		for i, name := range n.Outputs {
			f.shape[name], f.float[name] = n.Shapes[i], n.DTypes[i].IsFloat() && !n.Constant
		}
	}
	in, err := m.InputTensors(batch, map[string][]int{input: shape})
	if err != nil {
		return nil, err
	}
	l, err := m.Logits(in, logits, classes)
	if err != nil {
		return nil, err
	}
	f.logits = l.Name
	f.mark()
	return f, nil
}

// inputOf returns the name of the model's input and its shape for images of the
// given shape, or of the model's own, if nil. A batch that the model fixes stays.
func inputOf(m *onnx.Model, batch int, image []int) (string, []int, error) {
	inputs := m.Inputs()
	if len(inputs) != 1 || !dataset.FeedsOn(inputs[0].DType()) {
		return "", nil, fault.Errorf("", "the model has inputs %v, want a single one of floats or uint8; extract --input feeds others", inputs)
	}
	v := inputs[0]
	given := map[string][]int{}
	if image != nil {
		given[v.Name] = slices.Concat([]int{batch}, image)
		if v.Ranked && len(v.Shape) > 0 && v.Shape[0].Size > 0 {
			given[v.Name][0] = v.Shape[0].Size
		}
	}
	shapes, err := m.InputShapes(batch, given)
	if err != nil {
		return "", nil, err
	}
	if s := shapes[v.Name]; len(s) < 2 || tensor.Len(s) < 1 {
		return "", nil, fault.Errorf("", "input %q has shape %v, want a batch of images", v.Name, s)
	}
	return v.Name, shapes[v.Name], nil
}

// ordered sorts nodes so that each comes after those that it needs; nodes that
// are so already stay where they are.
func ordered(nodes []onnx.Layer) ([]onnx.Layer, error) {
	g := simple.NewDirectedGraph()
	producer := map[string]int{}
	for i, n := range nodes {
		g.AddNode(simple.Node(i))
		for _, name := range n.Outputs {
			producer[name] = i
		}
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

// mark finds the nodes that lead from the input to the output. A shape that is
// read and computed with is no data.
func (f *flow) mark() {
	f.data = map[string]bool{f.input: true}
	f.on = make([]bool, len(f.nodes))
	for i, n := range f.nodes {
		if n.Def().OfShape || !slices.ContainsFunc(n.Inputs, func(s string) bool { return f.data[s] }) {
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
