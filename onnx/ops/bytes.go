package ops

import (
	"math"
	"slices"

	"memprobe/internal/kernel/quant"
	"memprobe/internal/tensor"
)

// IsByte reports whether d is one of the integers of eight bits.
func IsByte(d tensor.DType) bool { return d == tensor.Int8 || d == tensor.Uint8 }

// ByteRange bounds the integers of a type of eight bits.
func ByteRange(d tensor.DType) (lo, hi int32) {
	if d == tensor.Int8 {
		return math.MinInt8, math.MaxInt8
	}
	return 0, math.MaxUint8
}

// to is the type of the attribute dtype.
func (n *Node) to() tensor.DType { return tensor.DType(n.Int("dtype", 0)) }

// firstOf reads the first element of a tensor when it runs; 0 for none.
func firstOf(t *tensor.Tensor) int32 {
	if t == nil {
		return 0
	}
	return int32(t.Number(0))
}

// optional is tensor i of a list, or nil.
func optional(list []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// FitsBytes reports whether n, with the inputs and attributes of an IntegerConv, an
// IntegerProduct or a MaxPoolBytes, can be one.
func (n *Node) FitsBytes() bool { return n.Def.Infer(n) == nil }

// Rounded says what becomes of the integer sums of an IntegerConv or an IntegerProduct,
// whose attribute "rounded" it is: for each channel, round((sum + Bias)·Scale) + Zero
// within [Lo, Hi], of a type of eight bits.
type Rounded struct {
	Bias         []int32 // or none
	Scale        []float32
	Zero, Lo, Hi int32
	DType        tensor.DType
}

// NewRounded rounds sums of products of numbers with the scales x and w, one or one for
// each channel, to a type of eight bits with a scale and a zero point. Nil unless the
// scales are positive and finite.
func NewRounded(x float32, w []float32, y float32, zero int32, to tensor.DType) *Rounded {
	r := &Rounded{Zero: zero, DType: to}
	r.Lo, r.Hi = ByteRange(to)
	for _, v := range w {
		s := float32(x*v) / y
		if !(v > 0 && s > 0 && s <= math.MaxFloat32) {
			return nil
		}
		r.Scale = append(r.Scale, s)
	}
	if !(x > 0 && y > 0) {
		return nil
	}
	return r
}

// ForChannels repeats a lone scale.
func (r *Rounded) ForChannels(n int) *Rounded {
	if len(r.Scale) == 1 && n > 1 {
		r.Scale = slices.Repeat(r.Scale, n)
	}
	return r
}

// of is the result's type.
func (r *Rounded) dtype() tensor.DType {
	if r == nil {
		return tensor.Int32
	}
	return r.DType
}

// result is r for the kernels.
func (r *Rounded) result() *quant.Result {
	if r == nil {
		return nil
	}
	return &quant.Result{Bias: r.Bias, Scale: r.Scale, Grid: quant.Grid{Zero: r.Zero, Lo: r.Lo, Hi: r.Hi}}
}

func (n *Node) rounded() *Rounded {
	r, _ := n.Attrs["rounded"].(*Rounded)
	return r
}

// bytesWith checks the types and the zero points of an integer operator whose weights
// have so many channels and are multiplied so many at a time.
func (n *Node) bytesWith(channels, terms int) error {
	if err := n.Want(2, 4); err != nil {
		return err
	}
	x, w := n.In[0], n.In[1]
	switch {
	case !IsByte(x.DType) || !IsByte(w.DType):
		return n.Errorf("inputs are %v and %v, want integers of eight bits", x.DType, w.DType)
	case w.Const == nil || w.Param:
		return n.Errorf("weights are not constant")
	case terms > quant.MostTerms:
		return n.Errorf("sums have %d terms, want at most %d", terms, quant.MostTerms)
	}
	if z := n.Input(2); z != nil && (z.Len() != 1 || z.DType != x.DType) {
		return n.Errorf("zero point of x is %v%v, want one %v", z.DType, z.Shape, x.DType)
	}
	if z := n.Input(3); z != nil &&
		(z.Const == nil || z.DType != w.DType || z.Len() != 1 && (z.Len() != channels || len(z.Shape) != 1)) {
		return n.Errorf("zero point of the weights is %v%v, want one constant or %d", z.DType, z.Shape, channels)
	}
	if r := n.rounded(); r != nil && (len(r.Scale) != channels || r.Bias != nil && len(r.Bias) != channels) {
		return n.Errorf("%d scales and %d biases, want %d", len(r.Scale), len(r.Bias), channels)
	}
	return nil
}

// weights are those of an integer operator.
func (n *Node) byteWeights() quant.Weights {
	w := quant.Weights{W: n.In[1].Const.Bytes(), Signed: n.In[1].DType == tensor.Int8}
	if z := n.Input(3); z != nil {
		for _, v := range z.Const.Ints() {
			w.Zero = append(w.Zero, int32(v))
		}
	}
	return w
}
