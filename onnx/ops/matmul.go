package ops

import (
	"slices"

	"memprobe/internal/kernel/gemm"
	"memprobe/internal/tensor"
)

var matMuls = []Def{
	{Op: "MatMul", Since: 1, Weighted: true, Roles: []Role{Matrix}, Infer: inferMatMul, Bind: bindMatMul,
		Grad: gradMatMul, MultiplyAdds: func(n *Node) int64 {
			a := n.In[0].Shape
			return int64(n.Out[0].Len()) * int64(a[len(a)-1])
		}},
	{Op: "MatMulT", Domain: Internal, Since: 1, Infer: inferMatMul, Bind: bindMatMul},
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
			runs = append(runs, doubleProduct(e, s, y.F64()[r*w.inner*sizeY:], a.F64()[w.offset(0, r)*sizeA:],
				b.F64()[w.offset(1, r)*sizeB:], nil))
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
