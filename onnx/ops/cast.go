package ops

import (
	"memprobe/internal/half"
	"memprobe/internal/tensor"
)

// castType is what ONNX's element type numbers (TensorProto.DataType) mean to the
// engine: the type of the result and, for the 16-bit floats, which are held as
// float32, how a value is rounded.
type castType struct {
	dtype tensor.DType
	round func(x float32) float32
}

var castTypes = map[int]castType{
	1: {tensor.Float32, nil}, 11: {tensor.Float64, nil},
	10: {tensor.Float32, func(x float32) float32 { return half.FromF16(half.ToF16(x)) }},
	16: {tensor.Float32, func(x float32) float32 { return half.FromBF16(half.ToBF16(x)) }},
	3:  {tensor.Int8, nil}, 5: {tensor.Int16, nil}, 6: {tensor.Int32, nil}, 7: {tensor.Int64, nil},
	2: {tensor.Uint8, nil}, 4: {tensor.Uint16, nil}, 12: {tensor.Uint32, nil}, 13: {tensor.Uint64, nil},
	9: {tensor.Bool, nil}, 26: {tensor.Int2, nil}, 22: {tensor.Int4, nil}, 25: {tensor.Uint2, nil},
	21: {tensor.Uint4, nil},
	23: {tensor.Float4E2M1, nil}, 17: {tensor.Float8E4M3FN, nil}, 18: {tensor.Float8E4M3FNUZ, nil},
	19: {tensor.Float8E5M2, nil}, 20: {tensor.Float8E5M2FNUZ, nil}, 24: {tensor.Float8E8M0, nil},
}

var casts = []Def{
	{Op: "Cast", Since: 1,
		Attributes: "to:s!; 6 to:i!; 19 saturate:i to:i!; 24 round_mode:s saturate:i to:i!",
		Moves:      true, Infer: inferCast, Bind: bindCast, Grad: gradCast},
	{Op: "CastLike", Since: 15, Attributes: "; 19 saturate:i; 24 round_mode:s saturate:i",
		Infer: func(n *Node) error {
			if err := n.Want(2, 2); err != nil {
				return err
			}
			return n.SetOut(0, n.In[1].DType, n.In[0].Shape)
		}, Bind: bindCast, Grad: gradCast},
	{Op: "CastTo", Domain: Internal, Since: 1, Infer: func(n *Node) error {
		return n.SetOut(0, tensor.DType(n.Int("dtype", 0)), n.In[0].Shape)
	}, Bind: bindCast},
}

func inferCast(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	t, err := n.castTo()
	if err != nil {
		return err
	}
	if m := n.Str("round_mode", "up"); m != "up" && m != "down" && m != "nearest" {
		return n.Errorf("round_mode is %q, want up, down or nearest", m)
	}
	return n.SetOut(0, t.dtype, n.In[0].Shape)
}

// castTo is what a Cast casts to: a number, or before opset 6 a name.
func (n *Node) castTo() (castType, error) {
	if name, ok := n.Attrs["to"].(string); ok && n.Opset < 6 {
		t, ok := castTypes[castNames[name]]
		if !ok {
			return t, n.Errorf("cast to element type %q is not supported", name)
		}
		return t, nil
	}
	t, ok := castTypes[n.Int("to", 0)]
	if !ok {
		return t, n.Errorf("cast to element type number %d is not supported", n.Int("to", 0))
	}
	return t, nil
}

// castNames are the element types as the attribute "to" has them before opset 6.
var castNames = map[string]int{
	"FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7,
	"BOOL": 9, "FLOAT16": 10, "DOUBLE": 11, "UINT32": 12, "UINT64": 13,
}

func bindCast(n *Node, e *Env) (func(), error) {
	x, y := e.In[0], e.Out[0]
	var round func(x float32) float32
	if n.Op == "Cast" {
		t, err := n.castTo()
		if err != nil {
			return nil, err
		}
		round = t.round
	}
	if x.DType == y.DType && round == nil {
		return func() { y.Copy(x) }, nil
	}
	run := castLoop(x, y, narrowing{saturate: n.Int("saturate", 1) != 0, mode: n.Str("round_mode", "up")})
	if round == nil {
		return run, nil
	}
	return func() {
		run()
		for i, dst := 0, y.F32(); i < len(dst); i++ {
			dst[i] = round(dst[i])
		}
	}, nil
}

// castLoop converts the elements of x to the type of y.
func castLoop(x, y *tensor.Tensor, how narrowing) func() {
	switch {
	case x.DType == y.DType:
		return func() { y.Copy(x) }
	case x.DType > tensor.Bool:
		return fromNarrow(x, y, how)
	case y.DType > tensor.Bool:
		return toNarrow(x, y, how)
	}
	switch x.DType {
	case tensor.Float32:
		return castFrom[float32](x, y)
	case tensor.Float64:
		return castFrom[float64](x, y)
	case tensor.Int8:
		return castFrom[int8](x, y)
	case tensor.Int16:
		return castFrom[int16](x, y)
	case tensor.Int32:
		return castFrom[int32](x, y)
	case tensor.Int64:
		return castFrom[int64](x, y)
	case tensor.Uint16:
		return castFrom[uint16](x, y)
	case tensor.Uint32:
		return castFrom[uint32](x, y)
	case tensor.Uint64:
		return castFrom[uint64](x, y)
	}
	return castFrom[uint8](x, y) // and bool: 1 for true
}

// converted returns a copy of t as another type.
func converted(t *tensor.Tensor, d tensor.DType) *tensor.Tensor {
	out := tensor.New(d, t.Shape...)
	castLoop(t, out, narrowing{})()
	return out
}

// full returns a tensor of equal elements.
func full(d tensor.DType, x float64, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float64, shape...)
	for i, e := 0, t.F64(); i < len(e); i++ {
		e[i] = x
	}
	return converted(t, d)
}

// anyNumber lists the types that casts convert between.
type anyNumber interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func castFrom[T anyNumber](x, y *tensor.Tensor) func() {
	if x.DType == tensor.Bool {
		bits := tensor.Over(tensor.Uint8, x.Bytes(), x.Shape...)
		run := castFrom[T](bits, y)
		return func() { bits.Alias(x); run() }
	}
	return func() {
		switch src := tensor.Data[T](x); y.DType {
		case tensor.Float32:
			convert(y.F32(), src)
		case tensor.Float64:
			convert(y.F64(), src)
		case tensor.Int8:
			convert(tensor.Data[int8](y), src)
		case tensor.Int16:
			convert(tensor.Data[int16](y), src)
		case tensor.Int32:
			convert(y.I32(), src)
		case tensor.Int64:
			convert(y.I64(), src)
		case tensor.Uint8:
			convert(y.U8(), src)
		case tensor.Uint16:
			convert(tensor.Data[uint16](y), src)
		case tensor.Uint32:
			convert(tensor.Data[uint32](y), src)
		case tensor.Uint64:
			convert(tensor.Data[uint64](y), src)
		case tensor.Bool:
			dst := y.Bool()
			for i, v := range src {
				dst[i] = v != 0
			}
		}
	}
}

func convert[D, S anyNumber](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}

// gradCast converts the gradient back; integers and booleans have none.
func gradCast(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	if n.In[0].DType.IsFloat() && n.Out[0].DType.IsFloat() {
		out[0] = b.Op("CastLike", nil, dy[0], n.In[0])
	}
	return out, b.Err
}
