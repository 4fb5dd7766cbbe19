package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Permute is a plan for ONNX's Transpose: axis i of dst is axis perm[i] of src.
// It copies runs where the innermost axis stays, and else walks src as matrices
// that it transposes in blocks.
type Permute[T any] struct {
	pool   *parallel.Pool
	shape  []int // of the outer loops
	src    []int // strides of the outer loops in src and dst
	dst    []int
	rows   int // the inner matrix [rows,cols], in src's order; rows = 0 for runs
	cols   int
	lds    int
	ldd    int
	blocks int // blocks of rows of a matrix
	size   int

	move func(dst, src []T, rows, cols, ldd, lds int)
	body func(worker, chunk int)
	d, s []T
}

// permuteRows is how many rows of a matrix a chunk of work transposes.
const permuteRows = 64

// NewPermute plans the permutation of a tensor of the given shape. perm is a
// permutation of its axes.
func NewPermute[T any](p *parallel.Pool, shape, perm []int) *Permute[T] {
	n := &Permute[T]{pool: p, move: ref.Transpose[T], size: 1}
	if move, ok := any(table32.transpose).(func(dst, src []T, rows, cols, ldd, lds int)); ok {
		n.move = move
	}
	n.body = n.chunk
	for _, d := range shape {
		n.size *= d
	}
	dims, src := mergeAxes(shape, perm)
	if n.size == 0 {
		return n
	}
	dst := make([]int, len(dims))
	for i, stride := len(dims)-1, 1; i >= 0; i-- {
		dst[i] = stride
		stride *= dims[i]
	}
	last, inner := len(dims)-1, 0 // inner is the axis that is contiguous in src
	for i := range src {
		if src[i] == 1 {
			inner = i
		}
	}
	n.cols, n.blocks = dims[inner], 1
	if inner != last {
		n.rows, n.lds, n.ldd = dims[last], src[last], dst[inner]
		n.blocks = parallel.Chunks(n.rows, permuteRows)
	}
	for i := range dims {
		if i != inner && i != last {
			n.shape, n.src, n.dst = append(n.shape, dims[i]), append(n.src, src[i]), append(n.dst, dst[i])
		}
	}
	return n
}

// mergeAxes returns the sizes of dst's axes and their strides in src, without
// axes of size 1 and with those that stay neighbours as one. At least one axis
// is returned, and exactly one has stride 1.
func mergeAxes(shape, perm []int) (dims, strides []int) {
	stride := make([]int, len(shape))
	for i, s := len(shape)-1, 1; i >= 0; i-- {
		stride[i] = s
		s *= shape[i]
	}
	for _, axis := range perm {
		d, s := shape[axis], stride[axis]
		if d == 1 {
			continue
		}
		if k := len(dims) - 1; k >= 0 && strides[k] == d*s {
			dims[k], strides[k] = dims[k]*d, s
		} else {
			dims, strides = append(dims, d), append(strides, s)
		}
	}
	if dims == nil {
		return []int{1}, []int{1}
	}
	return dims, strides
}

// Run computes dst, which may not overlap src.
func (n *Permute[T]) Run(dst, src []T) {
	need("dst", dst, n.size)
	need("src", src, n.size)
	if n.size == 0 {
		return
	}
	n.d, n.s = dst, src
	items := n.blocks
	for _, d := range n.shape {
		items *= d
	}
	n.pool.For(items, n.body)
	n.d, n.s = nil, nil
}

func (n *Permute[T]) chunk(_, chunk int) {
	block, rest := chunk%n.blocks, chunk/n.blocks
	from, to := 0, 0
	for i := len(n.shape) - 1; i >= 0; i-- {
		k := rest % n.shape[i]
		rest /= n.shape[i]
		from += k * n.src[i]
		to += k * n.dst[i]
	}
	if n.rows == 0 {
		copy(n.d[to:to+n.cols], n.s[from:])
		return
	}
	lo, hi := parallel.Range(block, permuteRows, n.rows)
	n.move(n.d[to+lo:], n.s[from+lo*n.lds:], hi-lo, n.cols, n.ldd, n.lds)
}
