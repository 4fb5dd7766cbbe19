package ops

import (
	"math"
	"slices"

	"memprobe/internal/kernel/quant"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// byteOps are what quantised operators become where their numbers have eight bits and
// their scales are simple. A zero point that is absent is 0.
var byteOps = []Def{
	// x float32, scale and zero point of one element.
	{Op: "Quantize", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", Infer: func(n *Node) error {
		return n.SetOut(0, n.to(), n.In[0].Shape)
	}, Bind: bindQuantize},
	// x of integers, scale and zero point of one element or one for each index of an axis.
	{Op: "Dequantize", Domain: Internal, Since: 1, NotDifferentiable: "its operand is an integer", Infer: func(n *Node) error {
		return n.SetOut(0, tensor.Float32, n.In[0].Shape)
	}, Bind: bindDequantize},
	// a and b of bytes of one shape.
	{Op: "AddQuantized", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", InPlace: true, Over: [][2]int{{0, 1}}, Infer: func(n *Node) error {
		return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
	}, Bind: bindAddQuantized},
	{Op: "MaxPoolBytes", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", Infer: inferMaxPoolBytes, Bind: bindMaxPoolBytes},
	// x, constant weights, the zero point of x and the constant one of the weights.
	{Op: "IntegerConv", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", Infer: inferIntegerConv, Bind: bindIntegerConv},
	{Op: "IntegerProduct", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", Infer: inferIntegerProduct, Bind: bindIntegerProduct},
}

// Rounded says what becomes of the integer sums of an IntegerConv or an IntegerProduct,
// whose attribute "rounded" it is: for each channel, round((sum + Bias)·Scale) + Zero
// within [Lo, Hi], of a type of eight bits.
type Rounded struct {
	Bias         []int32 // or none
	Scale        []float32
	Zero, Lo, Hi int32
	DType        tensor.DType
}

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

func bindQuantize(n *Node, e *Env) (func(), error) {
	x, scale, zero, y := e.In[0], e.In[1], optional(e.In, 2), e.Out[0]
	lo, hi := ByteRange(y.DType)
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, x.Len())
		quant.Quantize(y.Bytes()[from:to], x.F32()[from:to], scale.F32()[0], quant.Grid{Zero: firstOf(zero), Lo: lo, Hi: hi})
	}
	return func() { e.Pool.For(parallel.Chunks(x.Len(), span), body) }, nil
}

// optional is tensor i of a list, or nil.
func optional(list []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func bindDequantize(n *Node, e *Env) (func(), error) {
	x, scale, zero, y := e.In[0], e.In[1], optional(e.In, 2), e.Out[0]
	channels, inner := scale.Len(), x.Len()
	if channels > 1 {
		inner = tensor.Len(x.Shape[n.Int("axis", 1)+1:])
	}
	zeroAt := func(c int) int32 {
		if zero == nil {
			return 0
		}
		return int32(zero.Number(c))
	}
	var run func(from, to, c int)
	if IsByte(x.DType) {
		run = func(from, to, c int) {
			quant.Dequantize(y.F32()[from:to], x.Bytes()[from:to], x.DType == tensor.Int8, scale.F32()[c], zeroAt(c))
		}
	} else {
		run = func(from, to, c int) {
			s, z := scale.F32()[c], float64(zeroAt(c))
			for i := from; i < to; i++ {
				y.F32()[i] = float32(x.Number(i)-z) * s
			}
		}
	}
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, x.Len())
		for from < to {
			end := min(to, from+inner-from%inner)
			run(from, end, from/inner%channels)
			from = end
		}
	}
	return func() { e.Pool.For(parallel.Chunks(x.Len(), span), body) }, nil
}

func bindAddQuantized(n *Node, e *Env) (func(), error) {
	sum := n.Attrs["sum"].(*quant.Sum)
	a, b, y := e.In[0], e.In[1], e.Out[0]
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, y.Len())
		sum.Run(y.Bytes()[from:to], a.Bytes()[from:to], b.Bytes()[from:to])
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }, nil
}

func inferMaxPoolBytes(n *Node) error {
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return err
	}
	if !g.flat() {
		return n.Errorf("input has shape %v, want two spatial dimensions at most", n.In[0].Shape)
	}
	return n.SetOut(0, n.In[0].DType, slices.Concat([]int{g.n, g.c}, g.own(g.out)))
}

func bindMaxPoolBytes(n *Node, e *Env) (func(), error) {
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return nil, err
	}
	s, _ := (&convolution{slide: g, m: g.c, group: 1}).spec()
	x, y := e.In[0], e.Out[0]
	if y.Len() == 0 {
		return func() {}, nil
	}
	p := quant.NewMaxPool(e.Pool, s, g.out[1], g.out[2], x.DType == tensor.Int8)
	return func() { p.Run(y.Bytes(), x.Bytes()) }, nil
}

// FitsBytes reports whether n, with the inputs and attributes of an IntegerConv, an
// IntegerProduct or a MaxPoolBytes, can be one.
func (n *Node) FitsBytes() bool { return n.Def.Infer(n) == nil }

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
	if z := n.Input(3); z != nil && (z.Const == nil || z.DType != w.DType || z.Len() != 1 && (z.Len() != channels || len(z.Shape) != 1)) {
		return n.Errorf("zero point of the weights is %v%v, want one constant or %d", z.DType, z.Shape, channels)
	}
	if r := n.rounded(); r != nil && (len(r.Scale) != channels || r.Bias != nil && len(r.Bias) != channels) {
		return n.Errorf("%d scales and %d biases, want %d", len(r.Scale), len(r.Bias), channels)
	}
	return nil
}

func (n *Node) rounded() *Rounded {
	r, _ := n.Attrs["rounded"].(*Rounded)
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

func inferIntegerConv(n *Node) error {
	c, err := n.conv(n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return err
	}
	if _, flat := c.spec(); !flat || c.n == 0 {
		return n.Errorf("input has shape %v, want images of at most two dimensions", n.In[0].Shape)
	}
	if err := n.bytesWith(c.m, tensor.Len(n.In[1].Shape[1:])); err != nil {
		return err
	}
	return n.SetOut(0, n.rounded().dtype(), slices.Concat([]int{c.n, c.m}, c.own(c.out)))
}

func bindIntegerConv(n *Node, e *Env) (func(), error) {
	c, err := n.conv(n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return nil, err
	}
	s, _ := c.spec()
	if n.narrow(s) {
		return n.bindNarrow(e, s)
	}
	if err := n.packs(quant.PackedLen(s) / 4); err != nil {
		return nil, err
	}
	x, zero, y := e.In[0], optional(e.In, 2), e.Out[0]
	p := quant.NewConv(e.Pool, s, x.DType == tensor.Int8, n.byteWeights(), n.rounded().result())
	scratch := e.Scratch(p.Scratch())
	if n.rounded() == nil {
		return func() { p.RunSums(y.I32(), x.Bytes(), firstOf(zero), scratch()) }, nil
	}
	return func() { p.Run(y.Bytes(), x.Bytes(), firstOf(zero), scratch()) }, nil
}

// byteProduct is the shape of an IntegerProduct: the rows of x times a matrix, [K,N], or
// [N,K] with the attribute transposed.
func (n *Node) byteProduct() (s quant.ProductSpec, err error) {
	x, w := n.In[0], n.In[1]
	if len(w.Shape) != 2 || len(x.Shape) < 1 || x.Len() == 0 || w.Len() == 0 {
		return s, n.Errorf("operands have shapes %v and %v, want rows and a matrix", x.Shape, w.Shape)
	}
	s = quant.ProductSpec{K: w.Shape[0], N: w.Shape[1], TransW: n.Int("transposed", 0) != 0, Signed: x.DType == tensor.Int8}
	if s.TransW {
		s.K, s.N = s.N, s.K
	}
	if last := x.Shape[len(x.Shape)-1]; last != s.K {
		return s, n.Errorf("operands have shapes %v and %v, which do not fit", x.Shape, w.Shape)
	}
	s.M = x.Len() / s.K
	return s, n.bytesWith(s.N, s.K)
}

func inferIntegerProduct(n *Node) error {
	s, err := n.byteProduct()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.rounded().dtype(), append(slices.Clone(n.In[0].Shape[:len(n.In[0].Shape)-1]), s.N))
}

func bindIntegerProduct(n *Node, e *Env) (func(), error) {
	s, err := n.byteProduct()
	if err != nil {
		return nil, err
	}
	if err := n.packs(quant.ProductLen(s) / 4); err != nil {
		return nil, err
	}
	x, zero, y := e.In[0], optional(e.In, 2), e.Out[0]
	p := quant.NewProduct(e.Pool, s, n.byteWeights(), n.rounded().result())
	scratch := e.Scratch(p.Scratch())
	if n.rounded() == nil {
		return func() { p.RunSums(y.I32(), x.Bytes(), firstOf(zero), scratch()) }, nil
	}
	return func() { p.Run(y.Bytes(), x.Bytes(), firstOf(zero), scratch()) }, nil
}
