package ops

import (
	"memprobe/internal/tensor"
)

// dtypes maps ONNX's element type numbers (TensorProto.DataType) to the types
// that the engine computes with. Half precision is widened, as initialisers are.
var dtypes = map[int]tensor.DType{
	1: tensor.Float32, 10: tensor.Float32, 16: tensor.Float32, 11: tensor.Float64,
	7: tensor.Int64, 6: tensor.Int32, 2: tensor.Uint8, 9: tensor.Bool,
}

var casts = []Def{
	{Op: "Cast", Since: 6, Infer: func(n *Node) error {
		if err := n.Want(1, 1); err != nil {
			return err
		}
		d, ok := dtypes[n.Int("to", 0)]
		if !ok {
			return n.Errorf("cast to element type number %d is not supported", n.Int("to", 0))
		}
		return n.SetOut(0, d, n.In[0].Shape)
	}, Bind: bindCast, Grad: gradCast},
	{Op: "CastLike", Since: 15, Infer: func(n *Node) error {
		if err := n.Want(2, 2); err != nil {
			return err
		}
		return n.SetOut(0, n.In[1].DType, n.In[0].Shape)
	}, Bind: bindCast, Grad: gradCast},
}

func bindCast(n *Node, e *Env) (func(), error) {
	x, y := e.In[0], e.Out[0]
	if x.DType == y.DType {
		return func() { y.Copy(x) }, nil
	}
	switch x.DType {
	case tensor.Float32:
		return castFrom[float32](x, y), nil
	case tensor.Float64:
		return castFrom[float64](x, y), nil
	case tensor.Int64:
		return castFrom[int64](x, y), nil
	case tensor.Int32:
		return castFrom[int32](x, y), nil
	case tensor.Uint8:
		return castFrom[uint8](x, y), nil
	}
	return func() {
		for i, v := range x.Bool {
			one := uint8(0)
			if v {
				one = 1
			}
			switch y.DType {
			case tensor.Float32:
				y.F32[i] = float32(one)
			case tensor.Float64:
				y.F64[i] = float64(one)
			case tensor.Int64:
				y.I64[i] = int64(one)
			case tensor.Int32:
				y.I32[i] = int32(one)
			case tensor.Uint8:
				y.U8[i] = one
			}
		}
	}, nil
}

func castFrom[T number](x, y *tensor.Tensor) func() {
	return func() {
		switch src := tensor.Data[T](x); y.DType {
		case tensor.Float32:
			convert(y.F32, src)
		case tensor.Float64:
			convert(y.F64, src)
		case tensor.Int64:
			convert(y.I64, src)
		case tensor.Int32:
			convert(y.I32, src)
		case tensor.Uint8:
			convert(y.U8, src)
		case tensor.Bool:
			for i, v := range src {
				y.Bool[i] = v != 0
			}
		}
	}
}

func convert[D, S number](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}
