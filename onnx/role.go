package onnx

import (
	"cmp"
	"slices"
	"strings"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Role is what a parameter is for.
type Role = ops.Role

// The roles.
const (
	ConvWeight = ops.ConvWeight
	Matrix     = ops.Matrix
	Bias       = ops.Bias
	Scale      = ops.Scale
	Mean       = ops.Mean
	Variance   = ops.Variance
	Slope      = ops.Slope
	Embedding  = ops.Embedding
	Recurrent  = ops.Recurrent
	Quantised  = ops.Quantised
	Other      = ops.Other
)

// isWeight reports whether a parameter mixes what it is multiplied with.
func isWeight(r Role) bool { return r == ConvWeight || r == Matrix || r == Recurrent }

// defOf returns the newest version of a node's operator.
func defOf(n *onnxpb.NodeProto) *ops.Def { return newest(n.GetDomain(), n.GetOpType()) }

// newest returns the newest version of an operator; a definition that says nothing where
// there is none.
func newest(domain, op string) *ops.Def {
	if d, err := ops.Lookup(Domain(domain), op, ops.Newest); err == nil {
		return d
	}
	return &ops.Def{}
}

// use is a node that reads a tensor as its operand number arg.
type use struct {
	at, arg int // at is the place of the node
	node    *onnxpb.NodeProto
}

// found is the use that decides what a constant is for.
type found struct {
	use
	role    Role
	operand string   // what the constant has become there
	pixels  bool     // the use normalises the input
	met     *ops.Def // the first operator on the way that computes, not moves; nil if there is none
}

// uses tells what the constants of a graph are for.
type uses struct {
	readers  map[string][]use
	fixed    map[string]bool // tensors that are computed from constants alone
	images   map[string]int  // the input's pixels, normalised or not: the number of channels
	memo     map[string]found
	visiting map[string]bool
}

func newUses(m *Model, nodes []*onnxpb.NodeProto) *uses {
	u := &uses{readers: map[string][]use{}, fixed: map[string]bool{}, images: map[string]int{},
		memo: map[string]found{}, visiting: map[string]bool{}}
	for _, name := range m.Initializers() {
		u.fixed[name] = true
	}
	for _, v := range m.Inputs() {
		if len(v.Shape) == 4 {
			u.images[v.Name] = cmp.Or(max(v.Shape[1].Size, 0), max(v.Shape[3].Size, 0), 4)
		}
	}
	for at, n := range nodes {
		for arg, name := range n.Input {
			if name != "" {
				u.readers[name] = append(u.readers[name], use{at, arg, n})
			}
		}
	}
	for grown := true; grown; { // once more than needed, where the nodes are in order
		grown = false
		for _, n := range nodes {
			grown = u.spread(n) || grown
		}
	}
	return u
}

// spread marks the results of a node that reads constants alone, or takes in pixels,
// and reports whether there are new ones.
func (u *uses) spread(n *onnxpb.NodeProto) bool {
	grown := false
	if defOf(n).OfShape || !slices.ContainsFunc(n.Input, u.isData) {
		for _, out := range n.Output {
			grown = grown || !u.fixed[out]
			u.fixed[out] = true
		}
		return grown
	}
	if channels := u.pixels(n); channels > 0 && len(n.Output) > 0 {
		grown = u.images[n.Output[0]] != channels
		u.images[n.Output[0]] = channels
	}
	return grown
}

// isData reports whether a tensor depends on an input of the graph.
func (u *uses) isData(name string) bool { return name != "" && !u.fixed[name] }

// pixels returns the number of channels of the input's pixels where n takes them in
// and gives them back, shifted or scaled by constants; else 0.
func (u *uses) pixels(n *onnxpb.NodeProto) int {
	switch n.GetOpType() {
	case "Cast", "Identity", "Transpose":
		return u.images[n.Input[0]]
	case "Sub", "Div", "Add", "Mul":
		if len(n.Input) == 2 && u.fixed[n.Input[0]] != u.fixed[n.Input[1]] {
			return max(u.images[n.Input[0]], u.images[n.Input[1]])
		}
	}
	return 0
}

func (u *uses) first(name string) use {
	if r := u.readers[name]; len(r) > 0 {
		return r[0]
	}
	return use{}
}

// parameter fills in what a constant is, and reports whether training would move it.
func (u *uses) parameter(p *Parameter) bool {
	p.Shape = p.store.shape()
	p.found = u.find(p.Name)
	p.Role = p.found.role
	switch {
	case len(u.readers[p.Name]) == 0 || tensor.Len(p.Shape) == 0:
		return false
	case p.found.pixels && tensor.Len(p.Shape) <= u.images[other(p.found.use)]:
		return false
	case p.Role == "":
		p.Role = Other
	case p.found.met != nil && (isWeight(p.Role) && p.Role != Recurrent || p.Role == Embedding ||
		p.Role == ops.Added) && alongOneAxis(p.Shape):
		p.Role = aside(p.found.met) // the length of a weight, say, not the weight
	case p.Role == ops.Added && alongOneAxis(p.Shape):
		p.Role = Bias
	case p.Role == ops.Added:
		p.Role = Embedding
	}
	if tensor.Len(p.Shape) == 1 && !p.found.layer() { // a constant of a formula, or a factor that is learned
		p.Role = Other
		return !strings.HasPrefix(p.Name, "/") && !strings.HasPrefix(p.Name, "onnx::") // as an exporter names what it folds
	}
	return true
}

// layer reports whether a constant is itself an operand of a layer with weights.
func (f found) layer() bool { return f.met == nil && f.role != "" && defOf(f.node).Layer() }

// aside is the role of an array along one axis that an operator joins to a constant weight.
func aside(d *ops.Def) Role {
	switch d.Role(0) {
	case Scale:
		return Scale
	case ops.Added:
		return Bias
	}
	return Other
}

// layerOperand reports whether a Constant node is the operand of a layer and holds
// other numbers than the layer would begin with.
func (u *uses) layerOperand(p *Parameter, dir string) (bool, error) {
	if isWeight(p.Role) {
		return true, nil
	}
	if !p.found.layer() {
		return false, nil
	}
	t, err := p.store.read(dir)
	if err != nil {
		return false, err
	}
	for i := range t.Len() {
		if v := t.Number(i); v != 0 && v != 1 {
			return true, nil
		}
	}
	return false, nil
}

// find returns what the first reader that says so makes of a tensor of constants,
// seen through nodes that compute constants from constants.
func (u *uses) find(name string) found {
	if f, ok := u.memo[name]; ok || u.visiting[name] {
		return f
	}
	u.visiting[name] = true
	var f found
	for _, r := range u.readers[name] {
		if f = u.at(r, name); f.role != "" {
			break
		}
	}
	delete(u.visiting, name)
	u.memo[name] = f
	return f
}

func (u *uses) at(r use, name string) found {
	if slices.ContainsFunc(r.node.Output, u.isData) {
		f := found{use: r, role: defOf(r.node).Role(r.arg), operand: name}
		f.pixels = u.images[other(r)] > 0 && u.pixels(r.node) > 0
		return f
	}
	for _, out := range r.node.Output {
		f := u.find(out)
		if f.role == "" {
			continue
		}
		if d := defOf(r.node); !d.Moves {
			f.met = d
		}
		return f
	}
	if r.node.GetOpType() == "Gather" && r.arg == 0 {
		return found{use: r, role: Embedding, operand: name}
	}
	return found{}
}

// other is the other operand of a node of two.
func other(r use) string {
	if r.node == nil || len(r.node.Input) != 2 {
		return ""
	}
	return r.node.Input[1-r.arg]
}

// quantised reports whether a constant of integers stands for a weight.
func (u *uses) quantised(name string) bool {
	f := u.find(name)
	if f.role == Quantised {
		return true
	}
	isOperand := func(r use) bool { return r.node.GetOpType() == "DequantizeLinear" && r.arg == 0 }
	return isWeight(f.role) && slices.ContainsFunc(u.readers[name], isOperand)
}

// fan returns Parameter.Fan for an operand of the given shape.
func (m *Model) fan(f found, shape []int) int {
	if f.node == nil {
		return 0
	}
	attrs, _ := m.attributes(f.node)
	n := &ops.Node{Op: f.node.GetOpType(), Attrs: attrs, Def: defOf(f.node)}
	return n.Fan(f.arg, shape)
}

func alongOneAxis(shape []int) bool {
	axes := 0
	for _, d := range shape {
		if d > 1 {
			axes++
		}
	}
	return axes == 1
}
