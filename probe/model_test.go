package probe

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// builder makes small models.
type builder struct {
	graph *onnxpb.GraphProto
	rng   rng.Stream
}

func newBuilder(c, h, w int64) *builder {
	b := &builder{graph: &onnxpb.GraphProto{Name: proto.String("test")}, rng: rng.New(11, rng.Init)}
	b.graph.Input = []*onnxpb.ValueInfoProto{b.info("x", c, h, w)}
	return b
}

// info describes a float tensor whose first dimension is the batch.
func (b *builder) info(name string, dims ...int64) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
		{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}}}}
	for _, d := range dims {
		s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: s}}}}
}

// node adds an operator that computes out.
func (b *builder) node(op, out string, in ...string) *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{OpType: &op, Name: proto.String(out + "/node"), Input: in, Output: []string{out}}
	b.graph.Node = append(b.graph.Node, n)
	return n
}

func ints(n *onnxpb.NodeProto, name string, v ...int64) {
	n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: &name, Ints: v,
		Type: onnxpb.AttributeProto_INTS.Enum()})
}

func integer(n *onnxpb.NodeProto, name string, v int64) {
	n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: &name, I: &v, Type: onnxpb.AttributeProto_INT.Enum()})
}

// weight adds an initialiser of normal numbers.
func (b *builder) weight(name string, shape ...int) string {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(0.4 * b.rng.Normal())
	}
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, t))
	return name
}

// constant adds an initialiser of given integers.
func (b *builder) constant(name string, v ...int64) string {
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, tensor.From(v, len(v))))
	return name
}

// conv adds a 3x3 convolution that keeps the size.
func (b *builder) conv(out, in string, m, c int) string {
	n := b.node("Conv", out, in, b.weight(out+".w", m, c, 3, 3), b.weight(out+".b", m))
	ints(n, "pads", 1, 1, 1, 1)
	return out
}

// gemm adds a fully connected layer as PyTorch exports it.
func (b *builder) gemm(out, in string, n, k int) string {
	integer(b.node("Gemm", out, in, b.weight(out+".w", n, k), b.weight(out+".b", n)), "transB", 1)
	return out
}

func (b *builder) model(t *testing.T, outputs ...string) *onnx.Model {
	t.Helper()
	for _, o := range outputs {
		b.graph.Output = append(b.graph.Output, b.info(o, 1))
	}
	for i := range b.graph.Output {
		b.graph.Output[i].Type.GetTensorType().Shape = nil
	}
	m, err := onnx.FromProto(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: b.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(13)}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// residual is a network with a stem, one residual block with a skip connection,
// a pooled embedding, a projector of one hidden layer, and a flattening that
// computes its shape.
func residual(t *testing.T) *onnx.Model {
	b := newBuilder(1, 6, 6)
	b.node("Relu", "stem", b.conv("conv0", "x", 4, 1))
	b.node("Relu", "a", b.conv("conv1", "stem", 4, 4))
	b.conv("conv2", "a", 4, 4)
	b.node("Add", "sum", "conv2", "stem")
	b.node("Relu", "block", "sum")
	b.node("Relu", "late", b.conv("conv3", "block", 5, 4))
	b.node("GlobalAveragePool", "pooled", "late")
	// view(x.size(0), -1)
	b.node("Shape", "shape", "pooled")
	b.node("Gather", "size", "shape", b.constant("zero", 0))
	integer(b.node("Concat", "target", "size", b.constant("rest", -1)), "axis", 0)
	b.node("Reshape", "embedding", "pooled", "target")
	b.node("Relu", "hidden", b.gemm("fc0", "embedding", 8, 5))
	b.gemm("logits", "hidden", 3, 8)
	return b.model(t, "logits")
}

// images is a synthetic split: an image of class y has pixels around y/4.
type images struct {
	labels []int
	shape  []int
}

func (s images) N() int          { return len(s.labels) }
func (s images) Label(i int) int { return s.labels[i] }

func (s images) Float32(dst []float32, i int) {
	r := rng.New(5, rng.Bench, uint64(i))
	for j := range dst[:tensor.Len(s.shape)] {
		dst[j] = float32(s.labels[i])/4 + 0.3*float32(r.Float64())
	}
}

func synthetic(n, classes int) images {
	s := images{make([]int, n), []int{1, 6, 6}}
	for i := range s.labels {
		s.labels[i] = i % classes
	}
	return s
}
