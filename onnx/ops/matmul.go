package ops

import (
	"slices"

	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var products = []Def{
	{Op: "Gemm", Since: 1, Weighted: true, Roles: []Role{Matrix, Matrix, Bias}, Infer: inferGemm, Bind: bindGemm, Grad: gradGemm, MultiplyAdds: func(n *Node) int64 {
		k := n.In[0].Shape[1]
		if n.Int("transA", 0) != 0 {
			k = n.In[0].Shape[0]
		}
		return int64(n.Out[0].Len()) * int64(k)
	}},
	{Op: "MatMul", Since: 1, Weighted: true, Roles: []Role{Matrix}, Infer: inferMatMul, Bind: bindMatMul, Grad: gradMatMul, MultiplyAdds: func(n *Node) int64 {
		a := n.In[0].Shape
		return int64(n.Out[0].Len()) * int64(a[len(a)-1])
	}},
	{Op: "MatMulT", Domain: Internal, Since: 1, Infer: inferMatMul, Bind: bindMatMul},
	{Op: "Product", Domain: Internal, Since: 1, Infer: func(n *Node) error { return n.Want(2, 4) }, Bind: bindFusedProduct, Over: [][2]int{{0, 3}}, NotDifferentiable: "it exists in inference alone"},
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

// sameFloat checks that all inputs are of one floating-point type.
func (n *Node) sameFloat() error {
	for i, v := range n.In {
		switch {
		case v == nil:
		case !v.DType.IsFloat():
			return n.Errorf("input %d is %v, want float32", i, v.DType)
		case v.DType != n.In[0].DType:
			return n.Errorf("input %d is %v and input 0 is %v, want one type", i, v.DType, n.In[0].DType)
		}
	}
	return nil
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
		packed := g.PackB(b.F32(), e.packed)
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

// matmul is a product of stacks of matrices [batch..., rows, cols].
type matmul struct {
	spec           gemm.Spec
	batchA, batchB []int
	batch, out     []int
}

// matmul resolves numpy's rule: a vector on the left is a row and on the right a
// column, whose dimension the result lacks; the dimensions before the last two
// broadcast.
func (n *Node) matmul() (*matmul, error) {
	if err := n.Want(2, 2); err != nil {
		return nil, err
	}
	a, b := n.In[0].Shape, n.In[1].Shape
	if len(a) == 0 || len(b) == 0 {
		return nil, n.Errorf("operands have shapes %v and %v, want at least vectors", a, b)
	}
	row, col := len(a) == 1, len(b) == 1
	if row {
		a = []int{1, a[0]}
	}
	if col {
		b = []int{b[0], 1}
	}
	m := &matmul{batchA: a[:len(a)-2], batchB: b[:len(b)-2]}
	s := gemm.Spec{TransA: n.Int("transA", 0) != 0, TransB: n.Int("transB", 0) != 0}
	s.M, s.K = swapIf(a[len(a)-2], a[len(a)-1], s.TransA)
	k, cols := swapIf(b[len(b)-2], b[len(b)-1], s.TransB)
	if s.N = cols; k != s.K {
		return nil, n.Errorf("operands have shapes %v and %v: %d columns for %d rows", n.In[0].Shape, n.In[1].Shape, s.K, k)
	}
	var err error
	if m.batch, err = broadcastShape(n, m.batchA, m.batchB); err != nil {
		return nil, err
	}
	m.spec, m.out = s, slices.Clone(m.batch)
	if !row {
		m.out = append(m.out, s.M)
	}
	if !col {
		m.out = append(m.out, s.N)
	}
	return m, n.sameFloat()
}

func inferMatMul(n *Node) error {
	m, err := n.matmul()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, m.out)
}

// bindMatMul runs one batched product for each row of the broadcast of the
// batch dimensions.
func bindMatMul(n *Node, e *Env) (func(), error) {
	m, err := n.matmul()
	if err != nil {
		return nil, err
	}
	a, b, y := e.In[0], e.In[1], e.Out[0]
	if y.Len() == 0 {
		return func() {}, nil
	}
	w, s := newWalk(m.batch, m.batchA, m.batchB), m.spec
	sizeA, sizeB, sizeY := s.M*s.K, s.K*s.N, s.M*s.N
	s.Batch, s.StrideA, s.StrideB, s.StrideC = w.inner, w.step[0]*sizeA, w.step[1]*sizeB, sizeY
	if w.inner == 1 {
		s.StrideA, s.StrideB = 0, 0
	}
	if w.rows == 1 {
		return bindProduct(n, e, s, &tensor.Tensor{})
	}
	if y.DType == tensor.Float64 {
		var runs []func()
		for r := range w.rows {
			runs = append(runs, doubleProduct(e, s, y.F64()[r*w.inner*sizeY:], a.F64()[w.offset(0, r)*sizeA:], b.F64()[w.offset(1, r)*sizeB:], nil))
		}
		return func() {
			for _, run := range runs {
				run()
			}
		}, nil
	}
	g := gemm.New(e.Pool, s)
	scratch := e.Scratch(g.Scratch())
	return func() {
		for r := range w.rows {
			g.Run(y.F32()[r*w.inner*sizeY:], a.F32()[w.offset(0, r)*sizeA:], b.F32()[w.offset(1, r)*sizeB:], nil, scratch())
		}
	}, nil
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

// gradMatMul computes dA = dY·Bᵀ and dB = Aᵀ·dY, summed over the batch where an
// operand was stretched along it.
func gradMatMul(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	m, err := n.matmul()
	if err != nil {
		return nil, err
	}
	s, out := m.spec, make([]*Value, 2)
	a := b.Reshape(n.In[0], slices.Concat(m.batchA, []int{s.M, s.K}))
	c := b.Reshape(n.In[1], slices.Concat(m.batchB, []int{s.K, s.N}))
	d := b.Reshape(dy[0], slices.Concat(m.batch, []int{s.M, s.N}))
	if want[0] {
		da := b.Op("MatMulT", Attrs{"transB": int64(1)}, d, c)
		out[0] = b.Reshape(b.SumTo(da, slices.Concat(m.batchA, []int{s.M, s.K})), n.In[0].Shape)
	}
	if want[1] {
		if len(m.batchB) == 0 && slices.Equal(m.batch, m.batchA) { // the sum over the batch is one long product
			rows := tensor.Len(m.batch) * s.M
			a, d = b.Reshape(a, []int{rows, s.K}), b.Reshape(d, []int{rows, s.N})
		}
		db := b.Op("MatMulT", Attrs{"transA": int64(1)}, a, d)
		out[1] = b.Reshape(b.SumTo(db, slices.Concat(m.batchB, []int{s.K, s.N})), n.In[1].Shape)
	}
	return out, b.Err
}
