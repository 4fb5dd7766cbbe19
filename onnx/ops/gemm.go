package ops

import (
	"slices"

	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var gemms = []Def{
	{Op: "Gemm", Since: 1,
		Attributes: "alpha:f beta:f broadcast:i transA:i transB:i; 7 alpha:f beta:f transA:i transB:i",
		Weighted:   true, Roles: []Role{Matrix, Matrix, Bias}, Infer: inferGemm, Bind: bindGemm,
		Grad: gradGemm, MultiplyAdds: func(n *Node) int64 {
			k := n.In[0].Shape[1]
			if n.Int("transA", 0) != 0 {
				k = n.In[0].Shape[0]
			}
			return int64(n.Out[0].Len()) * int64(k)
		}},
}

// gemm resolves Y = alpha·op(A)·op(B) + beta·C; C broadcasts to Y.
func (n *Node) gemm() (s gemm.Spec, err error) {
	if err := n.Want(2, 3); err != nil {
		return s, err
	}
	a, b := n.In[0], n.In[1]
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return s, n.Errorf("A has shape %v and B %v, want two matrices", a.Shape, b.Shape)
	}
	s = gemm.Spec{TransA: n.Int("transA", 0) != 0, TransB: n.Int("transB", 0) != 0, Alpha: n.Float("alpha", 1)}
	s.M, s.K = swapIf(a.Shape[0], a.Shape[1], s.TransA)
	k, cols := swapIf(b.Shape[0], b.Shape[1], s.TransB)
	s.N = cols
	if k != s.K {
		return s, n.Errorf("op(A) is %dx%d and op(B) %dx%d", s.M, s.K, k, cols)
	}
	return s, n.sameFloat()
}

func swapIf(a, b int, swap bool) (int, int) {
	if swap {
		return b, a
	}
	return a, b
}

func inferGemm(n *Node) error {
	s, err := n.gemm()
	if err != nil {
		return err
	}
	out := []int{s.M, s.N}
	if c := n.Input(2); c != nil {
		if shape, err := broadcastShape(n, c.Shape, out); err != nil || !slices.Equal(shape, out) {
			return n.Errorf("C has shape %v, which does not broadcast to %v", c.Shape, out)
		}
	}
	return n.SetOut(0, n.In[0].DType, out)
}

// bindGemm fuses a C that is one row or column as a bias; another C is first
// copied to the output, which the product is then added to.
func bindGemm(n *Node, e *Env) (func(), error) {
	s, err := n.gemm()
	if err != nil {
		return nil, err
	}
	y, beta := e.Out[0], n.Float("beta", 1)
	c := &tensor.Tensor{}
	fill := func() {}
	if n.Input(2) != nil && beta != 0 {
		c = e.In[2]
		switch rows, cols := matrixOf(c.Shape); {
		case beta == 1 && s.Alpha != 0 && cols == s.N && rows == 1:
			s.BiasCol = true
		case beta == 1 && s.Alpha != 0 && rows == s.M && cols == 1:
			s.BiasRow = true
		default:
			s.Accumulate = true
			spread := broadcastTo(e, y, c)
			fill = func() { spread(); scale(y, y, beta) }
		}
	}
	if s.Alpha == 0 {
		return func() { scale(y, y, 0); fill() }, nil
	}
	run, err := bindProduct(n, e, s, c)
	if err != nil {
		return nil, err
	}
	return func() { fill(); run() }, nil
}

// matrixOf is a shape that broadcasts to a matrix, as a matrix.
func matrixOf(shape []int) (rows, cols int) {
	rows, cols = 1, 1
	if k := len(shape); k > 0 {
		cols = shape[k-1]
		if k > 1 {
			rows = shape[k-2]
		}
	}
	return rows, cols
}

// scale computes y = a·x; with a = 0 whatever x holds.
func scale(y, x *tensor.Tensor, a float32) {
	switch {
	case a == 1 && y == x:
	case y.DType == tensor.Float32 && a == 0:
		clear(y.F32())
	case y.DType == tensor.Float32:
		vec.MulScalar(y.F32(), x.F32(), a)
	case a == 0:
		clear(y.F64())
	default:
		vec.MulScalar(y.F64(), x.F64(), float64(a))
	}
}

// bindProduct multiplies inputs 0 and 1 once, with a constant B packed.
func bindProduct(n *Node, e *Env, s gemm.Spec, bias *tensor.Tensor) (func(), error) {
	a, b, y := e.In[0], e.In[1], e.Out[0]
	if y.Len() == 0 {
		return func() {}, nil
	}
	if y.DType == tensor.Float64 {
		return doubleProduct(e, s, y.F64(), a.F64(), b.F64(), bias.F64()), nil
	}
	g := gemm.New(e.Pool, s)
	scratch := e.Scratch(g.Scratch())
	if v := n.In[1]; v.Const != nil && !v.Param && s.StrideB == 0 {
		if err := n.packs(g.PackedLenB()); err != nil {
			return nil, err
		}
		packed := e.constants(g.PackedLenB(), func(to []float32) { g.PackB(to, b.F32(), e.packed) })
		return func() { g.RunPackedB(y.F32(), a.F32(), packed, bias.F32(), scratch()) }, nil
	}
	return func() { g.Run(y.F32(), a.F32(), b.F32(), bias.F32(), scratch()) }, nil
}

// doubleProduct is a product in float64, some rows of C a chunk.
func doubleProduct(e *Env, s gemm.Spec, c, a, b, bias []float64) func() {
	s = s.Normal()
	rows := max(1, parallel.ChunkFlops/max(1, 2*s.N*s.K))
	parts := parallel.Chunks(s.M, rows)
	body := func(_, chunk int) {
		item, first := chunk/parts, chunk%parts*rows
		part, atA, own := s, item*s.StrideA+first*s.LDA, bias
		part.Batch, part.M = 1, min(rows, s.M-first)
		if s.TransA {
			atA = item*s.StrideA + first
		}
		if s.BiasRow {
			own = bias[first:]
		}
		ref.Gemm(part, c[item*s.StrideC+first*s.LDC:], a[atA:], b[item*s.StrideB:], own)
	}
	return func() { e.Pool.For(s.Batch*parts, body) }
}

// gradGemm computes the gradients as products that read A and B as they are
// stored: dA = alpha·dY·op(B)ᵀ and dB = alpha·op(A)ᵀ·dY, or their transposes.
func gradGemm(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s, err := n.gemm()
	if err != nil {
		return nil, err
	}
	product := func(x, y *Value, transX, transY bool) *Value {
		return b.Op("Gemm", Attrs{"alpha": s.Alpha, "transA": flag(transX), "transB": flag(transY)}, x, y)
	}
	out, d := make([]*Value, len(n.In)), dy[0]
	switch {
	case !want[0]:
	case s.TransA:
		out[0] = product(n.In[1], d, s.TransB, true)
	default:
		out[0] = product(d, n.In[1], false, !s.TransB)
	}
	switch {
	case !want[1]:
	case s.TransB:
		out[1] = product(d, n.In[0], true, s.TransA)
	default:
		out[1] = product(n.In[0], d, !s.TransA, false)
	}
	if c := n.Input(2); c != nil && want[2] {
		out[2] = b.SumTo(d, c.Shape)
		if beta := n.Float("beta", 1); beta != 1 && out[2] != nil {
			out[2] = b.Op("Mul", nil, out[2], b.Scalar(d, float64(beta)))
		}
	}
	return out, b.Err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
