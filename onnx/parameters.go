package onnx

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Parameter is a tensor of constants that training would move, or that it would
// estimate: a weight or a running statistic, of floats, or quantised.
type Parameter struct {
	Name  string // of the tensor, in the graph that calls of local functions expand to
	Place Place
	Shape []int
	Role  Role
	// Fan is the number of results that one operand of a convolution adds to (of its
	// group), or of operands that one result of a product sums; the hidden size of a
	// recurrent layer; 0 for other roles.
	Fan int
	// Ordinal tells parameters apart: the place among the initialisers; behind them,
	// Constant nodes in the order in which they are read.
	Ordinal int

	store store
	found found
}

// Place is where the elements of a parameter are stored.
type Place string

// The places.
const (
	InInitializer Place = "initializer"
	InConstant    Place = "Constant node" // of the graph, of a local function or of a branch
)

// store holds the elements of a constant.
type store struct {
	tensor *onnxpb.TensorProto
	floats *onnxpb.AttributeProto // of a Constant node whose value is a list
}

func (s store) shape() []int {
	if s.floats != nil {
		return []int{len(s.floats.Floats)}
	}
	shape, _, _ := dims(s.tensor.Dims)
	return shape
}

func (s store) read(dir string) (*tensor.Tensor, error) {
	if s.floats != nil {
		return tensor.From(slices.Clone(s.floats.Floats), len(s.floats.Floats)), nil
	}
	return DecodeTensor(s.tensor, dir)
}

func (s store) write(t *tensor.Tensor) error {
	if s.floats != nil {
		copy(s.floats.Floats, t.F32()) // all calls of a function share the array
		return nil
	}
	return replaceData(s.tensor, t)
}

// Parameters returns all that training would move, in order of Ordinal: what a new
// network would have drawn and what is listed and trained come from it. A constant is
// one for what it does, followed through all that is computed from constants alone
// (Transpose, Reshape, Cast, standardised and scaled weights) to the first operator
// that reads data. It is none if it normalises the pixels of the input, or is a
// single number that an exporter folded.
//
// Constant nodes are the weights of a file that has no initialisers for
// convolutions and products. Beside such initialisers they are constants of the
// architecture, unless they are the operand of a layer and hold other numbers than
// its 0s and 1s.
func (m *Model) Parameters() ([]Parameter, error) {
	all := m.branched()
	list, err := m.parameters(all)
	if err != nil {
		return nil, err
	}
	list = append(list, m.quantised(all)...)
	slices.SortStableFunc(list, func(a, b Parameter) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	var values map[string]*ops.Value
	for i := range list {
		p := &list[i]
		if !isWeight(p.Role) {
			continue
		}
		shape := p.Shape
		if p.found.operand != p.Name {
			if values == nil {
				values = m.shapes()
			}
			if v := values[p.found.operand]; v != nil && len(v.Shape) > 0 {
				shape = v.Shape
			}
		}
		p.Fan = m.fan(p.found, shape)
	}
	return list, nil
}

// shapes infers what it can without being told the shapes of the inputs.
func (m *Model) shapes() map[string]*ops.Value {
	g, _ := m.graph(false)
	in, err := m.InputTensors(1, nil)
	if err != nil {
		in = nil
	}
	values, _ := g.Infer(in)
	return values
}

// parameters is Parameters without Fan, which needs shapes.
func (m *Model) parameters(all *branched) ([]Parameter, error) {
	u := newUses(m, all.nodes)
	var list []Parameter
	weights := false // among the initialisers
	for i, name := range m.Initializers() {
		p := Parameter{Name: name, Place: InInitializer, Ordinal: i, store: store{tensor: m.inits[name]}}
		if DType(DataType(p.store.tensor.GetDataType())).IsFloat() && u.parameter(&p) {
			list = append(list, p)
			weights = weights || isWeight(p.Role)
		}
	}
	var constants []Parameter
	for _, p := range constantsOf(all.nodes) {
		if !u.parameter(&p) || p.Role == Other {
			continue
		}
		if weights {
			operand, err := u.layerOperand(&p, m.dir)
			if err != nil {
				return nil, m.errorf("constant %q: %w", p.Name, err)
			}
			if !operand {
				continue
			}
		}
		constants = append(constants, p)
	}
	slices.SortStableFunc(constants, func(a, b Parameter) int {
		return cmp.Or(cmp.Compare(u.first(a.Name).at, u.first(b.Name).at),
			cmp.Compare(u.first(a.Name).arg, u.first(b.Name).arg))
	})
	for i := range constants {
		constants[i].Ordinal = len(m.inits) + i
	}
	return append(list, constants...), nil
}

// quantised returns the initialisers of integers that stand for weights.
func (m *Model) quantised(all *branched) []Parameter {
	u := newUses(m, all.nodes)
	var list []Parameter
	for i, name := range m.Initializers() {
		t := m.inits[name]
		if d := DType(DataType(t.GetDataType())); d.IsFloat() || !u.quantised(name) {
			continue
		}
		p := Parameter{Name: name, Place: InInitializer, Role: Quantised, Ordinal: i, store: store{tensor: t}}
		p.Shape = p.store.shape()
		list = append(list, p)
	}
	return list
}

// constantsOf returns the float tensors of Constant nodes. One that several calls of
// a function share is one, by the name that it has in the first.
func constantsOf(nodes []*onnxpb.NodeProto) []Parameter {
	var list []Parameter
	seen := map[any]bool{}
	for _, n := range nodes {
		s, key := constantStore(n)
		if key == nil || seen[key] {
			continue
		}
		seen[key] = true
		list = append(list, Parameter{Name: n.Output[0], Place: InConstant, store: s})
	}
	return list
}

// constantStore returns where a Constant node keeps floats, and what tells that place
// from others; nil for other nodes.
func constantStore(n *onnxpb.NodeProto) (s store, key any) {
	if n.GetOpType() != "Constant" || Domain(n.GetDomain()) != "" || len(n.Output) != 1 || len(n.Attribute) != 1 {
		return s, nil
	}
	switch a := n.Attribute[0]; {
	case a.GetName() == "value" && a.T != nil && DType(DataType(a.T.GetDataType())).IsFloat():
		return store{tensor: a.T}, a.T
	case a.GetName() == "value_floats" && len(a.Floats) > 0:
		return store{floats: a}, &a.Floats[0]
	}
	return s, nil
}

// SetWeights replaces the elements of parameters and other initialisers, by name; see
// SetInitializer. engine.Graph.Weights gives those of a graph after training.
func (m *Model) SetWeights(w map[string]*tensor.Tensor) error {
	list, err := m.parameters(m.branched())
	if err != nil {
		return err
	}
	for _, p := range list {
		t := w[p.Name]
		if t == nil || p.Place == InInitializer {
			continue
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return m.errorf("constant %q: new elements have shape %v, want %v", p.Name, t.Shape, p.Shape)
		}
		if err := p.store.write(t); err != nil {
			return m.errorf("constant %q: %w", p.Name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		inConstant := func(p Parameter) bool { return p.Name == name && p.Place == InConstant }
		if slices.ContainsFunc(list, inConstant) {
			continue
		}
		if err := m.SetInitializer(name, w[name]); err != nil {
			return err
		}
	}
	return nil
}

// constantParameters returns the parameters that Constant nodes hold, by name.
func (m *Model) constantParameters(all *branched) map[string]*onnxpb.TensorProto {
	list, _ := m.parameters(all)
	held := map[string]*onnxpb.TensorProto{}
	for _, p := range list {
		if p.Place == InConstant && p.store.tensor != nil {
			held[p.Name] = p.store.tensor
		} else if p.Place == InConstant {
			held[p.Name] = &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
				Dims: []int64{int64(len(p.store.floats.Floats))}}
		}
	}
	return held
}

// Weight returns a copy of the elements of a parameter of this model.
func (m *Model) Weight(p Parameter) (*tensor.Tensor, error) {
	t, err := p.store.read(m.dir)
	if err != nil {
		return nil, m.errorf("%s %q: %w", p.Place, p.Name, err)
	}
	if p.store.tensor != nil {
		m.shown.forget(p.store.tensor.RawData) // of which t is a copy
	}
	return t, nil
}
