package onnx

import (
	"cmp"
	"slices"
	"strings"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// Role is what a parameter is for.
type Role string

// The roles.
const (
	ConvWeight Role = "convolution" // of Conv or ConvTranspose
	Matrix     Role = "matrix"      // of a product
	Bias       Role = "bias"        // added or subtracted along one axis
	Scale      Role = "scale"       // multiplied or divided by
	Mean       Role = "running mean"
	Variance   Role = "running variance"
	Slope      Role = "slope"     // of a PRelu
	Embedding  Role = "embedding" // added along several axes, joined, or gathered from
	Other      Role = "other"
)

// weight reports whether a parameter mixes what it is multiplied with.
func (r Role) weight() bool { return r == ConvWeight || r == Matrix }

// use is a node that reads a tensor as its operand number arg.
type use struct {
	at, arg int // at is the place of the node
	node    *onnxpb.NodeProto
}

// found is the use that decides what a constant is for.
type found struct {
	use
	role    Role
	operand string // what the constant has become there
	pixels  bool   // the use normalises the input
	met     string // the first operator on the way that computes, not moves
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
	u := &uses{readers: map[string][]use{}, fixed: map[string]bool{}, images: map[string]int{}, memo: map[string]found{}, visiting: map[string]bool{}}
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
	if n.GetOpType() == "Shape" || n.GetOpType() == "Size" || !slices.ContainsFunc(n.Input, u.isData) {
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
	case p.found.met != "" && (p.Role.weight() || p.Role == Embedding) && alongOneAxis(p.Shape):
		p.Role = aside(p.found.met) // the length of a weight, say, not the weight
	case p.Role == Embedding && alongOneAxis(p.Shape) && (p.found.nodeOp() == "Add" || p.found.nodeOp() == "Sub"):
		p.Role = Bias
	}
	if tensor.Len(p.Shape) == 1 && !p.found.layer() { // a constant of a formula, or a factor that is learned
		p.Role = Other
		return !strings.HasPrefix(p.Name, "/") && !strings.HasPrefix(p.Name, "onnx::") // as an exporter names what it folds
	}
	return true
}

// layer reports whether a constant is itself an operand of a layer with weights.
func (f found) layer() bool {
	switch op := f.nodeOp(); op {
	case "Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu":
		return f.met == "" && f.role != ""
	default:
		return f.met == "" && f.role != "" && strings.HasSuffix(op, "Normalization")
	}
}

// aside is the role of an array along one axis that op joins to a constant weight.
func aside(op string) Role {
	switch op {
	case "Mul", "Div":
		return Scale
	case "Add", "Sub":
		return Bias
	}
	return Other
}

// layerOperand reports whether a Constant node is the operand of a layer and holds
// other numbers than the layer would begin with.
func (u *uses) layerOperand(p *Parameter, dir string) (bool, error) {
	if p.Role.weight() {
		return true, nil
	}
	if !p.found.layer() {
		return false, nil
	}
	t, err := p.store.read(dir)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(t.F32(), func(v float32) bool { return v != 0 && v != 1 }), nil
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
		f := found{use: r, role: roleAt(r), operand: name}
		f.pixels = u.images[other(r)] > 0 && u.pixels(r.node) > 0
		return f
	}
	for _, out := range r.node.Output {
		f := u.find(out)
		if f.role == "" {
			continue
		}
		if !moves(r.node.GetOpType()) {
			f.met = r.node.GetOpType()
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

// moves reports whether an operator gives the elements of its operand elsewhere.
func moves(op string) bool {
	return slices.Contains([]string{"Identity", "Cast", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten"}, op)
}

// roleAt is what a node that reads data makes of a constant operand.
func roleAt(r use) Role {
	switch op := r.node.GetOpType(); {
	case (op == "Conv" || op == "ConvTranspose") && r.arg == 1:
		return ConvWeight
	case (op == "Gemm" || op == "MatMul") && r.arg < 2, op == "Einsum":
		return Matrix
	case (op == "Conv" || op == "ConvTranspose" || op == "Gemm") && r.arg == 2:
		return Bias
	case strings.HasSuffix(op, "Normalization") && r.arg > 0:
		return []Role{Scale, Bias, Mean, Variance}[min(r.arg-1, 3)]
	case op == "PRelu" && r.arg == 1:
		return Slope
	case op == "Mul" || op == "Div":
		return Scale
	case op == "Add" || op == "Sub":
		return Embedding // a bias, if it lies along one axis
	case (op == "Gather" || op == "Expand") && r.arg == 0, op == "Concat":
		return Embedding
	}
	return ""
}

// fan returns Parameter.Fan for an operand of the given shape.
func (f found) fan(shape []int) int {
	n := tensor.Len(shape)
	switch op := f.nodeOp(); {
	case f.role == ConvWeight && len(shape) > 2 && n > 0:
		if op == "ConvTranspose" { // [C, M/group, kernel…]
			return n / shape[0]
		}
		return max(1, n/shape[1]/max(1, f.attr("group", 1)))
	case f.role == Matrix && op == "Einsum":
		return f.summed(shape)
	case f.role == Matrix && len(shape) == 1:
		return shape[0]
	case f.role == Matrix && len(shape) >= 2:
		return shape[f.summedAxis(len(shape))]
	}
	return 0
}

func (f found) nodeOp() string {
	if f.node == nil {
		return ""
	}
	return f.node.GetOpType()
}

// summedAxis is the axis of a Gemm's or MatMul's matrix that the product sums over.
func (f found) summedAxis(rank int) int {
	last := f.arg == 0
	if f.nodeOp() == "Gemm" && f.attr([]string{"transA", "transB"}[f.arg], 0) != 0 {
		last = !last
	}
	if last {
		return rank - 1
	}
	return rank - 2
}

// summed is the product of the axes of an Einsum's operand that the result lacks.
func (f found) summed(shape []int) int {
	for _, a := range f.node.Attribute {
		if a.GetName() != "equation" {
			continue
		}
		terms, result, _ := strings.Cut(strings.ReplaceAll(string(a.GetS()), " ", ""), "->")
		operands := strings.Split(terms, ",")
		if f.arg >= len(operands) || len(operands[f.arg]) != len(shape) {
			return 0
		}
		fan := 1
		for i, letter := range operands[f.arg] {
			if !strings.ContainsRune(result, letter) {
				fan *= shape[i]
			}
		}
		return fan
	}
	return 0
}

// attr returns an integer attribute.
func (f found) attr(name string, otherwise int) int {
	for _, a := range f.node.Attribute {
		if a.GetName() == name {
			otherwise = int(a.GetI())
		}
	}
	return otherwise
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
