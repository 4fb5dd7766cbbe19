//go:build unix

package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

// greedy is a model of one node, of a few hundred bytes, that needs much memory or time.
type greedy struct {
	op     string
	domain string
	opset  int64
	in     []any // operands, see operand
	attrs  map[string]any
	outs   int
}

// filled is a constant operand that a ConstantOfShape makes, so that the file is small.
type filled struct {
	shape []int64
	value any // []float32, []int64, []uint8 or []bool, of one element
}

// fed is an input of floats of the graph.
type fed []int64

func row[T tensor.Element](v ...T) *tensor.Tensor { return tensor.From(v, len(v)) }

func ints(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }

func (c greedy) model(t *testing.T) *Model {
	g := &onnxpb.GraphProto{Input: []*onnxpb.ValueInfoProto{floats("fed", 1)}}
	n := &onnxpb.NodeProto{OpType: &c.op, Domain: &c.domain, Name: proto.String("greedy"),
		Attribute: attributesOf(c.attrs)}
	for i, in := range c.in {
		name := fmt.Sprint("in", i)
		switch in := in.(type) {
		case nil:
			name = ""
		case *tensor.Tensor:
			g.Initializer = append(g.Initializer, EncodeTensor(name, in))
		case fed:
			g.Input = append(g.Input, floats(name, in...))
		case filled:
			g.Initializer = append(g.Initializer, EncodeTensor(name+"shape", ints(in.shape...)))
			var v *tensor.Tensor
			switch x := in.value.(type) {
			case []float32:
				v = tensor.From(x, 1)
			case []float64:
				v = tensor.From(x, 1)
			case []int64:
				v = tensor.From(x, 1)
			case []uint8:
				v = tensor.From(x, 1)
			case []bool:
				v = tensor.New(tensor.Bool, 1)
				v.Bool()[0] = x[0]
			}
			g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("ConstantOfShape"),
				Input: []string{name + "shape"}, Output: []string{name},
				Attribute: attributesOf(map[string]any{"value": v})})
		}
		n.Input = append(n.Input, name)
	}
	for i := range max(1, c.outs) {
		n.Output = append(n.Output, fmt.Sprint("out", i))
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: proto.String(n.Output[i])})
	}
	g.Node = append(g.Node, n)
	sets := []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(cmp.Or(c.opset, 21))}}
	if c.domain != "" {
		sets = append(sets, &onnxpb.OperatorSetIdProto{Domain: &c.domain, Version: proto.Int64(1)})
	}
	m, err := FromProto(&onnxpb.ModelProto{IrVersion: proto.Int64(10), OpsetImport: sets, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func attributesOf(attrs map[string]any) (out []*onnxpb.AttributeProto) {
	for name, v := range attrs {
		a := &onnxpb.AttributeProto{Name: proto.String(name)}
		switch v := v.(type) {
		case int:
			a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
		case float32:
			a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), &v
		case string:
			a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
		case []int64:
			a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
		case *tensor.Tensor:
			a.Type, a.T = onnxpb.AttributeProto_TENSOR.Enum(), EncodeTensor("", v)
		}
		out = append(out, a)
	}
	return out
}

const (
	k15 = 1 << 15
	m24 = 1 << 24
	g28 = 1 << 28
	g30 = 1 << 30
)

// zeros is a constant of floats of a shape, and cells one of whatever value says.
func zeros(shape ...int64) filled { return filled{shape, []float32{0}} }

// scalar is a constant of rank 0.
func scalar[T tensor.Element](v T) *tensor.Tensor {
	return tensor.From([]T{v})
}

func cells[T any](v T, shape ...int64) filled { return filled{shape, []T{v}} }

func attrs(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

var greedyModels = []greedy{
	{op: "ConstantOfShape", in: []any{ints(g30)}},
	{op: "Expand", in: []any{zeros(1), ints(g28)}},
	{op: "Expand", in: []any{fed{1}, ints(g28)}},
	{op: "Tile", in: []any{fed{1}, ints(g28)}},
	{op: "Tile", in: []any{zeros(1), ints(g28)}},
	{op: "Pad", in: []any{fed{1, 1}, ints(0, 0, k15, k15)}},
	{op: "Pad", in: []any{zeros(1, 1), ints(0, 0, k15, k15)}},
	{op: "Range", in: []any{scalar[int64](0), scalar[int64](g28), scalar[int64](1)}},
	{op: "OneHot", in: []any{cells[int64](0, k15), scalar[int64](k15), row([]float32{0, 1}...)}},
	{op: "Resize", in: []any{fed{1, 1, 1, 8}, nil, nil, ints(1, 1, 1, g28)}},
	{op: "Resize", in: []any{fed{1, 1, 1, 8}, nil, nil, ints(1, 1, 1, 1<<24)}, attrs: attrs("mode", "cubic")},
	{op: "Upsample", opset: 9, in: []any{fed{1, 1, 1, 8}, row([]float32{1, 1, 1, m24}...)}},
	{op: "NonZero", in: []any{cells[float32](1, m24, 1, 1, 1)}},
	{op: "Compress", in: []any{cells[float32](1, 1<<24), cells(true, 1<<24)}},
	{op: "Unique", in: []any{zeros(1 << 25)}, outs: 4},
	{op: "TopK", in: []any{zeros(1 << 25), ints(1 << 25)}, outs: 2},
	{op: "Col2Im", in: []any{fed{1, 1, k15 * k15}, ints(k15, k15), ints(1, 1)}},
	{op: "Col2Im", in: []any{fed{1, 16, 1 << 20}, ints(4, (1<<20)+3), ints(4, 4)}},
	{op: "DFT", in: []any{fed{1, 1 << 14, 1}, ints(1 << 14), scalar[int64](1)}, opset: 20},
	{op: "STFT", in: []any{fed{1, m24, 1}, scalar[int64](1), nil, scalar[int64](64)}, opset: 17},
	{op: "MelWeightMatrix", in: []any{scalar[int64](k15), scalar[int64](k15), scalar[int64](16000),
		scalar[float32](0), scalar[float32](8000)}},
	{op: "EyeLike", in: []any{fed{k15, k15}}},
	{op: "HannWindow", in: []any{scalar[int64](g28)}},
	{op: "Gather", in: []any{fed{1, 1 << 14}, cells[int64](0, 1<<14)}},
	{op: "Gather", in: []any{zeros(1, 1), cells[int64](0, 1<<24)}},
	{op: "GatherND", in: []any{fed{1, 1 << 14}, cells[int64](0, 1<<14, 1)}},
	{op: "GatherElements", in: []any{zeros(1), cells[int64](0, 1<<24)}},
	{op: "ScatterElements", in: []any{fed{1 << 25}, cells[int64](0, 1<<24), zeros(1 << 24)}},
	{op: "Einsum", in: []any{fed{k15}, fed{k15}}, attrs: attrs("equation", "i,j->ij")},
	{op: "Einsum", in: []any{fed{k15 / 2, k15 / 2}}, attrs: attrs("equation", "ii->i")},
	{op: "MatMul", in: []any{fed{k15, 1}, fed{1, k15}}},
	{op: "MatMul", in: []any{zeros(k15, 1), zeros(1, k15)}},
	{op: "Conv", in: []any{fed{1, 1, 1, 1}, zeros(1, 1, 1, 1)}, attrs: attrs("pads", []int64{k15, k15, k15, k15})},
	{op: "ConvTranspose", in: []any{fed{1, 1, 2, 2}, zeros(1, 1, 1, 1)}, attrs: attrs("strides", []int64{k15, k15})},
	{op: "CenterCropPad", in: []any{fed{1, 1}, ints(k15, k15)}},
	{op: "AffineGrid", in: []any{fed{1, 2, 3}, ints(1, 1, k15, k15)}},
	{op: "GridSample", in: []any{fed{1, 64, 2, 2}, zeros(1, 1<<11, 1<<11, 2)}},
	{op: "Where", in: []any{cells(true, k15, 1), zeros(1, k15), zeros(1)}},
	{op: "Add", in: []any{fed{k15, 1}, fed{1, k15}}},
	{op: "Pow", in: []any{fed{1 << 25}, zeros(1 << 25)}},
	{op: "NonMaxSuppression", in: []any{zeros(1, 1<<22, 4), zeros(1, 1, 1<<22), scalar[int64](g30)}},
	{op: "Attention", in: []any{fed{1, 1, 1 << 14, 1}, fed{1, 1, 1 << 14, 1}, fed{1, 1, 1 << 14, 1}}, opset: 23},
	{op: "Attention", in: []any{zeros(1, 1, 1<<14, 1), zeros(1, 1, 1<<14, 1), zeros(1, 1, 1<<14, 1)}, opset: 23,
		attrs: attrs("is_causal", 1)},
	{op: "Cast", in: []any{cells[uint8](1, 1<<26)}, attrs: attrs("to", 1)},
	{op: "QuantizeLinear", in: []any{zeros(54 << 20), scalar[float32](1), scalar[uint8](0)}},
	{op: "Add", in: []any{cells[uint8](1, 1<<26), cells[uint8](1, 1<<26)}},
	{op: "Concat", in: slices.Repeat([]any{zeros(m24)}, 64), attrs: attrs("axis", 0)},
	{op: "Trilu", in: []any{zeros(k15, k15)}},
	{op: "BlackmanWindow", in: []any{ints(g28)}},
	{op: "DepthToSpace", in: []any{cells[float32](1, 1, 1<<26, 1, 1)}, attrs: attrs("blocksize", 1<<13)},
}

// budgeted sets the process's budget for a test.
func budgeted(t *testing.T, bytes int64) {
	memory.SetLimit(bytes)
	t.Cleanup(func() { memory.SetLimit(0) })
}

// A file of a few hundred bytes cannot have gigabytes computed when it is compiled or
// inspected: whatever an operator makes by sizes that the file gives is within the
// budget.
func TestOperatorsWithinBudget(t *testing.T) {
	const budget = 256 << 20
	budgeted(t, budget)
	for i, c := range greedyModels {
		t.Run(fmt.Sprint(i, c.op), func(t *testing.T) {
			m := c.model(t)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m.Inspect(1, nil)
			in, err := m.InputTensors(1, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Compile(engine.Options{Inputs: in})
			runtime.ReadMemStats(&after)
			if !errors.As(err, new(*memory.Error)) {
				t.Errorf("not refused: %v", err)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 3*budget {
				t.Errorf("allocates %s", memory.String(int64(made)))
			}
		})
	}
}

// slowModels take seconds to minutes to compute. None takes much memory at once, since
// that is cleared in one piece.
var slowModels = []greedy{
	{op: "QLinearMatMul", in: []any{cells[uint8](1, 1<<12, 1<<12), scalar[float32](1), scalar[uint8](0),
		cells[uint8](1, 1<<12, 1<<12), scalar[float32](1), scalar[uint8](0), scalar[float32](1), scalar[uint8](0)}},
	{op: "NonMaxSuppression", in: []any{zeros(1, 1<<20, 4), cells[float32](1, 1, 1, 1<<20), scalar[int64](g30)}},
	{op: "DFT", in: []any{zeros(1, 1<<11, 1<<13, 1), nil, scalar[int64](1)}, opset: 20},
	{op: "LpPool", in: []any{zeros(1, 1, 1<<11, 1<<11)}, attrs: attrs("kernel_shape", []int64{1 << 10, 1 << 10})},
	{op: "LSTM", in: []any{zeros(1<<12, 1, 1), zeros(1, 1<<12, 1), zeros(1, 1<<12, 1<<10)},
		attrs: attrs("hidden_size", 1<<10)},
	{op: "Conv", in: []any{zeros(1, 1, 1, 1<<11, 1<<11), zeros(1, 1, 1, 1<<7, 1<<7)}},
}

// A context ends what is computed of a model, be it in the middle of one node.
func TestContextEndsCompilation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	budgeted(t, 4<<30)
	for _, c := range slowModels {
		t.Run(c.op, func(t *testing.T) {
			m := c.model(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			m.Until(ctx)
			in, err := m.InputTensors(1, nil)
			if err != nil {
				t.Fatal(err)
			}
			begun := processors()
			var ended time.Duration
			stop := make(chan bool)
			go func() {
				for processors() < begun+300*time.Millisecond {
					time.Sleep(5 * time.Millisecond)
				}
				ended = processors()
				cancel()
				close(stop)
			}()
			_, err = m.Compile(engine.Options{Inputs: in})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v", err)
			}
			<-stop
			if late := processors() - ended; late > time.Second {
				t.Errorf("ends %v later", late)
			}
		})
	}
}

// processors is the processors' time that the process has taken.
func processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
