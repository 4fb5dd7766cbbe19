package ops

import (
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/tensor"
)

// products holds what fused products of the engine become.
var products = []Def{
	{Op: "Product", Domain: Internal, Since: 1, Infer: func(n *Node) error { return n.Want(2, 4) },
		Bind: bindFusedProduct, Over: [][2]int{{0, 3}}, NotDifferentiable: "it exists in inference alone"},
}

// Product is the attribute of the internal operator of that name: a stack of
//
//	C = clamp(Alpha·A·B [+ C] + bias),  A [M,K], B [K,N], C [M,N]
//
// over matrices that are read and written where they lie. Its inputs are A, B,
// the bias [N] and the tensor that C is added to; the last two may be absent.
type Product struct {
	M, N, K int
	Batch   []int // sizes of the loops over matrices, outermost first
	A, B, C Matrices
	Alpha   float32
	Clamp   []float32 // bounds of the result, or nil
}

// Matrices says where the elements of a stack of matrices lie: element (i,j) of
// matrix l,m,… is at Offset + i·Row + j·Col + l·Batch[0] + m·Batch[1] + …. Row or
// Col is 1.
type Matrices struct {
	Offset, Row, Col int
	Batch            []int
}

// transposed is the stack of the transposed matrices.
func (m Matrices) transposed() Matrices {
	m.Row, m.Col = m.Col, m.Row
	return m
}

// layout is the matrices' leading dimension, and whether they are stored by columns.
func (m Matrices) layout() (ld int, trans bool) {
	if m.Col == 1 {
		return m.Row, false
	}
	return m.Col, true
}

// offsets lists where the matrices of the outer loops begin.
func (m Matrices) offsets(outer []int) []int {
	at := offsetsOf(outer, m.Batch[:len(outer)])
	for i := range at {
		at[i] += m.Offset
	}
	return at
}

// serialProducts is the number of outer products from which on each is computed
// by one worker.
const serialProducts = 8

func bindFusedProduct(n *Node, e *Env) (func(), error) {
	p := n.Attrs["product"].(*Product)
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	if run, err := bindHalved(n, e, p); run != nil || err != nil {
		return run, err
	}
	if isPlanes(n, p) {
		r, err := newPlanesRun(n, e, p)
		if err != nil {
			return nil, err
		}
		return r.run, nil
	}
	r, err := newProductRun(n, e, p)
	if err != nil {
		return nil, err
	}
	run := r.one
	switch rows := len(r.atC); {
	case rows >= serialProducts:
		run = r.shared(e)
	case rows > 1:
		run = r.loop
	}
	if n.Input(3) == nil {
		return run, nil
	}
	y, old := e.Out[0], e.In[3]
	spread := mapLoop(&Env{Pool: e.Pool, In: []*tensor.Tensor{old}, Out: []*tensor.Tensor{y}},
		func(y, x []float32) { copy(y, x) })
	return func() {
		if &y.F32()[0] != &old.F32()[0] { // not in place
			spread()
		}
		run()
	}, nil
}

// productRun is a bound Product: the same product at a list of places.
type productRun struct {
	spec             gemm.Spec
	gemm             *gemm.Plan
	a, b, c, bias    *tensor.Tensor
	packedA, packedB []float32 // a constant operand, or nil
	atA, atB, atC    []int     // where the outer products begin
	scratch          func() []float32
}

// newProductRun plans one product. Where C is stored by columns, its transpose
// Bᵀ·Aᵀ is computed.
func newProductRun(n *Node, e *Env, p *Product) (*productRun, error) {
	s := gemm.Spec{M: p.M, N: p.N, K: p.K, Alpha: p.Alpha, Accumulate: n.Input(3) != nil, BiasCol: n.Input(2) != nil}
	a, b, c := p.A, p.B, p.C
	va, vb := n.In[0], n.In[1]
	r := &productRun{a: e.In[0], b: e.In[1], c: e.Out[0], bias: &tensor.Tensor{}}
	if s.BiasCol {
		r.bias = e.In[2]
	}
	if c.Col != 1 {
		a, b, c = b.transposed(), a.transposed(), c.transposed()
		va, vb, r.a, r.b = vb, va, r.b, r.a
		s.M, s.N, s.BiasRow, s.BiasCol = s.N, s.M, s.BiasCol, false
	}
	s.LDA, s.TransA = a.layout()
	s.LDB, s.TransB = b.layout()
	s.LDC, _ = c.layout()
	if p.Clamp != nil {
		s.Act, s.Lo, s.Hi = tile.ActClip, p.Clamp[0], p.Clamp[1]
	}
	outer := p.Batch
	if k := len(outer) - 1; k >= 0 {
		outer, s.Batch = outer[:k], outer[k]
		s.StrideA, s.StrideB, s.StrideC = a.Batch[k], b.Batch[k], c.Batch[k]
	}
	r.spec, r.atA, r.atB, r.atC = s, a.offsets(outer), b.offsets(outer), c.offsets(outer)
	if len(r.atC) >= serialProducts {
		return r, nil
	}
	r.gemm = gemm.New(e.Pool, s)
	r.scratch = e.Scratch(r.gemm.Scratch())
	if len(r.atC) > 1 {
		return r, nil
	}
	var err error
	switch {
	case vb.Const != nil && !vb.Param && s.StrideB == 0:
		if err = n.packs(r.gemm.PackedLenB()); err == nil {
			r.packedB = e.constants(r.gemm.PackedLenB(), func(to []float32) { r.gemm.PackB(to, r.b.F32()[r.atB[0]:], e.packed) })
		}
	case va.Const != nil && !va.Param && s.StrideA == 0:
		if err = n.packs(r.gemm.PackedLenA()); err == nil {
			r.packedA = e.constants(r.gemm.PackedLenA(), func(to []float32) {
				r.gemm.PackA(to, r.a.F32()[r.atA[0]:])
				e.packed(r.a.F32())
			})
		}
	}
	return r, err
}

func (r *productRun) one() {
	c, a, b := r.c.F32()[r.atC[0]:], r.a.F32()[r.atA[0]:], r.b.F32()[r.atB[0]:]
	switch {
	case r.packedB != nil:
		r.gemm.RunPackedB(c, a, r.packedB, r.bias.F32(), r.scratch())
	case r.packedA != nil:
		r.gemm.RunPackedA(c, r.packedA, b, r.bias.F32(), r.scratch())
	default:
		r.gemm.Run(c, a, b, r.bias.F32(), r.scratch())
	}
}

// loop computes the outer products one after the other.
func (r *productRun) loop() {
	for i := range r.atC {
		r.gemm.Run(r.c.F32()[r.atC[i]:], r.a.F32()[r.atA[i]:], r.b.F32()[r.atB[i]:], r.bias.F32(), r.scratch())
	}
}

// shared gives each outer product to one worker, which has a plan of its own.
func (r *productRun) shared(e *Env) func() {
	plans := make([]*gemm.Plan, e.Pool.Threads())
	for i := range plans {
		plans[i] = gemm.New(nil, r.spec)
	}
	size := plans[0].Scratch()
	scratch := e.Scratch(size * len(plans))
	body := func(worker, i int) {
		plans[worker].Run(r.c.F32()[r.atC[i]:], r.a.F32()[r.atA[i]:], r.b.F32()[r.atB[i]:], r.bias.F32(),
			scratch()[worker*size:][:size])
	}
	return func() { e.Pool.For(len(r.atC), body) }
}
