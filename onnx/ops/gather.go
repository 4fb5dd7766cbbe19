package ops

import (
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var gathers = []Def{
	{Op: "Gather", Since: 1, Attributes: "axis:i",
		Roles: []Role{Embedding, ""}, Infer: inferGather, Bind: bindGather, Grad: gradGather},
	{Op: "GatherGrad", Domain: Internal, Since: 1, Infer: inferMoved(2), Bind: bindGatherGrad},
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

func gradGather(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	axis, err := n.Axis(n.Int("axis", 0), len(n.In[0].Shape))
	if err != nil {
		return nil, err
	}
	dx := b.Op("GatherGrad", Attrs{"shape": int64s(n.In[0].Shape), "axis": int64(axis)}, dy[0], n.In[1])
	return []*Value{dx, nil}, b.Err
}

func bindGatherGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return gatherGradLoop[float32](e, n.Int("axis", 0)) },
		func() func() { return gatherGradLoop[float64](e, n.Int("axis", 0)) })
}

// gatherGradLoop adds in the order of the indices, so that repeated ones sum up
// the same way every time.
func gatherGradLoop[T tensor.Float](e *Env, axis int) func() {
	dy, dx := e.In[0], e.Out[0]
	d, run := dx.Shape[axis], tensor.Len(dx.Shape[axis+1:])
	read, indices := reader(e.In[1]), []int64(nil)
	body := func(_, o int) {
		src, dst := tensor.Data[T](dy), tensor.Data[T](dx)
		clear(dst[o*d*run : (o+1)*d*run])
		for k, i := range indices {
			at, _ := within(i, d) // the forward pass has checked it
			to := dst[(o*d+at)*run:][:run]
			for j, v := range src[(o*len(indices)+k)*run:][:run] {
				to[j] += v
			}
		}
	}
	return func() {
		indices = read()
		e.Pool.For(tensor.Len(dx.Shape[:axis]), body)
	}
}
