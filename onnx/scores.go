package onnx

import (
	"fmt"
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/show"
	"memprobe/onnx/ops"
)

// search looks for the scores that a graph's outputs are made of.
type search struct {
	model    *Model
	values   map[string]*ops.Value
	rows     int // of a batch
	producer map[string]*onnxpb.NodeProto
}

func (m *Model) newSearch(values map[string]*ops.Value, rows int) *search {
	s := &search{m, values, rows, map[string]*onnxpb.NodeProto{}}
	for _, n := range m.branched().nodes {
		for _, out := range n.Output {
			s.producer[out] = n
		}
	}
	return s
}

// size is how many floats a tensor has for each image; 0 for what is no row an image.
func (s *search) size(name string) int {
	v := s.values[name]
	if v == nil || v.Const != nil || !v.DType.IsFloat() || len(v.Shape) == 0 || v.Shape[0] != s.rows || s.rows == 0 {
		return 0
	}
	return v.Len() / s.rows
}

// width is the size of a tensor [N,classes]; 0 for other tensors.
func (s *search) width(name string) int {
	if v := s.values[name]; v == nil || len(v.Shape) != 2 {
		return 0
	}
	return s.size(name)
}

// candidates returns what may be the logits, each once.
func (s *search) candidates(outputs []Value) []Logits {
	var all []Logits
	for _, v := range outputs {
		l := s.behind(v.Name)
		same := func(k Logits) bool { return k.Name == l.Name }
		if l.Classes > 0 && !slices.ContainsFunc(all, same) {
			all = append(all, l)
		}
	}
	return all
}

// behind follows an output back, through operators that read one tensor of data and have
// no weights, to what makes probabilities of scores.
func (s *search) behind(output string) Logits {
	l := Logits{Name: output, Classes: s.width(output), Output: output}
	plain := true // nothing changes which class is the first, the second and so on
	for name := output; l.Classes > 0; {
		n := s.producer[name]
		if n == nil {
			break
		}
		if read, op, rows := s.normalises(n); read != "" {
			if scores := s.flat(read, l.Classes); plain && rows && scores != "" {
				l.Name, l.Through = scores, op
			} else {
				l.After = fmt.Sprintf("the %s of %s", op, show.Name(read))
			}
			break
		}
		from := s.lone(n)
		if from == "" || s.size(from) != l.Classes && !picks(n.GetOpType()) {
			break
		}
		plain = plain && s.keepsOrder(n)
		name = from
	}
	return l
}

// flat is the tensor [N,classes] that has the elements of a tensor of whatever shape; ""
// where none has.
func (s *search) flat(name string, classes int) string {
	for s.size(name) == classes {
		if s.width(name) == classes {
			return name
		}
		n := s.producer[name]
		if n == nil || !s.reshapes(n) {
			break
		}
		name = n.Input[0]
	}
	return ""
}

// lone is the only operand of a node that is no constant; "" where there are several, or
// weights.
func (s *search) lone(n *onnxpb.NodeProto) string {
	if defOf(n).Weighted {
		return ""
	}
	only := ""
	for _, name := range n.Input {
		if v := s.values[name]; name == "" || v != nil && v.Const != nil {
			continue
		}
		if only != "" {
			return ""
		}
		only = name
	}
	return only
}

// normalises returns the scores that a node makes probabilities of, by which operator, and
// whether these are one distribution an image, or one a score; no name for other nodes.
func (s *search) normalises(n *onnxpb.NodeProto) (read, op string, rows bool) {
	switch op := n.GetOpType(); op {
	case "Sigmoid", "HardSigmoid":
		return n.Input[0], op, true
	case "Softmax", "LogSoftmax":
		return n.Input[0], op, s.alongRow(n)
	case "Div":
		sum, e := s.producer[n.Input[1]], s.producer[n.Input[0]]
		if sum == nil || e == nil || sum.GetOpType() != "ReduceSum" || e.GetOpType() != "Exp" || sum.Input[0] != n.Input[0] {
			return "", "", false
		}
		read = e.Input[0]
		if d := s.producer[read]; d != nil && d.GetOpType() == "Sub" {
			if m := s.producer[d.Input[1]]; m != nil && m.GetOpType() == "ReduceMax" && m.Input[0] == d.Input[0] {
				read = d.Input[0]
			}
		}
		return read, "Exp, divided by its sum,", s.size(n.Input[1]) == 1
	}
	return "", "", false
}

// alongRow tells whether a Softmax sums over all that there is of an image.
func (s *search) alongRow(n *onnxpb.NodeProto) bool {
	v := s.values[n.Input[0]]
	if v == nil || len(v.Shape) < 2 {
		return false
	}
	coerced := s.model.Opset("") < 13 // to two dimensions
	axis := -1
	if coerced {
		axis = 1
	}
	for _, a := range n.Attribute {
		if a.GetName() == "axis" {
			axis = int(a.GetI())
		}
	}
	if axis < 0 {
		axis += len(v.Shape)
	}
	if axis < 1 || axis >= len(v.Shape) {
		return false
	}
	summed := v.Shape[axis]
	if coerced {
		for _, d := range v.Shape[axis+1:] {
			summed *= d
		}
	}
	return summed == s.size(n.Input[0])
}

// reshapes tells whether a node leaves the elements of a row in their order.
func (s *search) reshapes(n *onnxpb.NodeProto) bool {
	if n.GetOpType() == "Transpose" { // of axes of which one alone is longer than 1
		v := s.values[n.Input[0]]
		return v != nil && len(v.Shape) > 1 && slices.Max(v.Shape[1:]) == s.size(n.Input[0])
	}
	return defOf(n).View || n.GetOpType() == "Cast"
}

// keepsOrder tells whether a node leaves the greatest element of a row the greatest.
func (s *search) keepsOrder(n *onnxpb.NodeProto) bool {
	op := n.GetOpType()
	return op == "Log" || op == "Exp" || op == "Clip" || s.reshapes(n)
}

// picks names the operators that take some elements of a row.
func picks(op string) bool {
	switch op {
	case "Slice", "Gather", "Split", "TopK":
		return true
	}
	return false
}
