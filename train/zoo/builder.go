package zoo

import (
	"math"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

const (
	opset     = 17
	irVersion = 8 // the one that came with opset 17
)

// builder writes a graph node by node. The first thing that does not fit is kept
// in err; what follows it is of no use.
type builder struct {
	spec    Spec
	model   *onnxpb.ModelProto
	graph   *onnxpb.GraphProto
	err     error
	weigh   bool  // count the weights and draw none
	weights int64 // elements; negative where they are too many to count
}

// value is a tensor of the graph: its name and the shape of one sample.
type value struct {
	name  string
	shape []int
}

func newBuilder(s Spec) *builder {
	g := &onnxpb.GraphProto{Name: proto.String(s.Arch)}
	return &builder{spec: s, graph: g, model: &onnxpb.ModelProto{
		IrVersion: proto.Int64(irVersion), ProducerName: proto.String("memprobe"), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(opset)}},
	}}
}

func (b *builder) input() value {
	x := value{"input", []int{b.spec.C, b.spec.H, b.spec.W}}
	b.graph.Input = append(b.graph.Input, x.info())
	return x
}

func (b *builder) output(x value) { b.graph.Output = append(b.graph.Output, x.info()) }

// info describes a tensor whose first dimension is the batch N.
func (x value) info() *onnxpb.ValueInfoProto {
	dims := []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}}}
	for _, d := range x.shape {
		dims = append(dims, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(x.name), Type: &onnxpb.TypeProto{
		Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: &onnxpb.TensorShapeProto{Dim: dims}}}}}
}

// node appends a node and returns its result, which has the node's name.
func (b *builder) node(op, name string, inputs []string, shape []int, attrs ...*onnxpb.AttributeProto) value {
	b.graph.Node = append(b.graph.Node, &onnxpb.NodeProto{
		Name: proto.String(name), OpType: proto.String(op), Input: inputs, Output: []string{name}, Attribute: attrs,
	})
	return value{name, shape}
}

// name gives the result of the last node, x, another name.
func (b *builder) name(x *value, name string) {
	b.graph.Node[len(b.graph.Node)-1].Output[0] = name
	x.name = name
}

func integer(name string, v int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(),
		I: proto.Int64(int64(v))}
}

func integers(name string, v ...int) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INTS.Enum()}
	for _, i := range v {
		a.Ints = append(a.Ints, int64(i))
	}
	return a
}

func float(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(v)}
}

// constant appends a node that yields t. Unlike an initialiser it is no parameter.
func (b *builder) constant(name string, t *tensor.Tensor) string {
	a := &onnxpb.AttributeProto{Name: proto.String("value"), Type: onnxpb.AttributeProto_TENSOR.Enum(),
		T: onnx.EncodeTensor(name, t)}
	return b.node("Constant", name, nil, nil, a).name
}

// param appends an initialiser whose elements are drawn.
func (b *builder) param(name string, draw func(*rng.Stream) float64, shape ...int) string {
	if b.weigh {
		if n := memory.Product(shape...); n < 0 || b.weights < 0 || b.weights+n < 0 {
			b.weights = -1
		} else {
			b.weights += n
		}
		return name
	}
	t := tensor.New(tensor.Float32, shape...)
	s := rng.New(b.spec.Seed, rng.Init, uint64(len(b.graph.Initializer)))
	for i := range t.F32() {
		t.F32()[i] = float32(draw(&s))
	}
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, t))
	return name
}

func always(v float64) func(*rng.Stream) float64 {
	return func(*rng.Stream) float64 { return v }
}

func normal(deviation float64) func(*rng.Stream) float64 {
	return func(s *rng.Stream) float64 { return deviation * s.Normal() }
}

// fanIn is PyTorch's start of a linear layer: uniform within ±1/√n.
func fanIn(n int) func(*rng.Stream) float64 {
	bound := 1 / math.Sqrt(float64(n))
	return func(s *rng.Stream) float64 { return s.Uniform(-bound, bound) }
}
