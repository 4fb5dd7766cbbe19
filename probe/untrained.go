package probe

import (
	"math"
	"strings"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// UntrainedRule says in a sentence how Untrained draws, for reports.
const UntrainedRule = "the same graph with weights drawn anew: convolutions normal, variance 2/fan-out; matrices normal, variance 2/fan-in; " +
	"biases 0; normalisations scale 1, mean 0, variance 1; embeddings normal, standard deviation 0.02"

// Untrained returns a copy of the model as it may have been before its first
// step. What an initialiser is, its first reader says, looked for through
// Identity, Transpose and other operators that only move elements:
//
//	Conv, ConvTranspose weights     normal, variance 2/fan-out of a group (He et al. 2015)
//	Gemm, MatMul matrices           normal, variance 2/fan-in
//	their biases, and what is added along one axis           0
//	BatchNormalization and other normalisations              scale 1, bias 0, mean 0, variance 1
//	what is multiplied along one axis                        1
//	PRelu slopes                                             ¼
//	tables that are gathered from, joined or added along several axes (embeddings of
//	classes and positions)                                   normal, standard deviation 0.02
//
// Single numbers, integers and what has another reader stay as they are: they are
// constants of the architecture. Running statistics are not estimated; in
// evaluation mode a network is so before its first step. The draws are a function
// of seed and the initialiser's place in the file.
func Untrained(m *onnx.Model, seed uint64) (*onnx.Model, error) {
	b, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	copied, err := onnx.Parse(b, "")
	if err != nil {
		return nil, err
	}
	readers := firstReaders(m)
	for i, name := range m.Initializers() {
		r, ok := readers[name]
		if !ok {
			continue
		}
		t, err := m.Initializer(name)
		if err != nil {
			return nil, err
		}
		if t.DType != tensor.Float32 || t.Len() < 2 {
			continue
		}
		if draw := r.rule(t.Shape); draw != nil {
			s := rng.New(seed, rng.Untrained, uint64(i))
			for j := range t.F32 {
				t.F32[j] = draw(&s)
			}
			if err := copied.SetInitializer(name, t); err != nil {
				return nil, err
			}
		}
	}
	return copied, nil
}

// reader is a node that reads a tensor as its operand number arg.
type reader struct {
	node    *onnxpb.NodeProto
	arg     int
	swapped bool // through a Transpose
}

// firstReaders returns the first reader of each tensor, seen through nodes that
// only move elements.
func firstReaders(m *onnx.Model) map[string]reader {
	readers := map[string]reader{}
	nodes := m.Nodes()
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		for arg := len(n.Input) - 1; arg >= 0; arg-- {
			r := reader{node: n, arg: arg}
			switch n.GetOpType() {
			case "Identity", "Cast", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten":
				next, ok := readers[n.Output[0]]
				if !ok || arg > 0 {
					continue
				}
				r = next
				r.swapped = r.swapped != (n.GetOpType() == "Transpose")
			}
			if n.Input[arg] != "" {
				readers[n.Input[arg]] = r
			}
		}
	}
	return readers
}

// rule returns how the elements of an initialiser of the given shape are drawn,
// or nil if they stay.
func (r reader) rule(shape []int) func(*rng.Stream) float32 {
	n, op := tensor.Len(shape), r.node.GetOpType()
	switch {
	case op == "Conv" && r.arg == 1 && len(shape) > 2:
		return normal(2 * r.attr("group", 1) / float64(n/shape[1]))
	case op == "ConvTranspose" && r.arg == 1 && len(shape) > 2:
		return normal(2 / float64(n/shape[0]))
	case (op == "Gemm" || op == "MatMul") && r.arg < 2 && len(shape) >= 2:
		return normal(2 / float64(shape[r.fanInAxis(len(shape))]))
	case (op == "Conv" || op == "ConvTranspose" || op == "Gemm") && r.arg == 2:
		return constant(0)
	case strings.HasSuffix(op, "Normalization") && r.arg > 0:
		return constant([]float32{1, 0, 0, 1}[min(r.arg-1, 3)]) // scale, bias, mean, variance
	case op == "PRelu" && r.arg == 1:
		return constant(0.25)
	case op == "Mul" && alongOneAxis(shape):
		return constant(1)
	case op == "Add" && alongOneAxis(shape):
		return constant(0)
	case op == "Add", op == "Gather" && r.arg == 0, op == "Concat", op == "Expand" && r.arg == 0:
		return normal(0.02 * 0.02)
	}
	return nil
}

// fanInAxis is the axis of a Gemm's or MatMul's matrix that the product sums over.
func (r reader) fanInAxis(rank int) int {
	last := r.arg == 0
	if r.node.GetOpType() == "Gemm" && r.attr([]string{"transA", "transB"}[r.arg], 0) != 0 {
		last = !last
	}
	if last != r.swapped {
		return rank - 1
	}
	return rank - 2
}

// attr returns an integer attribute.
func (r reader) attr(name string, otherwise int64) float64 {
	for _, a := range r.node.Attribute {
		if a.GetName() == name {
			otherwise = a.GetI()
		}
	}
	return float64(otherwise)
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

func normal(variance float64) func(*rng.Stream) float32 {
	sd := math.Sqrt(variance)
	return func(s *rng.Stream) float32 { return float32(sd * s.Normal()) }
}

func constant(v float32) func(*rng.Stream) float32 {
	return func(*rng.Stream) float32 { return v }
}
