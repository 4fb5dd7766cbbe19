package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// Summary is what Inspect finds.
type Summary struct {
	Layers []Layer // the graph's nodes in the file's order, functions expanded
	// Parameters is the number of elements of the float initialisers, and of the
	// parameters that Constant nodes hold, without the running statistics of
	// BatchNormalization.
	Parameters int64
	// MultiplyAdds is the sum over the layers.
	MultiplyAdds int64
	// Problems is everything that keeps the model from running, an Error each.
	Problems []error
	// Notes say where files of the kind are read in more than one way, and which was taken.
	Notes []string
	// Shapes are those of the inputs, by name; nil where they are not known.
	Shapes map[string][]int

	model  *Model
	values map[string]*ops.Value
}

// Logits is Model.Logits for the inputs of the summary, which has no problems.
func (s *Summary) Logits(want string, classes int) (Logits, error) {
	return s.model.logits(s.values, s.Shapes, want, classes)
}

// Layer is a node of the graph as it would run.
type Layer struct {
	Name    string // the node's, or its first output's where it has none
	Op      string
	Domain  string
	Inputs  []string
	Outputs []string
	Shapes  [][]int        // of the outputs; nil where not known
	DTypes  []tensor.DType // of the outputs; Invalid where not known
	// Constant says that the outputs do not depend on the model's inputs.
	Constant bool
	// Parameters counts as Summary's does, a shared one at its first reader.
	Parameters int64
	// MultiplyAdds counts the products of convolutions and matrix products, one
	// multiplication with its addition each; other operators count nothing.
	MultiplyAdds int64
	// Node is what the engine makes of it, attributes and constant operands included;
	// nil where shapes are not known or Constant is set.
	Node *ops.Node
}

// Def is what the operators' table says of the newest version of the layer's operator;
// nothing where it has none.
func (l Layer) Def() *ops.Def { return newest(l.Domain, l.Op) }

// Inspect infers every shape for the given inputs (see InputShapes) and collects
// all problems of the model: structure, operators that are missing at its opset,
// operands that do not fit, element types, attributes.
func (m *Model) Inspect(batch int, given map[string][]int) *Summary {
	s := &Summary{Problems: m.Check(), model: m}
	if len(s.Problems) == 0 {
		s.values = m.infer(s, batch, given)
	} else {
		s.missing(m)
	}
	values := s.values
	counted := map[string]bool{}
	all := m.branched()
	constants := m.constantParameters(all)
	for _, n := range all.nodes {
		if all.skipped(n, values) {
			continue
		}
		l := layer(n, values)
		for i, name := range n.Input {
			if r := defOf(n).Role(i); r == Mean || r == Variance {
				continue
			}
			if p := cmp.Or(m.inits[name], constants[name]); p != nil && !counted[name] {
				l.Parameters += parameters(p)
				counted[name] = true
			}
		}
		l.MultiplyAdds = multiplyAdds(n, values)
		s.Parameters += l.Parameters
		s.MultiplyAdds += l.MultiplyAdds
		s.Layers = append(s.Layers, l)
		if m.roundsCorners(n, values) {
			s.Notes = append(s.Notes, fmt.Sprintf("node %q (Resize): align_corners spans the rounded length of the result, "+
				"as PyTorch, TensorFlow and ONNX Runtime compute it, not the fractional one of ONNX's text", label(n)))
		}
	}
	s.noteOpen()
	return s
}

// noteOpen notes the layers whose shapes the data decide.
func (s *Summary) noteOpen() {
	open := slices.DeleteFunc(slices.Clone(s.Layers),
		func(l Layer) bool { return len(l.Shapes) == 0 || l.Shapes[0] != nil || l.DTypes[0] != tensor.Invalid })
	if len(s.Problems) > 0 || len(open) == 0 {
		return
	}
	what := "has results whose shapes"
	if more := len(open) - 1; more > 0 {
		what = fmt.Sprintf("and %d more have results whose shapes", more)
	}
	s.Notes = append(s.Notes, fmt.Sprintf("node %q (%s) %s the data of a run decide", open[0].Name, open[0].Op, what))
}

// roundsCorners reports whether a node is a Resize whose corners lie elsewhere by the
// rounded length of its result than by the product of size and scale.
func (m *Model) roundsCorners(n *onnxpb.NodeProto, values map[string]*ops.Value) bool {
	corners := func(a *onnxpb.AttributeProto) bool {
		return a.GetName() == "coordinate_transformation_mode" && string(a.GetS()) == "align_corners"
	}
	if n.GetOpType() != "Resize" || len(n.Input) < 3 || m.exactCorners() || !slices.ContainsFunc(n.Attribute, corners) {
		return false
	}
	in, scales, out := values[n.Input[0]], values[n.Input[2]], values[n.Output[0]]
	if in == nil || out == nil || scales == nil || scales.Const == nil || scales.Len() != len(in.Shape) {
		return false
	}
	for i, size := range in.Shape {
		if float32(size)*float32(scales.Const.Number(i)) != float32(out.Shape[i]) {
			return true
		}
	}
	return false
}

// infer asks the engine for shapes and faults. A node whose attributes cannot be
// used is reported for that alone.
func (m *Model) infer(s *Summary, batch int, given map[string][]int) map[string]*ops.Value {
	g, errs := m.graph(false)
	s.Problems = append(s.Problems, errs...)
	inputs, err := m.InputTensors(batch, given)
	if err != nil {
		s.Problems = append(s.Problems, err)
		s.missing(m)
		return nil
	}
	s.Shapes = map[string][]int{}
	for name, t := range inputs {
		s.Shapes[name] = t.Shape
	}
	reported := map[string]bool{}
	for _, err := range s.Problems {
		var e *Error
		if errors.As(err, &e) {
			reported[e.Node] = true
		}
	}
	values, err := m.Infer(g, inputs)
	var faults engine.Problems
	if err != nil && !errors.As(err, &faults) {
		faults = engine.Problems{err}
	}
	for _, err := range faults {
		var e *Error
		if errors.As(err, &e) && (e.Node == "" || !reported[e.Node]) {
			s.Problems = append(s.Problems, err)
		}
	}
	return values
}

// missing reports the operators that the table lacks, where shapes cannot be
// inferred.
func (s *Summary) missing(m *Model) {
	for _, n := range m.branched().nodes {
		if n.GetOpType() == "" || n.GetOpType() == "If" && n.GetDomain() == ops.Internal {
			continue
		}
		if _, err := ops.Lookup(n.GetDomain(), n.GetOpType(), int(m.Opset(n.GetDomain()))); err != nil {
			s.Problems = append(s.Problems, &Error{File: m.name, Node: label(n), Op: n.GetOpType(), Err: err})
		}
	}
}

func layer(n *onnxpb.NodeProto, values map[string]*ops.Value) Layer {
	l := Layer{
		Name: label(n), Op: n.GetOpType(), Domain: Domain(n.GetDomain()),
		Inputs: n.Input, Outputs: n.Output,
		Shapes: make([][]int, len(n.Output)), DTypes: make([]tensor.DType, len(n.Output)),
	}
	for i, name := range n.Output {
		v := values[name]
		if v == nil {
			continue
		}
		l.Shapes[i], l.DTypes[i] = v.Shape, v.DType
		if i == 0 {
			l.Constant, l.Node = v.Const != nil, v.Producer
		}
	}
	return l
}

// parameters is the number of elements of a float initialiser, 0 for others.
func parameters(p *onnxpb.TensorProto) int64 {
	if !DType(DataType(p.GetDataType())).IsFloat() {
		return 0
	}
	_, n, err := dims(p.Dims)
	if err != nil {
		return 0
	}
	return int64(n)
}

// multiplyAdds counts the products of a node whose shapes are known.
func multiplyAdds(n *onnxpb.NodeProto, values map[string]*ops.Value) int64 {
	if len(n.Output) < 1 {
		return 0
	}
	y := values[n.Output[0]]
	if y == nil || y.Const != nil || y.Producer == nil || y.Producer.Def == nil || y.Producer.Def.MultiplyAdds == nil {
		return 0
	}
	return y.Producer.Def.MultiplyAdds(y.Producer)
}
