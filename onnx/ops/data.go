package ops

import (
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// movement are the operators that copy elements to other places.
var movement = []Def{
	{Op: "Transpose", Since: 1, Moves: true, Infer: inferTranspose, Bind: bindTranspose, Grad: gradTranspose},
	{Op: "Concat", Since: 1, Roles: []Role{Embedding}, Infer: inferConcat, Bind: bindConcat, Grad: gradConcat},
	{Op: "Split", Since: 2, Infer: func(n *Node) error { return inferSplit(n, n.Ints("split", nil)) }, Bind: bindSplit, Grad: gradSplit},
	{Op: "Split", Since: 13, Infer: func(n *Node) error {
		if n.Input(1) == nil {
			return inferSplit(n, nil)
		}
		sizes, err := n.known(1, "split")
		if err != nil {
			return err
		}
		return inferSplit(n, sizes)
	}, Bind: bindSplit, Grad: gradSplit},
	{Op: "Slice", Since: 1, Infer: inferSlice, Bind: bindSlice, Grad: gradSlice},
	{Op: "Slice", Since: 10, Infer: inferSlice, Bind: bindSlice, Grad: gradSlice},
	{Op: "Gather", Since: 1, Roles: []Role{Embedding, ""}, Infer: inferGather, Bind: bindGather, Grad: gradGather},
	{Op: "Expand", Since: 8, Roles: []Role{Embedding, ""}, Infer: inferExpand, Bind: func(n *Node, e *Env) (func(), error) { return broadcastTo(e, e.Out[0], e.In[0]), nil }, Grad: gradExpand},
	{Op: "Tile", Since: 6, Infer: inferTile, Bind: bindTile, Grad: gradTile},
}

// view is a strided window on a tensor: element i,j,… lies at offset + Σ index·stride.
type view struct {
	offset  int
	strides []int
}

// bindView copies a window of src into dst, whatever their element type.
func bindView(e *Env, dst, src *tensor.Tensor, v view) func() {
	return words(dst.DType, func() func() { return viewLoop[uint8](e, dst, src, v) }, func() func() { return viewLoop[uint16](e, dst, src, v) },
		func() func() { return viewLoop[uint32](e, dst, src, v) }, func() func() { return viewLoop[uint64](e, dst, src, v) })
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

func inferTranspose(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	in := n.In[0]
	perm := n.Perm()
	if p := slices.Sorted(slices.Values(perm)); len(p) != len(in.Shape) {
		return n.Errorf("perm %v does not fit shape %v", perm, in.Shape)
	} else {
		for i := range p {
			if p[i] != i {
				return n.Errorf("perm %v is no permutation", perm)
			}
		}
	}
	out := make([]int, len(perm))
	for i, p := range perm {
		out[i] = in.Shape[p]
	}
	return n.SetOut(0, in.DType, out)
}

// Perm is Transpose's attribute, by default the reversal of the axes.
func (n *Node) Perm() []int {
	if n.Has("perm") {
		return n.Ints("perm", nil)
	}
	perm := make([]int, len(n.In[0].Shape))
	for i := range perm {
		perm[i] = len(perm) - 1 - i
	}
	return perm
}

func bindTranspose(n *Node, e *Env) (func(), error) {
	x, y, perm := e.In[0], e.Out[0], n.Perm()
	if x.DType == tensor.Float32 && x.Len() > 0 {
		p := vec.NewPermute[float32](e.Pool, x.Shape, perm)
		return func() { p.Run(y.F32(), x.F32()) }, nil
	}
	own := tensor.Strides(x.Shape)
	strides := make([]int, len(perm))
	for i, p := range perm {
		strides[i] = own[p]
	}
	return bindView(e, y, x, view{0, strides}), nil
}

func inferConcat(n *Node) error {
	if len(n.In) == 0 {
		return n.Errorf("has no inputs")
	}
	if err := n.Want(len(n.In), len(n.In)); err != nil {
		return err
	}
	first := n.In[0]
	axis, err := n.Axis(n.Int("axis", 1), len(first.Shape))
	if err != nil {
		return err
	}
	out := slices.Clone(first.Shape)
	for _, v := range n.In[1:] {
		if v.DType != first.DType {
			return n.Errorf("inputs are %v and %v, want one type", first.DType, v.DType)
		}
		if len(v.Shape) != len(out) {
			return n.Errorf("input shapes %v and %v do not fit", first.Shape, v.Shape)
		}
		for d := range out {
			if d != axis && v.Shape[d] != out[d] {
				return n.Errorf("input shapes %v and %v differ on axis %d", first.Shape, v.Shape, d)
			}
		}
		out[axis] += v.Shape[axis]
	}
	return n.SetOut(0, first.DType, out)
}

func bindConcat(n *Node, e *Env) (func(), error) {
	y := e.Out[0]
	axis, _ := n.Axis(n.Int("axis", 1), len(y.Shape))
	outer, size := tensor.Len(y.Shape[:axis]), y.DType.Size()
	row := tensor.Len(y.Shape[axis:]) * size
	body := func(_, o int) {
		at := o * row
		for _, x := range e.In {
			n := tensor.Len(x.Shape[axis:]) * size
			copy(y.Bytes()[at:at+n], x.Bytes()[o*n:(o+1)*n])
			at += n
		}
	}
	return func() { e.Pool.For(outer, body) }, nil
}

func inferSplit(n *Node, sizes []int) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	in := n.In[0]
	axis, err := n.Axis(n.Int("axis", 0), len(in.Shape))
	if err != nil {
		return err
	}
	if sizes == nil {
		parts := n.Int("num_outputs", len(n.Out))
		if parts < 1 || parts != len(n.Out) {
			return n.Errorf("num_outputs is %d for %d outputs", parts, len(n.Out))
		}
		each := (in.Shape[axis] + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, max(0, min(each, in.Shape[axis]-i*each)))
		}
	}
	sum := 0
	for _, s := range sizes {
		if s < 0 {
			return n.Errorf("split %v has a negative size", sizes)
		}
		sum += s
	}
	if len(sizes) != len(n.Out) || sum != in.Shape[axis] {
		return n.Errorf("split %v does not fit axis %d of shape %v and %d outputs", sizes, axis, in.Shape, len(n.Out))
	}
	for i, s := range sizes {
		out := slices.Clone(in.Shape)
		out[axis] = s
		if err := n.SetOut(i, in.DType, out); err != nil {
			return err
		}
		if n.Out[i] == nil {
			return n.Errorf("output %d is absent", i)
		}
	}
	return nil
}

func bindSplit(n *Node, e *Env) (func(), error) {
	axis, _ := n.Axis(n.Int("axis", 0), len(n.In[0].Shape))
	strides := tensor.Strides(n.In[0].Shape)
	var runs []func()
	at := 0
	for i, v := range n.Out {
		if v == nil || e.Out[i] == nil {
			continue
		}
		runs = append(runs, bindView(e, e.Out[i], e.In[0], view{at * strides[axis], strides}))
		at += v.Shape[axis]
	}
	return func() {
		for _, run := range runs {
			run()
		}
	}, nil
}
