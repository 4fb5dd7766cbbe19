package engine

import (
	"cmp"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// What the rewrites below do, on the attention of 2 sequences of 5 tokens, in 4 heads of 16:
// an exporter makes queries q and keys k [2,5,64], Reshapes both to [2,5,4,16], Transposes q
// to [2,4,5,16] and k to [2,4,16,5], and multiplies these to scores [2,4,5,5]. Nothing has
// to be moved for that. In memory, element (n, h, t, d) of the transposed q lies at
// 320·n + 16·h + 64·t + d of q: ops.View says so, as a loop for each axis, {2,320} {4,16}
// {5,64} {16,1}; of k likewise. Where the loops of both operands and the result have the
// same sizes, common joins them, and stack tells batch, rows, columns and sum apart:
//
//	Batch [2 4], M 5, N 5, K 16
//	A = q  Batch [320 16], Row 64, Col 1
//	B = k  Batch [320 16], Row 1, Col 64
//	C      Batch [100 25], Row 5, Col 1
//
// so the Product reads q and k where they lie, and the Transposes go. Behind the second
// product of an attention, [2,4,5,16], a Transpose brings the heads back, [2,5,4,16];
// moveProduct has the product write there at once: C Batch [320 16], Row 64, Col 1.

func isProduct(n *ops.Node) bool {
	return n != nil && n.Domain == ops.Internal && n.Op == "Product"
}

func productOf(n *ops.Node) *ops.Product { return n.Attrs["product"].(*ops.Product) }

// wholeB reports whether the product reads b as one matrix, as it is stored.
func wholeB(s *ops.Product, b *ops.Value) bool {
	return s.B.Offset == 0 && b.Len() == s.K*s.N && !slices.ContainsFunc(s.B.Batch, func(x int) bool { return x != 0 })
}

// loop is a loop over a product, with its strides in A, B and C.
type loop struct{ size, a, b, c int }

// common cuts lists of loops of the same total size into loops that all three
// share, outermost first; nil where their sizes do not divide each other.
func common(a, b, c []ops.Loop) []loop {
	lists := [3][]ops.Loop{slices.Clone(a), slices.Clone(b), slices.Clone(c)}
	var out []loop
	for {
		size := 0
		for i, l := range lists {
			for len(l) > 0 && l[len(l)-1].Size == 1 {
				l = l[:len(l)-1]
			}
			if lists[i] = l; len(l) > 0 && (size == 0 || l[len(l)-1].Size < size) {
				size = l[len(l)-1].Size
			}
		}
		if size == 0 {
			slices.Reverse(out)
			return merged(out)
		}
		var stride [3]int
		for i, l := range lists {
			if len(l) == 0 || l[len(l)-1].Size%size != 0 {
				return nil
			}
			last := &l[len(l)-1]
			stride[i] = last.Stride
			last.Size, last.Stride = last.Size/size, last.Stride*size
		}
		out = append(out, loop{size, stride[0], stride[1], stride[2]})
	}
}

// merged joins neighbouring loops that are one; an empty list becomes one loop
// of size 1.
func merged(in []loop) []loop {
	var out []loop
	for _, l := range in {
		if k := len(out) - 1; k >= 0 && out[k].a == l.a*l.size && out[k].b == l.b*l.size && out[k].c == l.c*l.size {
			l.size *= out[k].size
			out = out[:k]
		}
		out = append(out, l)
	}
	if out == nil {
		out = []loop{{size: 1}}
	}
	return out
}

// stack is the product of loops over matrices: the longest loop over rows is the
// matrices' own, the others go around. ok is false where a matrix is not stored
// by rows or by columns.
func stack(batch, rows, cols, inner []loop) (p *ops.Product, ok bool) {
	if rows == nil || len(cols) != 1 || len(inner) != 1 {
		return nil, false
	}
	long := 0
	for i, l := range rows {
		if l.size > rows[long].size {
			long = i
		}
	}
	m, n, k := rows[long], cols[0], inner[0]
	batch = slices.Concat(batch, rows[:long], rows[long+1:])
	p = &ops.Product{M: m.size, N: n.size, K: k.size, Alpha: 1}
	p.A, p.B, p.C = matrices(m, k, loop.inA), matrices(k, n, loop.inB), matrices(m, n, loop.inC)
	for _, l := range merged(slices.DeleteFunc(batch, func(l loop) bool { return l.size == 1 })) {
		if l.size > 1 {
			p.Batch = append(p.Batch, l.size)
			p.A.Batch, p.B.Batch, p.C.Batch = append(p.A.Batch, l.a), append(p.B.Batch, l.b), append(p.C.Batch, l.c)
		}
	}
	return p, unit(p.A) && unit(p.B) && unit(p.C)
}

func (l loop) inA() int { return l.a }
func (l loop) inB() int { return l.b }
func (l loop) inC() int { return l.c }

// matrices says where matrices of the given rows and columns lie. The stride of
// a lone row or column is free to be 1.
func matrices(rows, cols loop, in func(loop) int) ops.Matrices {
	m := ops.Matrices{Row: in(rows), Col: in(cols)}
	switch {
	case cols.size == 1:
		m.Row, m.Col = max(m.Row, 1), 1
	case rows.size == 1 && m.Col == 1:
		m.Row = cols.size
	case rows.size == 1:
		m.Row = 1
	}
	return m
}

func unit(m ops.Matrices) bool { return m.Row > 0 && m.Col > 0 && (m.Row == 1 || m.Col == 1) }

// product makes a Gemm or a MatMul one whose operands are read where they lie,
// through the transpositions, slices and scalings before it.
func (f *fuser) product(n *ops.Node) *ops.Node {
	if !float(n) || n.Out[0].Len() == 0 {
		return nil
	}
	switch {
	case is(n, "Gemm"):
		return f.gemm(n)
	case !is(n, "MatMul") || min(len(n.In[0].Shape), len(n.In[1].Shape)) < 2 || n.In[0].Len() == 0:
		return nil
	}
	a, b := ops.View(n.In[0]), ops.View(n.In[1])
	p, ok := matmul(n.Out[0].Shape, a, b)
	if !ok || b.Base.Const != nil && len(p.Batch) > 0 {
		a = ops.Contiguous(n.In[0])
		p, ok = matmul(n.Out[0].Shape, a, b)
	}
	if !ok {
		a, b = ops.Contiguous(n.In[0]), ops.Contiguous(n.In[1])
		if p, ok = matmul(n.Out[0].Shape, a, b); !ok {
			return nil
		}
	}
	p.Alpha, p.A.Offset, p.B.Offset = a.Scale*b.Scale, a.Offset, b.Offset
	if !factor(p.Alpha) {
		return nil
	}
	return f.node(ops.Internal, "Product", n, ops.Attrs{"product": p}, a.Base, b.Base)
}

// factor reports whether a product may be multiplied by a: by 0 it is no product, and
// infinity belongs to each of its terms.
func factor(a float32) bool { return a != 0 && !infinite(float64(a)) }

// matmul is the product of stacks of matrices by numpy's rule; a lone matrix B
// multiplies all rows of A.
func matmul(shape []int, a, b *ops.Strided) (*ops.Product, bool) {
	rank, ra, rb := len(shape), len(a.Axes), len(b.Axes)
	c := make([][]ops.Loop, rank)
	for i, stride := range tensor.Strides(shape) {
		c[i] = []ops.Loop{{Size: shape[i], Stride: stride}}
	}
	one := func(size int) []ops.Loop { return []ops.Loop{{Size: size}} }
	var batch []loop
	rows, rowsC := a.Axes[ra-2], c[rank-2]
	if rb == 2 {
		rows, rowsC = slices.Concat(a.Axes[:ra-1]...), slices.Concat(c[:rank-1]...)
	} else {
		for i, size := range shape[:rank-2] {
			part := func(axes [][]ops.Loop) []ops.Loop {
				if j := i - (rank - len(axes)); j >= 0 && total(axes[j]) == size {
					return axes[j]
				}
				return one(size)
			}
			l := common(part(a.Axes), part(b.Axes), c[i])
			if l == nil {
				return nil, false
			}
			batch = append(batch, l...)
		}
	}
	m, k, n := total(rowsC), total(a.Axes[ra-1]), shape[rank-1]
	return stack(batch, common(rows, one(m), rowsC), common(one(n), b.Axes[rb-1], c[rank-1]),
		common(a.Axes[ra-1], b.Axes[rb-2], one(k)))
}

func total(ls []ops.Loop) int {
	n := 1
	for _, l := range ls {
		n *= l.Size
	}
	return n
}

// gemm is a Gemm whose C is a bias of the columns, or absent.
func (f *fuser) gemm(n *ops.Node) *ops.Node {
	a, b := n.In[0].Shape, n.In[1].Shape
	alpha, bias := n.Float("alpha", 1), n.Input(2)
	p := &ops.Product{M: a[0], K: a[1], N: b[1], Alpha: alpha,
		A: ops.Matrices{Row: a[1], Col: 1}, B: ops.Matrices{Row: b[1], Col: 1},
		C: ops.Matrices{Row: n.Out[0].Shape[1], Col: 1}}
	if n.Int("transA", 0) != 0 {
		p.M, p.K, p.A = a[1], a[0], ops.Matrices{Row: 1, Col: a[1]}
	}
	if n.Int("transB", 0) != 0 {
		p.N, p.B = b[0], ops.Matrices{Row: 1, Col: b[1]}
	}
	if bias != nil && (n.Float("beta", 1) != 1 || bias.Len() != p.N || len(bias.Shape) == 0 ||
		bias.Shape[len(bias.Shape)-1] != p.N) || !factor(alpha) || p.K == 0 {
		return nil
	}
	return f.node(ops.Internal, "Product", n, ops.Attrs{"product": p}, n.In[0], n.In[1], bias)
}

// moveProduct lets a product write its result where a Transpose after it would
// put it.
func (f *fuser) moveProduct(n *ops.Node) *ops.Node {
	if !is(n, "Transpose") {
		return nil
	}
	p := f.sole(n.In[0])
	for p != nil && p.Domain == "" && p.Def.View {
		p = f.sole(p.In[0])
	}
	if !isProduct(p) || p.Input(3) != nil {
		return nil
	}
	v := ops.View(n.Out[0])
	old := productOf(p)
	if v.Base != p.Out[0] || v.Scale != 1 || !rowMajor(old) {
		return nil
	}
	moved, ok := move(old, v, n.Out[0].Shape)
	if !ok || !worthMoving(old, moved) {
		return nil
	}
	moved.Alpha, moved.Clamp, moved.A.Offset, moved.B.Offset = old.Alpha, old.Clamp, old.A.Offset, old.B.Offset
	return f.node(ops.Internal, "Product", p, ops.Attrs{"product": moved}, p.In...)
}

// worthMoving reports whether the moved product is as fast as the old one, which
// has panels of fewer rows or columns to fill where it falls into more matrices.
func worthMoving(old, moved *ops.Product) bool {
	const least = 32 // rows of a matrix that fill the panels well enough
	return tensor.Len(old.Batch) == tensor.Len(moved.Batch) && moved.C.Col == 1 || moved.M >= least
}

// rowMajor reports whether the matrices of C lie one after the other.
func rowMajor(p *ops.Product) bool {
	shape := append(slices.Clone(p.Batch), p.M, p.N)
	return slices.Equal(tensor.Strides(shape), append(slices.Clone(p.C.Batch), p.C.Row, p.C.Col))
}

// move is p with a result that lies as its view v, of the given shape, is read.
func move(p *ops.Product, v *ops.Strided, shape []int) (*ops.Product, bool) {
	type place struct{ from, to ops.Loop }
	var places []place
	for i, stride := range tensor.Strides(shape) {
		size := shape[i]
		for _, l := range v.Axes[i] {
			size /= max(l.Size, 1)
			if l.Size > 1 {
				places = append(places, place{l, ops.Loop{Size: l.Size, Stride: stride * size}})
			}
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(b.from.Stride, a.from.Stride) })
	loops := make([]ops.Loop, len(places))
	for i, q := range places {
		loops[i] = q.to
	}
	c := ops.Regroup(loops, append(slices.Clone(p.Batch), p.M, p.N))
	if c == nil {
		return nil, false
	}
	of := func(size, stride int) []ops.Loop { return []ops.Loop{{Size: size, Stride: stride}} }
	var batch []loop
	for i, size := range p.Batch {
		l := common(of(size, p.A.Batch[i]), of(size, p.B.Batch[i]), c[i])
		if l == nil {
			return nil, false
		}
		batch = append(batch, l...)
	}
	k := len(p.Batch)
	return stack(batch, common(of(p.M, p.A.Row), of(p.M, 0), c[k]), common(of(p.N, 0), of(p.N, p.B.Col), c[k+1]),
		[]loop{{size: p.K, a: p.A.Col, b: p.B.Row}})
}
