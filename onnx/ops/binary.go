package ops

import (
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// broadcastShape is numpy's rule: shapes align at the right, and a dimension of
// 1 stretches.
func broadcastShape(n *Node, shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - (rank - len(s))
			if j < 0 || s[j] == 1 {
				continue
			}
			if out[i] != 1 && out[i] != s[j] {
				return nil, n.Errorf("shapes %v do not broadcast", shapes)
			}
			out[i] = s[j]
		}
	}
	return out, nil
}

// strides of shape as seen from out: 0 along stretched dimensions.
func broadcastStrides(shape, out []int) []int {
	s := make([]int, len(out))
	own := tensor.Strides(shape)
	for i, d := range shape {
		if d != 1 {
			s[len(out)-len(shape)+i] = own[i]
		}
	}
	return s
}

// walk describes the loop over a broadcast of operands: rows of inner elements,
// with each operand's stride inside a row (0 or 1) and its offset by row.
type walk struct {
	rows, inner int
	dims        []int
	strides     [][]int // by operand, along dims
	step        []int   // by operand, inside a row
}

// newWalk merges dimensions that are contiguous for every operand.
func newWalk(out []int, shapes ...[]int) *walk {
	w := &walk{rows: 1, inner: 1}
	all := make([][]int, len(shapes))
	for i, s := range shapes {
		all[i] = broadcastStrides(s, out)
	}
	var dims []int
	strides := make([][]int, len(shapes))
	for d := len(out) - 1; d >= 0; d-- {
		if out[d] == 1 {
			continue
		}
		k := len(dims) - 1
		merge := k >= 0
		for i := range shapes {
			merge = merge && all[i][d] == strides[i][k]*dims[k]
		}
		if merge {
			dims[k] *= out[d]
			continue
		}
		dims = append(dims, out[d])
		for i := range shapes {
			strides[i] = append(strides[i], all[i][d])
		}
	}
	w.step = make([]int, len(shapes))
	if len(dims) > 0 {
		w.inner = dims[0]
		for i := range shapes {
			w.step[i] = strides[i][0]
			strides[i] = strides[i][1:]
		}
		w.dims = dims[1:]
		for _, d := range w.dims {
			w.rows *= d
		}
	}
	w.strides = strides
	return w
}

// offset is where row r of operand i begins.
func (w *walk) offset(i, r int) int {
	at, last := 0, len(w.dims)-1
	for d, size := range w.dims {
		if d == last {
			return at + r*w.strides[i][d]
		}
		at += r % size * w.strides[i][d]
		r /= size
	}
	return at
}

// loop calls row(lo, hi elements of the result, offsets of a and b) for pieces
// of rows, in parallel chunks that depend on the shape alone.
func (w *walk) loop(p *parallel.Pool, row func(lo, n, a, b int)) func() {
	if w.rows*w.inner == 0 {
		return func() {}
	}
	if w.rows == 1 {
		body := func(_, chunk int) {
			lo, hi := parallel.Range(chunk, span, w.inner)
			row(lo, hi-lo, lo*w.step[0], lo*w.step[1])
		}
		return func() { p.For(parallel.Chunks(w.inner, span), body) }
	}
	size := max(1, span/w.inner)
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, size, w.rows)
		for r := lo; r < hi; r++ {
			row(r*w.inner, w.inner, w.offset(0, r), w.offset(1, r))
		}
	}
	return func() { p.For(parallel.Chunks(w.rows, size), body) }
}

// shortRow is the longest row for which a number is repeated along it, so that
// many rows are one vector.
const shortRow = 32

// repeats reports whether operand i is one number in each of many short rows
// while the other one is as large as the result.
func (w *walk) repeats(i int) bool {
	if w.rows <= 1 || w.inner == 0 || w.inner > shortRow || w.step[i] != 0 || w.step[1-i] != 1 {
		return false
	}
	size := w.inner
	for d, n := range w.dims {
		if w.strides[1-i][d] != size {
			return false
		}
		size *= n
	}
	return true
}

// repeat fills dst with the numbers of operand i for the rows from r on, each
// repeated along its row.
func repeat[T tensor.Element](w *walk, i, r int, dst, x []T) {
	for ; len(dst) > 0; r++ {
		v, row := x[w.offset(i, r)], dst[:w.inner]
		for k := range row {
			row[k] = v
		}
		dst = dst[w.inner:]
	}
}

// loopRepeated is rowOf for an operand i that repeats.
func loopRepeated[T tensor.Element](e *Env, w *walk, i int, a, b, dst *tensor.Tensor, rows func(dst, a, b []T)) func() {
	const floats = 2048 // of a chunk: they stay in the first level of cache
	size := max(1, floats/w.inner)
	operand := [2]*tensor.Tensor{a, b}
	repeated := make([][]T, e.Pool.Threads())
	for k := range repeated {
		repeated[k] = make([]T, size*w.inner)
	}
	body := func(worker, chunk int) {
		lo, hi := parallel.Range(chunk, size, w.rows)
		from, to := lo*w.inner, hi*w.inner
		var x [2][]T
		x[i], x[1-i] = repeated[worker][:to-from], tensor.Data[T](operand[1-i])[from:to]
		repeat(w, i, lo, x[i], tensor.Data[T](operand[i]))
		rows(tensor.Data[T](dst)[from:to], x[0], x[1])
	}
	return func() { e.Pool.For(parallel.Chunks(w.rows, size), body) }
}

// vectors are kernels of an operator: on two rows, on a row and a number, and
// on a number and a row. Each may be nil.
type vectors[T tensor.Element] struct {
	rows             func(dst, a, b []T)
	scalar, reversed func(dst, x []T, a T)
}

// rowOf applies f along rows whose operands advance by their steps.
func rowOf[A, B, D tensor.Element](e *Env, w *walk, a, b, dst *tensor.Tensor, f func(A, B) D, fast vectors[D]) func() {
	for i := range 2 {
		if fast.rows != nil && w.repeats(i) {
			return loopRepeated(e, w, i, a, b, dst, fast.rows)
		}
	}
	return w.loop(e.Pool, func(lo, n, ia, ib int) {
		y, x, z := tensor.Data[D](dst)[lo:lo+n], tensor.Data[A](a)[ia:], tensor.Data[B](b)[ib:]
		sa, sb := w.step[0], w.step[1]
		switch {
		case fast.rows != nil && sa == 1 && sb == 1:
			fast.rows(y, any(x[:n]).([]D), any(z[:n]).([]D))
		case fast.scalar != nil && sa == 1 && sb == 0:
			fast.scalar(y, any(x[:n]).([]D), any(z[0]).(D))
		case fast.reversed != nil && sa == 0 && sb == 1:
			fast.reversed(y, any(z[:n]).([]D), any(x[0]).(D))
		case sa == 1 && sb == 0:
			v := z[0]
			for i := range y {
				y[i] = f(x[i], v)
			}
		case sa == 0 && sb == 1:
			v := x[0]
			for i := range y {
				y[i] = f(v, z[i])
			}
		default:
			for i := range y {
				y[i] = f(x[i*sa], z[i*sb])
			}
		}
	})
}

// arith is an arithmetic operator on every type that it is defined on.
type arith struct {
	f32  func(a, b float32) float32
	f64  func(a, b float64) float64
	i64  func(a, b int64) int64
	u64  func(a, b uint64) uint64
	bool func(a, b bool) bool
	v32  vectors[float32]
	v64  vectors[float64]
}

func (f arith) bind(n *Node, e *Env, a, b, dst *tensor.Tensor) (func(), error) {
	w := newWalk(dst.Shape, a.Shape, b.Shape)
	if dst.DType == tensor.Bool {
		return rowOf(e, w, a, b, dst, f.bool, vectors[bool]{}), nil
	}
	return numbers(n, dst.DType, func() func() { return rowOf(e, w, a, b, dst, f.f32, f.v32) },
		func() func() { return rowOf(e, w, a, b, dst, f.f64, f.v64) },
		func() func() { return rowOf(e, w, a, b, dst, f.i64, vectors[int64]{}) },
		func() func() { return rowOf(e, w, a, b, dst, f.u64, vectors[uint64]{}) })
}

// gradRule is Def.Grad.
type gradRule = func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error)

// supports reports whether the operator is defined on an element type.
func (f arith) supports(d tensor.DType) bool {
	switch wideInt(d) {
	case tensor.Float32:
		return f.f32 != nil
	case tensor.Float64:
		return f.f64 != nil
	case tensor.Int64:
		return f.i64 != nil
	case tensor.Uint64:
		return f.u64 != nil
	case tensor.Bool:
		return f.bool != nil
	}
	return false
}

func binary(op string, since int, f arith, grad gradRule) Def {
	return Def{Op: op, Since: since, InPlace: true, Over: [][2]int{{0, 1}}, Wide: wideInt, Grad: grad,
		Infer: func(n *Node) error {
			if err := n.Want(2, 2); err != nil {
				return err
			}
			if n.In[0].DType != n.In[1].DType {
				return n.Errorf("inputs are %v and %v, want one type", n.In[0].DType, n.In[1].DType)
			}
			if !f.supports(n.In[0].DType) {
				return n.Errorf("element type %v is not supported", n.In[0].DType)
			}
			shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
			if err != nil {
				return err
			}
			return n.SetOut(0, n.In[0].DType, shape)
		},
		Bind: func(n *Node, e *Env) (func(), error) {
			return f.bind(n, e, e.In[0], e.In[1], e.Out[0])
		},
	}
}

func plus[T number](a, b T) T  { return a + b }
func minus[T number](a, b T) T { return a - b }
func times[T number](a, b T) T { return a * b }

// over divides; an integer division by zero yields 0.
func over[T number](a, b T) T {
	var one T = 1
	if b == 0 && one/2 == 0 {
		return 0
	}
	return a / b
}

// maxOf and minOf propagate NaN, as numpy's maximum and minimum do.
func maxOf[T number](a, b T) T {
	if a > b || a != a {
		return a
	}
	return b
}

func minOf[T number](a, b T) T {
	if a < b || a != a {
		return a
	}
	return b
}

func both(a, b bool) bool   { return a && b }
func either(a, b bool) bool { return a || b }
func differ(a, b bool) bool { return a != b }

var binaries = []Def{
	reads(binary("Add", 7, arith{plus[float32], plus[float64], plus[int64], plus[uint64], nil, vectors[float32]{vec.Add[float32], vec.AddScalar[float32], vec.AddScalar[float32]}, vectors[float64]{vec.Add[float64], vec.AddScalar[float64], vec.AddScalar[float64]}}, gradAdd), Added),
	reads(binary("Sub", 7, arith{minus[float32], minus[float64], minus[int64], minus[uint64], nil, vectors[float32]{rows: vec.Sub[float32]}, vectors[float64]{rows: vec.Sub[float64]}}, gradSub), Added),
	reads(binary("Mul", 7, arith{times[float32], times[float64], times[int64], times[uint64], nil, vectors[float32]{vec.Mul[float32], vec.MulScalar[float32], vec.MulScalar[float32]}, vectors[float64]{vec.Mul[float64], vec.MulScalar[float64], vec.MulScalar[float64]}}, gradMul), Scale),
	reads(binary("Div", 7, arith{over[float32], over[float64], over[int64], over[uint64], nil, vectors[float32]{vec.Div[float32], vec.DivScalar[float32], vec.ScalarDiv[float32]}, vectors[float64]{vec.Div[float64], vec.DivScalar[float64], vec.ScalarDiv[float64]}}, gradDiv), Scale),
	logic("And", both), logic("Or", either), logic("Xor", differ),
	{Op: "Mod", Since: 10, Wide: wideInt, Infer: inferMod, Bind: bindMod, Grad: gradMod},
	{Op: "Pow", Since: 7, Wide: wideInt, Infer: inferPow, Bind: bindPow, Grad: gradPow},
	internal(binary("PowGradBase", 1, arith{f32: powGradBase[float32], f64: powGradBase[float64]}, nil)),
	internal(binary("PowGradExponent", 1, arith{f32: powGradExponent[float32], f64: powGradExponent[float64]}, nil)),
	compare("Equal", 7, relation{eq[float32], eq[float64], eq[int64], eq[uint64], eq[bool]}),
	compare("Less", 7, relation{lt[float32], lt[float64], lt[int64], lt[uint64], nil}),
	compare("Greater", 7, relation{gt[float32], gt[float64], gt[int64], gt[uint64], nil}),
	compare("LessOrEqual", 12, relation{le[float32], le[float64], le[int64], le[uint64], nil}),
	compare("GreaterOrEqual", 12, relation{ge[float32], ge[float64], ge[int64], ge[uint64], nil}),
	variadic("Sum", 1, binaryAdd, gradAdd), variadic("Max", 1, binaryMax, gradExtreme), variadic("Min", 1, binaryMin, gradExtreme), variadic("Mean", 1, binaryAdd, gradMean),
	{Op: "Where", Since: 9, Infer: inferWhere, Bind: bindWhere, Grad: gradWhere},
}

var (
	binaryAdd = arith{f32: plus[float32], f64: plus[float64], v32: vectors[float32]{vec.Add[float32], vec.AddScalar[float32], vec.AddScalar[float32]}, v64: vectors[float64]{vec.Add[float64], vec.AddScalar[float64], vec.AddScalar[float64]}}
	binaryMax = arith{maxOf[float32], maxOf[float64], maxOf[int64], maxOf[uint64], nil, vectors[float32]{rows: vec.Max[float32]}, vectors[float64]{rows: vec.Max[float64]}}
	binaryMin = arith{minOf[float32], minOf[float64], minOf[int64], minOf[uint64], nil, vectors[float32]{rows: vec.Min[float32]}, vectors[float64]{rows: vec.Min[float64]}}
)
