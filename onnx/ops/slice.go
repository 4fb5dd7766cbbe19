package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var slicings = []Def{
	{Op: "Slice", Since: 1, Attributes: "axes:I ends:I! starts:I!",
		Infer: inferSlice, Bind: bindSlice, Grad: gradSlice},
	{Op: "Slice", Since: 10, Infer: inferSlice, Bind: bindSlice, Grad: gradSlice},
	{Op: "SliceGrad", Domain: Internal, Since: 1, Infer: inferMoved(1), Bind: bindSliceGrad},
}

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

func gradSlice(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	w, err := n.slice()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("SliceGrad", Attrs{"shape": int64s(n.In[0].Shape), "offset": int64(w.offset),
		"strides": int64s(w.strides)}, dy[0])
	return out, b.Err
}

func bindSliceGrad(n *Node, e *Env) (func(), error) {
	v := view{n.Int("offset", 0), n.Ints("strides", nil)}
	return floatLoop(n, e, func() func() { return scatterLoop[float32](e, v) },
		func() func() { return scatterLoop[float64](e, v) })
}

// scatterLoop moves dy to a window of zeros.
func scatterLoop[T tensor.Float](e *Env, v view) func() {
	dy, dx := e.In[0], e.Out[0]
	l := v.lines(dy.Shape)
	move := l.loop(e, func(line, from, to int) {
		src, dst, at := tensor.Data[T](dy)[line*l.size:][from:to], tensor.Data[T](dx), l.at(line)+from*l.step
		if l.step == 1 {
			copy(dst[at:], src)
			return
		}
		for k, v := range src {
			dst[at+k*l.step] = v
		}
	})
	return func() {
		clear(tensor.Data[T](dx))
		move()
	}
}
