package ops

import (
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// view is a strided window on a tensor: element i,j,… lies at offset + Σ index·stride.
type view struct {
	offset  int
	strides []int
}

// bindView copies a window of src into dst, whatever their element type.
func bindView(e *Env, dst, src *tensor.Tensor, v view) func() {
	return words(dst.DType, func() func() { return viewLoop[uint8](e, dst, src, v) },
		func() func() { return viewLoop[uint16](e, dst, src, v) },
		func() func() { return viewLoop[uint32](e, dst, src, v) },
		func() func() { return viewLoop[uint64](e, dst, src, v) })
}

// lines are the runs of a window's last axis, after axes that follow each other in
// the tensor are merged.
type lines struct {
	offset         int
	shape, strides []int // of the lines
	count          int
	size, step     int // elements of a line, and how far apart they lie
}

func (v view) lines(window []int) lines {
	shape, strides := []int{1}, []int{1}
	for i := len(window) - 1; i >= 0; i-- {
		d, s := window[i], v.strides[i]
		switch {
		case d == 1:
		case s == strides[0]*shape[0] || shape[0] == 1:
			if shape[0] == 1 {
				strides[0] = s
			}
			shape[0] *= d
		default:
			shape, strides = slices.Insert(shape, 0, d), slices.Insert(strides, 0, s)
		}
	}
	last := len(shape) - 1
	l := lines{v.offset, shape[:last], strides[:last], tensor.Len(shape[:last]), shape[last], strides[last]}
	if l.size == 0 {
		l.count = 0
	}
	return l
}

// at is where line i begins in the tensor.
func (l *lines) at(i int) int {
	at := l.offset
	for d := len(l.shape) - 1; d >= 0; d-- {
		at += i % l.shape[d] * l.strides[d]
		i /= l.shape[d]
	}
	return at
}

// loop calls body for elements [from, to) of each line: all of a short one, parts of a
// long one.
func (l *lines) loop(e *Env, body func(line, from, to int)) func() {
	size, parts := max(1, span/max(l.size, 1)), max(1, parallel.Chunks(l.size, span))
	chunk := func(_, chunk int) {
		lo, hi := parallel.Range(chunk/parts, size, l.count)
		from, to := parallel.Range(chunk%parts, span, l.size)
		for i := lo; i < hi; i++ {
			body(i, from, to)
		}
	}
	return func() { e.Pool.For(parallel.Chunks(l.count, size)*parts, chunk) }
}

func viewLoop[T tensor.Word](e *Env, dst, src *tensor.Tensor, v view) func() {
	l := v.lines(dst.Shape)
	return l.loop(e, func(line, from, to int) {
		copyStrided(tensor.Words[T](dst)[line*l.size:][from:to], tensor.Words[T](src), l.at(line)+from*l.step, l.step)
	})
}

// copyStrided copies every step-th element of src from at on.
func copyStrided[T tensor.Element](dst, src []T, at, step int) {
	switch step {
	case 1:
		copy(dst, src[at:])
	case 0:
		for i := range dst {
			dst[i] = src[at]
		}
	default:
		for i := range dst {
			dst[i] = src[at+i*step]
		}
	}
}

func broadcastTo(e *Env, dst, src *tensor.Tensor) func() {
	if len(src.Shape) > len(dst.Shape) {
		src = src.Reshape(src.Shape[len(src.Shape)-len(dst.Shape):]...)
	}
	return bindView(e, dst, src, view{0, broadcastStrides(src.Shape, dst.Shape)})
}

// inferMoved is the rule of the gradients of operators that copy elements: each adds or
// moves dy to where the elements came from, in a tensor of the attribute shape.
func inferMoved(inputs int) func(n *Node) error {
	return func(n *Node) error {
		if err := n.Want(inputs, inputs); err != nil {
			return err
		}
		return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
	}
}
