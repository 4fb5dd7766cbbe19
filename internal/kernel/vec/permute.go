package vec

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Permute is a plan for ONNX's Transpose: axis i of dst is axis perm[i] of src.
// The last axes make matrices: plain copies of rows where the innermost axis
// stays, and else transpositions in blocks. Loops over the other axes go around.
type Permute[T any] struct {
	pool *parallel.Pool
	size int

	outer []permuteAxis // loops that chunks of work are taken from
	inner permuteAxis   // the last loop, of which a chunk takes a piece
	piece int
	// A matrix [rows,cols] of src, whose rows lie lds apart, goes to columns of
	// dst that lie ldd apart; a chunk takes up to permuteRows rows.
	rows, cols, lds, ldd int
	flip                 bool // transpose; otherwise rows is 1

	move func(dst, src []T, rows, cols, ldd, lds int)
	body func(worker, chunk int)
	permuteRun[T]
}

// permuteRun is the arguments of the run in progress.
type permuteRun[T any] struct{ dst, src []T }

// permuteAxis is a loop: its length and its strides.
type permuteAxis struct{ n, src, dst int }

const (
	permuteRows  = 64
	permuteChunk = 8192 // elements of a chunk of work, about
)

// NewPermute plans the permutation of a tensor of the given shape. perm is a
// permutation of its axes.
func NewPermute[T any](p *parallel.Pool, shape, perm []int) *Permute[T] {
	n := &Permute[T]{pool: p, move: ref.Transpose[T], size: 1, inner: permuteAxis{n: 1}, rows: 1}
	if move, ok := any(table32.Transpose).(func(dst, src []T, rows, cols, ldd, lds int)); ok {
		n.move = move
	}
	n.body = n.chunk
	for _, d := range shape {
		n.size *= d
	}
	if n.size == 0 {
		return n
	}
	axes := mergeAxes(shape, perm)
	last, contiguous := len(axes)-1, 0
	for i, a := range axes {
		if a.src == 1 {
			contiguous = i
		}
	}
	n.cols = axes[contiguous].n
	if n.flip = contiguous != last; n.flip {
		n.rows, n.lds, n.ldd = axes[last].n, axes[last].src, axes[contiguous].dst
	}
	for i, a := range axes {
		if i != contiguous && i != last {
			n.outer = append(n.outer, a)
		}
	}
	if k := len(n.outer) - 1; k >= 0 {
		n.inner, n.outer = n.outer[k], n.outer[:k]
	}
	n.piece = max(1, permuteChunk/(n.rows*n.cols))
	return n
}

// mergeAxes returns dst's axes without those of size 1 and with those that stay
// neighbours as one. At least one axis is returned, exactly one of stride 1 in src.
func mergeAxes(shape, perm []int) []permuteAxis {
	stride := make([]int, len(shape))
	for i, s := len(shape)-1, 1; i >= 0; i-- {
		stride[i] = s
		s *= shape[i]
	}
	var axes []permuteAxis
	for _, p := range perm {
		d, s := shape[p], stride[p]
		if d == 1 {
			continue
		}
		if k := len(axes) - 1; k >= 0 && axes[k].src == d*s {
			axes[k].n, axes[k].src = axes[k].n*d, s
		} else {
			axes = append(axes, permuteAxis{n: d, src: s})
		}
	}
	if axes == nil {
		axes = []permuteAxis{{n: 1, src: 1}}
	}
	for i, s := len(axes)-1, 1; i >= 0; i-- {
		axes[i].dst = s
		s *= axes[i].n
	}
	return axes
}

// Run computes dst, which may not overlap src.
func (n *Permute[T]) Run(dst, src []T) {
	check.Len("dst", dst, n.size)
	check.Len("src", src, n.size)
	if n.size == 0 {
		return
	}
	n.permuteRun = permuteRun[T]{dst, src}
	chunks := parallel.Chunks(n.rows, permuteRows) * parallel.Chunks(n.inner.n, n.piece)
	for _, a := range n.outer {
		chunks *= a.n
	}
	n.pool.For(chunks, n.body)
	n.permuteRun = permuteRun[T]{}
}

func (n *Permute[T]) chunk(_, chunk int) {
	blocks, pieces := parallel.Chunks(n.rows, permuteRows), parallel.Chunks(n.inner.n, n.piece)
	block, piece, rest := chunk%blocks, chunk/blocks%pieces, chunk/blocks/pieces
	from, to := 0, 0
	for i := len(n.outer) - 1; i >= 0; i-- {
		a := &n.outer[i]
		from += rest % a.n * a.src
		to += rest % a.n * a.dst
		rest /= a.n
	}
	lo, hi := parallel.Range(piece, n.piece, n.inner.n)
	r0, r1 := parallel.Range(block, permuteRows, n.rows)
	for k := lo; k < hi; k++ {
		s, d := n.src[from+k*n.inner.src:], n.dst[to+k*n.inner.dst:]
		if n.flip {
			n.move(d[r0:], s[r0*n.lds:], r1-r0, n.cols, n.ldd, n.lds)
		} else {
			copy(d[:n.cols], s)
		}
	}
}
