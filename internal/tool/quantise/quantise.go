package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// weighted are the operators whose operand 1 is a weight, and operand 2 a bias; moving those
// whose results have the numbers of their operands.
var (
	weighted = []string{"Conv", "Gemm"}
	moving   = []string{"MaxPool", "Flatten"}
	others   = []string{"Add", "Relu", "GlobalAveragePool"}
)

// extent is the least and the greatest element of a tensor, and 0.
type extent struct{ lo, hi float32 }

// scale and zero are those of uint8 over the extent.
func (r extent) scale() float32 { return max((r.hi-r.lo)/255, math.SmallestNonzeroFloat32) }
func (r extent) zero() uint8    { return uint8(math.RoundToEven(float64(-r.lo / r.scale()))) }

type quantiser struct {
	model   *onnx.Model
	graph   *onnxpb.GraphProto
	readers map[string][]*onnxpb.NodeProto
	nodes   []*onnxpb.NodeProto // what is written
	scales  map[string]float32  // of activations
	done    map[string]bool     // weights
}

func quantise(m *onnx.Model, shape []int) (*onnx.Model, error) {
	if err := foldNorms(m); err != nil {
		return nil, err
	}
	q := &quantiser{model: m, graph: m.Proto().Graph, scales: map[string]float32{}, done: map[string]bool{}}
	q.readers = readersOf(q.graph)
	extents, err := q.observe(shape)
	if err != nil {
		return nil, err
	}
	input := q.graph.Input[0].GetName()
	q.pair(input, input, input+"_dequantized", extents[input])
	for _, n := range q.graph.Node {
		for i, name := range n.Input {
			if name == input {
				n.Input[i] = input + "_dequantized"
			}
		}
		if slices.Contains(weighted, n.GetOpType()) {
			if err := q.weights(n); err != nil {
				return nil, err
			}
		}
		q.nodes = append(q.nodes, n)
		if name := n.Output[0]; q.quantises(n) {
			n.Output[0] = name + "_float"
			q.pair(n.Output[0], name, name, extents[name])
		}
	}
	q.graph.Node = q.nodes
	return onnx.FromProto(m.Proto())
}

// quantises reports whether n's result becomes integers: not where a Relu alone reads it.
func (q *quantiser) quantises(n *onnxpb.NodeProto) bool {
	r := q.readers[n.Output[0]]
	alone := len(r) == 1 && r[0].GetOpType() == "Relu"
	return !alone && slices.Contains(slices.Concat(weighted, moving, others), n.GetOpType())
}

// observe runs the network on random images.
func (q *quantiser) observe(shape []int) (map[string]extent, error) {
	names := []string{q.graph.Input[0].GetName()}
	for _, n := range q.graph.Node {
		if q.quantises(n) {
			names = append(names, n.Output[0])
		}
	}
	x := tensor.New(tensor.Float32, shape...)
	s, at := rng.New(1, rng.Bench), x.F32()
	for i := range at {
		at[i] = float32(s.Normal())
	}
	session, err := q.model.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{names[0]: x}, Taps: names})
	if err != nil {
		return nil, err
	}
	out := map[string]extent{}
	err = session.Run(context.Background(), func(tap int, t *tensor.Tensor) {
		out[names[tap]] = extent{min(0, slices.Min(t.F32())), max(0, slices.Max(t.F32()))}
	})
	for _, n := range q.graph.Node { // what is moved keeps its numbers
		if slices.Contains(moving, n.GetOpType()) {
			out[n.Output[0]] = out[n.Input[0]]
		}
	}
	return out, err
}

// pair quantises a tensor to uint8 and back.
func (q *quantiser) pair(from, name, to string, r extent) {
	scale, zero := name+"_scale", name+"_zero_point"
	q.scales[to] = r.scale()
	q.initialize(scale, tensor.From([]float32{r.scale()}))
	q.initialize(zero, tensor.From([]uint8{r.zero()}))
	q.node("QuantizeLinear", name+"_quantized", 0, from, scale, zero)
	q.node("DequantizeLinear", to, 0, name+"_quantized", scale, zero)
}

func (q *quantiser) node(op, out string, axis int, in ...string) {
	n := &onnxpb.NodeProto{Name: proto.String(out + "_" + op), OpType: proto.String(op), Input: in, Output: []string{out}}
	if axis > 0 {
		n.Attribute = []*onnxpb.AttributeProto{integer("axis", axis-1)}
	}
	q.nodes = append(q.nodes, n)
}

func integer(name string, v int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(),
		I: proto.Int64(int64(v))}
}

func (q *quantiser) initialize(name string, t *tensor.Tensor) {
	q.graph.Initializer = append(q.graph.Initializer, onnx.EncodeTensor(name, t))
}

// weights makes those of n integers.
func (q *quantiser) weights(n *onnxpb.NodeProto) error {
	w, err := q.model.Initializer(n.Input[1])
	if err != nil {
		return err
	}
	axis, channels := 0, w.Shape[0]
	if n.GetOpType() == "Gemm" && !flag(n, "transB") {
		axis, channels = 1, w.Shape[1]
	}
	channel := func(i int) int { return i / tensor.Len(w.Shape[axis+1:]) % channels }
	scales := make([]float32, channels)
	for i, v := range w.F32() {
		c := channel(i)
		scales[c] = max(scales[c], float32(math.Abs(float64(v)))/127, math.SmallestNonzeroFloat32)
	}
	ints := make([]int8, w.Len())
	for i, v := range w.F32() {
		ints[i] = int8(math.RoundToEven(float64(v / scales[channel(i)])))
	}
	q.constant(n.Input[1], axis, tensor.From(ints, w.Shape...), scales, tensor.New(tensor.Int8, channels))
	if len(n.Input) < 3 || n.Input[2] == "" {
		return nil
	}
	bias, err := q.model.Initializer(n.Input[2])
	if err != nil {
		return err
	}
	sums, products := make([]int32, channels), make([]float32, channels)
	for c, v := range bias.F32() {
		products[c] = q.scales[n.Input[0]] * scales[c]
		sums[c] = int32(math.RoundToEven(float64(v) / float64(products[c])))
	}
	q.constant(n.Input[2], 0, tensor.From(sums, channels), products, tensor.New(tensor.Int32, channels))
	return nil
}

// constant replaces an initialiser by integers that are dequantised.
func (q *quantiser) constant(name string, axis int, t *tensor.Tensor, scales []float32, zero *tensor.Tensor) {
	if q.done[name] {
		return
	}
	q.done[name] = true
	q.graph.Initializer = slices.DeleteFunc(q.graph.Initializer,
		func(p *onnxpb.TensorProto) bool { return p.GetName() == name })
	q.initialize(name+"_quantized", t)
	q.initialize(name+"_scale", tensor.From(scales, len(scales)))
	q.initialize(name+"_zero_point", zero)
	q.node("DequantizeLinear", name, axis+1, name+"_quantized", name+"_scale", name+"_zero_point")
}

func flag(n *onnxpb.NodeProto, name string) bool {
	return slices.ContainsFunc(n.Attribute,
		func(a *onnxpb.AttributeProto) bool { return a.GetName() == name && a.GetI() != 0 })
}

func readersOf(g *onnxpb.GraphProto) map[string][]*onnxpb.NodeProto {
	readers := map[string][]*onnxpb.NodeProto{}
	for _, n := range g.Node {
		for _, name := range n.Input {
			readers[name] = append(readers[name], n)
		}
	}
	return readers
}

// foldNorms takes the batch normalisations behind convolutions into their weights.
func foldNorms(m *onnx.Model) error {
	g := m.Proto().Graph
	producer := map[string]*onnxpb.NodeProto{}
	var kept []*onnxpb.NodeProto
	for _, n := range g.Node {
		var conv *onnxpb.NodeProto
		if len(n.Input) > 0 {
			conv = producer[n.Input[0]]
		}
		if n.GetOpType() != "BatchNormalization" || conv.GetOpType() != "Conv" {
			kept = append(kept, n)
			producer[n.Output[0]] = n
			continue
		}
		if err := fold(m, conv, n); err != nil {
			return err
		}
		conv.Output[0] = n.Output[0]
		producer[n.Output[0]] = conv
	}
	g.Node = kept
	return nil
}

// fold multiplies conv's weights by what the normalisation n multiplies its result by.
func fold(m *onnx.Model, conv, n *onnxpb.NodeProto) error {
	if len(conv.Input) > 2 {
		return fmt.Errorf("convolution %q has a bias, want none before a normalisation", conv.GetName())
	}
	var p [5][]float32
	for i, name := range []string{conv.Input[1], n.Input[1], n.Input[2], n.Input[3], n.Input[4]} {
		t, err := m.Initializer(name)
		if err != nil {
			return err
		}
		p[i] = t.F32()
	}
	epsilon := 1e-5
	for _, a := range n.Attribute {
		if a.GetName() == "epsilon" {
			epsilon = float64(a.GetF())
		}
	}
	w, err := m.Initializer(conv.Input[1])
	if err != nil {
		return err
	}
	bias := make([]float32, len(p[1]))
	for c := range bias {
		s := float64(p[1][c]) / math.Sqrt(float64(p[4][c])+epsilon)
		per := w.Len() / len(bias)
		for i := range per {
			w.F32()[c*per+i] *= float32(s)
		}
		bias[c] = float32(float64(p[2][c]) - float64(p[3][c])*s)
	}
	if err := m.SetInitializer(conv.Input[1], w); err != nil {
		return err
	}
	name := conv.GetName() + ".bias"
	m.Proto().Graph.Initializer = append(m.Proto().Graph.Initializer,
		onnx.EncodeTensor(name, tensor.From(bias, len(bias))))
	conv.Input = append(conv.Input, name)
	out, err := onnx.FromProto(m.Proto())
	if err != nil {
		return err
	}
	*m = *out
	return nil
}
