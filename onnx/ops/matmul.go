package ops

import (
	"slices"

	"memprobe/internal/kernel"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tensor"
)

var products = []Def{
	{Op: "MatMul", Since: 1, Infer: inferMatMul, Bind: bindMatMul},
	{Op: "Gemm", Since: 1, Infer: inferGemm, Bind: bindGemm},
}

// matmul resolves numpy's matmul: vectors count as one row or one column, and
// the dimensions before the last two broadcast.
func (n *Node) matmul() (s kernel.GemmSpec, a, b, batch, out []int, err error) {
	if err = n.Want(2, 2); err != nil {
		return
	}
	a, b = n.In[0].Shape, n.In[1].Shape
	if len(a) == 0 || len(b) == 0 || n.In[0].DType != n.In[1].DType {
		err = n.Errorf("inputs are %v %v and %v %v, want matrices of one type", n.In[0].DType, a, n.In[1].DType, b)
		return
	}
	rowVector, colVector := len(a) == 1, len(b) == 1
	if rowVector {
		a = []int{1, a[0]}
	}
	if colVector {
		b = []int{b[0], 1}
	}
	ra, rb := len(a)-2, len(b)-2
	s.M, s.K, s.N = a[ra], a[ra+1], b[rb+1]
	if b[rb] != s.K {
		err = n.Errorf("shapes %v and %v do not fit: %d columns and %d rows", n.In[0].Shape, n.In[1].Shape, s.K, b[rb])
		return
	}
	if batch, err = broadcastShape(n, a[:ra], b[:rb]); err != nil {
		return
	}
	out = slices.Clone(batch)
	if !rowVector {
		out = append(out, s.M)
	}
	if !colVector {
		out = append(out, s.N)
	}
	return
}

func inferMatMul(n *Node) error {
	_, _, _, _, out, err := n.matmul()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, out)
}

// bindMatMul makes one product for every run of matrices that lie at equal
// distances: a single one unless both sides broadcast in different dimensions.
func bindMatMul(n *Node, e *Env) (func(), error) {
	s, a, b, batch, _, err := n.matmul()
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	w := newWalk(batch, a[:len(a)-2], b[:len(b)-2])
	sizeA, sizeB, sizeC := s.M*s.K, s.K*s.N, s.M*s.N
	s.Batch, s.StrideA, s.StrideB, s.StrideC = w.inner, w.step[0]*sizeA, w.step[1]*sizeB, sizeC
	if s.StrideB == 0 && w.step[0] == 1 { // one right matrix: a single tall product
		s.M, s.Batch, s.StrideA, s.StrideC = s.M*w.inner, 1, 0, 0
	}
	sizeC *= w.inner
	x, y, z := e.In[0], e.In[1], e.Out[0]
	switch x.DType {
	case tensor.Float32:
		g := kernel.NewGemm(e.Pool, s)
		scratch := e.Scratch(g.Scratch())
		if v := n.In[1]; v.Const != nil && !v.Param && w.rows == 1 && s.Batch <= 1 {
			packed := g.PackB(y.F32)
			return func() { g.RunPackedB(z.F32, x.F32, packed, nil, scratch()) }, nil
		}
		return func() {
			for r := range w.rows {
				g.Run(z.F32[r*sizeC:], x.F32[w.offset(0, r)*sizeA:], y.F32[w.offset(1, r)*sizeB:], nil, scratch())
			}
		}, nil
	case tensor.Float64:
		return func() {
			for r := range w.rows {
				ref.Gemm(s, z.F64[r*sizeC:], x.F64[w.offset(0, r)*sizeA:], y.F64[w.offset(1, r)*sizeB:], nil)
			}
		}, nil
	}
	return nil, n.Errorf("inputs are %v, want float32", x.DType)
}

func (n *Node) gemm() (s kernel.GemmSpec, err error) {
	if err := n.Want(2, 3); err != nil {
		return s, err
	}
	a, b := n.In[0].Shape, n.In[1].Shape
	if len(a) != 2 || len(b) != 2 || n.In[0].DType != n.In[1].DType {
		return s, n.Errorf("inputs have shapes %v and %v, want two matrices of one type", a, b)
	}
	s = kernel.GemmSpec{TransA: n.Int("transA", 0) != 0, TransB: n.Int("transB", 0) != 0, Alpha: n.Float("alpha", 1)}
	s.M, s.K, s.N = a[0], a[1], b[1]
	kb := b[0]
	if s.TransA {
		s.M, s.K = s.K, s.M
	}
	if s.TransB {
		s.N, kb = kb, s.N
	}
	if kb != s.K {
		return s, n.Errorf("shapes %v and %v do not fit with transA %v, transB %v", a, b, s.TransA, s.TransB)
	}
	if c := n.Input(2); c != nil {
		if out, err := broadcastShape(n, c.Shape, []int{s.M, s.N}); err != nil || !slices.Equal(out, []int{s.M, s.N}) {
			return s, n.Errorf("C has shape %v, which does not broadcast to %v", c.Shape, []int{s.M, s.N})
		}
	}
	return s, nil
}

func inferGemm(n *Node) error {
	s, err := n.gemm()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, []int{s.M, s.N})
}

// bindGemm fuses a bias of one value a column; any other C is laid into the
// result, scaled, and added to.
func bindGemm(n *Node, e *Env) (func(), error) {
	s, err := n.gemm()
	if err != nil {
		return nil, err
	}
	a, b, y := e.In[0], e.In[1], e.Out[0]
	beta := n.Float("beta", 1)
	if s.Alpha == 0 || y.Len() == 0 {
		return nil, n.Errorf("alpha is 0 or the result is empty")
	}
	c, prepare := &tensor.Tensor{}, func() {}
	if v := n.Input(2); v != nil && beta != 0 {
		if beta == 1 && v.Len() == s.N && v.Shape[len(v.Shape)-1] == s.N {
			s.BiasCol, c = true, e.In[2]
		} else {
			s.Accumulate = true
			lay, err := broadcastTo(n, y, e.In[2])
			if err != nil {
				return nil, err
			}
			prepare = func() {
				lay()
				kernel.MulScalar(y.F32, y.F32, beta)
				kernel.MulScalar(y.F64, y.F64, float64(beta))
			}
		}
	}
	switch a.DType {
	case tensor.Float32:
		g := kernel.NewGemm(e.Pool, s)
		scratch := e.Scratch(g.Scratch())
		if v := n.In[1]; v.Const != nil && !v.Param {
			packed := g.PackB(b.F32)
			return func() { prepare(); g.RunPackedB(y.F32, a.F32, packed, c.F32, scratch()) }, nil
		}
		return func() { prepare(); g.Run(y.F32, a.F32, b.F32, c.F32, scratch()) }, nil
	case tensor.Float64:
		return func() { prepare(); ref.Gemm(s, y.F64, a.F64, b.F64, c.F64) }, nil
	}
	return nil, n.Errorf("inputs are %v, want float32", a.DType)
}
