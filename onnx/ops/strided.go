package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// Strided is a tensor read in place, from the elements of another: element
// i,j,… of it lies at Offset + Σ of its axes' contributions in Base, and is
// multiplied by Scale. An axis is a list of loops, outermost first; merging two
// axes of a transposed tensor gives an axis of two loops.
type Strided struct {
	Base   *Value
	Offset int
	Axes   [][]Loop
	Scale  float32
}

// Loop is a run of equal steps: Size elements, Stride apart.
type Loop struct{ Size, Stride int }

// Contiguous is v as it is stored.
func Contiguous(v *Value) *Strided {
	s := &Strided{Base: v, Scale: 1, Axes: make([][]Loop, len(v.Shape))}
	for i, stride := range tensor.Strides(v.Shape) {
		s.Axes[i] = []Loop{{v.Shape[i], stride}}
	}
	return s
}

// View looks through the operators that only move v's elements or multiply them
// all by one constant, to the tensor that they come from.
func View(v *Value) *Strided {
	n := v.Producer
	if n == nil || n.Domain != "" || v.Const != nil || v.DType != tensor.Float32 || v.Len() == 0 {
		return Contiguous(v)
	}
	var out *Strided
	switch {
	case n.Def.View && v == n.Out[0]:
		out = View(n.In[0]).reshape(v.Shape)
	case n.Op == "Transpose":
		out = View(n.In[0])
		axes := make([][]Loop, len(out.Axes))
		for i, p := range n.Perm() {
			axes[i] = out.Axes[p]
		}
		out.Axes = axes
	case n.Op == "Split":
		axis, _ := n.Axis(n.Int("axis", 0), len(v.Shape))
		at := 0
		for _, o := range n.Out[:slices.Index(n.Out, v)] {
			if o == nil {
				return Contiguous(v)
			}
			at += o.Shape[axis]
		}
		out = View(n.In[0]).cut(axis, at, v.Shape[axis])
	case n.Op == "Slice":
		out = n.viewSlice()
	case n.Op == "Gather" && len(n.In[1].Shape) == 0 && n.In[1].Const != nil:
		axis, _ := n.Axis(n.Int("axis", 0), len(n.In[0].Shape))
		at, _ := n.In[1].Ints()
		if at[0] < 0 {
			at[0] += n.In[0].Shape[axis]
		}
		if out = View(n.In[0]).cut(axis, at[0], 1); out != nil {
			out.Axes = slices.Delete(out.Axes, axis, axis+1)
		}
	case n.Op == "Mul" || n.Op == "Div":
		out = n.viewScaled()
	}
	if out == nil {
		return Contiguous(v)
	}
	return out
}

// viewSlice looks through a Slice of steps of 1.
func (n *Node) viewSlice() *Strided {
	w, err := n.slice()
	if err != nil || !slices.Equal(w.strides, tensor.Strides(n.In[0].Shape)) {
		return nil
	}
	out, at := View(n.In[0]), w.offset
	for i, stride := range w.strides {
		if out != nil && w.shape[i] != n.In[0].Shape[i] {
			out = out.cut(i, at/stride, w.shape[i])
		}
		at %= max(stride, 1)
	}
	return out
}

// viewScaled looks through a product with, or a quotient by, one constant.
func (n *Node) viewScaled() *Strided {
	x, c := n.In[0], n.In[1]
	if n.Op == "Mul" && x.Const != nil {
		x, c = c, x
	}
	if c.Const == nil || c.Len() != 1 || !slices.Equal(x.Shape, n.Out[0].Shape) {
		return nil
	}
	k := c.Const.F32()[0]
	if n.Op == "Div" {
		k = 1 / k
	}
	out := View(x)
	if out.Scale *= k; out.Scale == 0 || math.IsInf(float64(out.Scale), 0) || out.Scale != out.Scale {
		return nil // which is not 0, or infinity, times the sum of products
	}
	return out
}

// cut keeps the elements [from, from+size) of an axis of one loop; nil where it
// has several.
func (s *Strided) cut(axis, from, size int) *Strided {
	if len(s.Axes[axis]) != 1 {
		return nil
	}
	stride := s.Axes[axis][0].Stride
	s.Offset += from * stride
	s.Axes[axis] = []Loop{{size, stride}}
	return s
}

// reshape regroups the loops into axes of the given sizes; nil where an axis
// would take a part of a loop that does not divide it.
func (s *Strided) reshape(shape []int) *Strided {
	axes := Regroup(slices.Concat(s.Axes...), shape)
	if axes == nil {
		return nil
	}
	s.Axes = axes
	return s
}

// Regroup divides loops, outermost first, into axes of the given sizes; nil
// where a loop would have to be cut unevenly.
func Regroup(loops []Loop, shape []int) [][]Loop {
	axes := make([][]Loop, len(shape))
	var rest Loop
	for i, want := range shape {
		for want > 1 {
			for rest.Size <= 1 {
				rest, loops = loops[0], loops[1:]
			}
			take := min(want, rest.Size)
			if want%take != 0 || rest.Size%take != 0 {
				return nil
			}
			rest.Size /= take
			axes[i] = append(axes[i], Loop{take, rest.Stride * rest.Size})
			want /= take
		}
		if axes[i] == nil {
			axes[i] = []Loop{{1, 0}}
		}
	}
	return axes
}
