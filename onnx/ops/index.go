package ops

import (
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// window is a Slice resolved against its input.
type window struct {
	view
	shape []int
}

// slice resolves starts, ends, axes and steps, which are attributes before
// opset 10 and inputs after it.
func (n *Node) slice() (*window, error) {
	starts, ends, axes := n.Ints("starts", nil), n.Ints("ends", nil), n.Ints("axes", nil)
	var steps []int
	if n.Def.Since >= 10 {
		if err := n.Want(3, 5); err != nil {
			return nil, err
		}
		for i, p := range []*[]int{&starts, &ends, &axes, &steps} {
			if i >= 2 && n.Input(i+1) == nil {
				continue
			}
			v, err := n.known(i+1, [...]string{"starts", "ends", "axes", "steps"}[i])
			if err != nil {
				return nil, err
			}
			*p = v
		}
	} else if err := n.Want(1, 1); err != nil {
		return nil, err
	}
	in := n.In[0].Shape
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || steps != nil && len(steps) != len(starts) {
		return nil, n.Errorf("has %d starts, %d ends, %d axes and %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	if _, err := n.Axes(axes, len(in)); err != nil {
		return nil, err
	}
	w := &window{view{0, tensor.Strides(in)}, slices.Clone(in)}
	for i, a := range axes {
		axis, err := n.Axis(a, len(in))
		if err != nil {
			return nil, err
		}
		step := 1
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, n.Errorf("step of axis %d is 0", axis)
		}
		d := in[axis]
		lo, hi := starts[i], ends[i]
		if lo < 0 {
			lo += d
		}
		if hi < 0 {
			hi += d
		}
		if step > 0 {
			lo, hi = min(max(lo, 0), d), min(max(hi, 0), d)
			w.shape[axis] = max(0, (hi-lo+min(step, d+1)-1)/min(step, d+1))
			if step > d {
				step = d + 1
			}
		} else {
			step = max(step, -d-1)
			lo, hi = min(max(lo, -1), d-1), min(max(hi, -1), d-1)
			w.shape[axis] = max(0, (lo-hi-step-1)/-step)
		}
		w.offset += lo * w.strides[axis]
		w.strides[axis] *= step
	}
	return w, nil
}

// Reverses reports whether a Slice walks along an axis backwards.
func (n *Node) Reverses() bool {
	if n.Op != "Slice" {
		return false
	}
	w, err := n.slice()
	return err != nil || slices.Min(append(w.strides, 0)) < 0
}

func inferSlice(n *Node) error {
	w, err := n.slice()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, w.shape)
}

func bindSlice(n *Node, e *Env) (func(), error) {
	w, err := n.slice()
	if err != nil {
		return nil, err
	}
	return bindView(e, e.Out[0], e.In[0], w.view), nil
}

func inferGather(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	x, ix := n.In[0], n.In[1]
	axis, err := n.Axis(n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return err
	}
	if ix.DType != tensor.Int64 && ix.DType != tensor.Int32 {
		return n.Errorf("indices are %v, want int64 or int32", ix.DType)
	}
	if known, ok := ix.Ints(); ok {
		if err := n.inRange(known, x.Shape, axis); err != nil {
			return err
		}
	}
	return n.SetOut(0, x.DType, slices.Concat(x.Shape[:axis], ix.Shape, x.Shape[axis+1:]))
}

// inRange checks indices into an axis.
func (n *Node) inRange(indices, shape []int, axis int) error {
	for _, i := range indices {
		if i < -shape[axis] || i >= shape[axis] {
			return n.Errorf("index %d is out of range for axis %d of shape %v", i, axis, shape)
		}
	}
	return nil
}

// bindGather copies, for every position before the axis and every index, the run
// of elements after the axis.
func bindGather(n *Node, e *Env) (func(), error) {
	axis, err := n.axisAttr(0)
	if err != nil {
		return nil, err
	}
	x, y := e.In[0], e.Out[0]
	outer, run, d := tensor.Len(x.Shape[:axis]), tensor.Len(x.Shape[axis+1:]), x.Shape[axis]
	indices, known := n.In[1].Ints()
	if !known {
		indices = make([]int, e.In[1].Len())
	}
	count, size := outer*len(indices), max(1, span/max(1, run))
	run *= x.DType.Size()
	body := func(_, chunk int) {
		src, dst := x.Bytes(), y.Bytes()
		lo, hi := parallel.Range(chunk, size, count)
		for k := lo; k < hi; k++ {
			i := indices[k%len(indices)]
			if i < 0 {
				i += d
			}
			copy(dst[k*run:][:run], src[(k/len(indices)*d+i)*run:])
		}
	}
	read := reader(e.In[1])
	return func() {
		if !known {
			for k, i := range read() {
				indices[k] = int(i)
			}
			if err := n.inRange(indices, x.Shape, axis); err != nil {
				e.Fail(err)
				return
			}
		}
		e.Pool.For(parallel.Chunks(count, size), body)
	}, nil
}

func inferExpand(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	shape, err := n.known(1, "shape")
	if err != nil {
		return err
	}
	out, err := broadcastShape(n, n.In[0].Shape, shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, out)
}

func inferTile(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	repeats, err := n.known(1, "repeats")
	if err != nil {
		return err
	}
	in := n.In[0]
	if len(repeats) != len(in.Shape) {
		return n.Errorf("has %d repeats for rank %d", len(repeats), len(in.Shape))
	}
	out := make([]int, len(repeats))
	for i, r := range repeats {
		if r < 0 || r > 1<<31 {
			return n.Errorf("repeats %v are out of range", repeats)
		}
		out[i] = in.Shape[i] * r
	}
	return n.SetOut(0, in.DType, out)
}

// bindTile sees the result as [r0,d0,r1,d1,…], in which the repeats have stride 0.
func bindTile(n *Node, e *Env) (func(), error) {
	repeats, _ := n.In[1].Ints()
	own := tensor.Strides(n.In[0].Shape)
	var shape, strides []int
	for i, r := range repeats {
		shape, strides = append(shape, r, n.In[0].Shape[i]), append(strides, 0, own[i])
	}
	wide := *e.Out[0]
	wide.Shape = shape
	out := e.Out[0]
	run := bindView(e, &wide, e.In[0], view{0, strides})
	return func() { wide.Alias(out); run() }, nil
}
