package onnxtest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// Graph is a random model and what its tensors hold when each node is evaluated for
// itself: nothing fused, folded, viewed or written in place.
type Graph struct {
	Proto  *onnxpb.ModelProto
	Inputs map[string]*tensor.Tensor
	// Taps are tensors that a run is to show, besides the outputs.
	Taps []string
	Want map[string]*tensor.Tensor
	// Spread is, by tensor, how far its elements move where every result before it
	// is rounded anew.
	Spread map[string]float64

	shapes map[string][]int
}

// Random returns the graph of a seed: some nodes of the operators of the table, with odd
// attributes, and patterns that the engine rewrites, joined as they fit.
func Random(seed uint64) *Graph {
	g := newGenerator(seed)
	for tries, size := 0, g.between(2, 12); len(g.nodes) < size && tries < 200; tries++ {
		if g.chance(0.3) {
			oneOf(g, patterns...)(g)
			continue
		}
		op := operators[g.IntN(len(operators))]
		g.jumps = jumps[op]
		if recipe := recipes[op]; recipe != nil {
			recipe(g, op)
		} else {
			g.one(op, nil, g.float(0, 4))
		}
		g.jumps = false
	}
	if len(g.nodes) == 0 {
		g.one("Relu", nil, g.input(2, 3))
	}
	return g.graph()
}

// operators are the standard operators of the table that a compiled graph can have.
var operators = func() []string {
	var names []string
	for _, d := range ops.All() {
		if d.Domain == "" && (d.Infer != nil || d.Expand != nil) && !slices.Contains(names, d.Op) {
			names = append(names, d.Op)
		}
	}
	slices.Sort(names) // what a seed gives does not depend on the order of the table
	return names
}()

// graph writes the model: an initialiser at times as a Constant, most results that nobody
// reads as outputs, others at times.
func (g *generator) graph() *Graph {
	p := &onnxpb.GraphProto{Name: proto.String("random")}
	out := &Graph{Inputs: map[string]*tensor.Tensor{}, Want: map[string]*tensor.Tensor{}, Spread: g.spread(),
		shapes: map[string][]int{}}
	for v := range g.data {
		out.shapes[v.Name] = v.Shape
	}
	read := map[*ops.Value]bool{}
	for _, n := range g.nodes {
		for _, v := range n.In {
			if v == nil || v.Producer != nil || read[v] {
				continue
			}
			switch read[v] = true; {
			case v.Const == nil:
				out.Inputs[v.Name] = g.data[v]
				p.Input = append(p.Input, info(v))
			case g.chance(0.15):
				value := attribute("value", v.Const)
				p.Node = append(p.Node, &onnxpb.NodeProto{OpType: proto.String("Constant"), Output: []string{v.Name},
					Attribute: []*onnxpb.AttributeProto{value}})
			default:
				p.Initializer = append(p.Initializer, onnx.EncodeTensor(v.Name, v.Const))
			}
		}
		for _, v := range n.In {
			read[v] = true
		}
		p.Node = append(p.Node, encode(n))
	}
	for _, n := range g.nodes {
		for _, v := range n.Out {
			out.Want[v.Name] = g.data[v]
			switch {
			case !read[v] && g.chance(0.85), g.chance(0.08):
				p.Output = append(p.Output, info(v))
			case g.chance(0.15):
				out.Taps = append(out.Taps, v.Name)
			}
		}
	}
	if p.Output == nil {
		p.Output = append(p.Output, info(g.nodes[len(g.nodes)-1].Out[0]))
	}
	out.Proto = &onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: p,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(int64(g.opset))}}}
	return out
}

func encode(n *ops.Node) *onnxpb.NodeProto {
	p := &onnxpb.NodeProto{Name: proto.String(n.Name), OpType: proto.String(n.Op)}
	for _, v := range n.In {
		name := ""
		if v != nil {
			name = v.Name
		}
		p.Input = append(p.Input, name)
	}
	for _, v := range n.Out {
		p.Output = append(p.Output, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
		p.Attribute = append(p.Attribute, attribute(name, n.Attrs[name]))
	}
	return p
}

func attribute(name string, v any) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: proto.String(name)}
	switch v := v.(type) {
	case int64:
		a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(v)
	case float32:
		a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
	case string:
		a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
	case []int64:
		a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
	case []float32:
		a.Type, a.Floats = onnxpb.AttributeProto_FLOATS.Enum(), v
	case *tensor.Tensor:
		a.Type, a.T = onnxpb.AttributeProto_TENSOR.Enum(), onnx.EncodeTensor("", v)
	default:
		panic(fmt.Sprintf("onnxtest: attribute %s is %T", name, v))
	}
	return a
}

func info(v *ops.Value) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range v.Shape {
		shape.Dim = append(shape.Dim,
			&onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	elem := int32(onnx.DataTypeOf(v.DType))
	return &onnxpb.ValueInfoProto{Name: proto.String(v.Name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: &elem, Shape: shape}}}}
}

// rounding is by how much of its tensor's scale an element may be off, as sums of some
// hundred products in another order are, and functions that are computed as a whole.
const rounding = 1e-6

// spread evaluates the graph again with every result rounded anew, a few times, and says
// how far each tensor moves (Monte Carlo arithmetic, Parker 1997). So a tolerance is not
// the same for a sum and for a quotient by what is nearly 0.
func (g *generator) spread() map[string]float64 {
	moved := map[string]float64{}
	for draw := range uint64(3) {
		r := rand.New(rand.NewPCG(draw, 2))
		data := map[*ops.Value]*tensor.Tensor{}
		for v, t := range g.data {
			if v.Producer == nil || v.Const != nil {
				data[v] = t
			}
		}
		for _, n := range g.nodes {
			if err := evaluateNode(n, data); err != nil {
				panic(err) // it was evaluated before
			}
			for _, v := range n.Out {
				t := data[v]
				if v.Const != nil || g.exact[v] {
					continue
				}
				moved[v.Name] = max(moved[v.Name], far(t, g.data[v]))
				if t.DType != tensor.Float32 {
					continue
				}
				by := rounding * scale(g.data[v])
				for i, x := range t.F32() {
					if x != 0 { // what is bounded by 0 stays within
						t.F32()[i] += float32(by * (2*r.Float64() - 1))
					}
				}
			}
		}
	}
	return moved
}

// scale is the largest magnitude of a tensor's floats.
func scale(t *tensor.Tensor) float64 { return far(t, tensor.New(t.DType, t.Shape...)) }

// far is the largest difference of two tensors' floats.
func far(a, b *tensor.Tensor) float64 {
	most := 0.0
	if !a.DType.IsFloat() {
		return 0
	}
	for i := range a.Len() {
		most = max(most, math.Abs(a.Number(i)-b.Number(i)))
	}
	return most
}

// Agree compiles the model and compares what two runs of it compute with what its nodes
// compute one by one: integers exactly; floats to 1e-5 of the tensor's scale and four
// times its Spread.
func (g *Graph) Agree(pool *parallel.Pool) error { return g.AgreeOn(nil, pool) }

// AgreeOn is Agree for a backend; nil is the engine.
func (g *Graph) AgreeOn(b onnx.Backend, pool *parallel.Pool) error {
	m, err := onnx.FromProto(g.Proto)
	if err != nil {
		return err
	}
	m.Use(b)
	inputs := maps.Clone(g.Inputs)
	s, err := m.Compile(engine.Options{Inputs: inputs, Taps: g.Taps, Pool: pool})
	if err != nil {
		return err
	}
	for name, t := range g.Inputs {
		if in := s.Input(name); in != nil { // else it belongs to the plan
			in.Copy(t)
		}
	}
	for run := range 2 {
		var failed error
		err := s.Run(context.Background(), func(i int, t *tensor.Tensor) {
			if failed == nil {
				failed = g.agrees(g.Taps[i], t)
			}
		})
		for _, o := range m.Outputs() {
			if failed == nil {
				failed = g.agrees(o.Name, s.Output(o.Name))
			}
		}
		for name, t := range g.Inputs {
			if in := s.Input(name); failed == nil && in != nil && far(in, t) != 0 {
				failed = fmt.Errorf("input %q is written over", name)
			}
		}
		if err != nil || failed != nil {
			return fmt.Errorf("run %d: %v%v", run+1, err, failed)
		}
	}
	return nil
}

func (g *Graph) agrees(name string, got *tensor.Tensor) error {
	want := g.Want[name]
	if err := fits(got, want); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	var err error
	switch tolerance := 1e-5*scale(want) + 4*g.Spread[name]; {
	case want.Len() == 0, math.IsNaN(tolerance): // a rounding can make it no number
	case want.DType == tensor.Float32:
		err = tol.Close(got.F32(), want.F32(), tolerance, 0)
	case want.DType == tensor.Float64:
		err = tol.Close(got.F64(), want.F64(), tolerance, 0)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

// String lists the nodes, one a line.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "opset %d, outputs", g.Proto.OpsetImport[0].GetVersion())
	for _, o := range g.Proto.Graph.Output {
		fmt.Fprintf(&b, " %s", o.GetName())
	}
	fmt.Fprintf(&b, ", taps %v\n", g.Taps)
	for _, n := range g.Proto.Graph.Node {
		fmt.Fprintf(&b, "%v = %s", n.Output, n.GetOpType())
		for _, name := range n.Input {
			fmt.Fprintf(&b, " %s%v", name, g.shapes[name])
		}
		for _, a := range n.Attribute {
			fmt.Fprintf(&b, " %s=%v%v%v%s%v", a.GetName(), a.Ints, a.Floats, a.GetI(), a.S, a.GetF())
		}
		fmt.Fprintf(&b, " -> %v\n", g.shapes[n.Output[0]])
	}
	return b.String()
}
