package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

var deformConvs = []Def{
	{Op: "DeformConv", Since: 19,
		Attributes: "dilations:I group:i kernel_shape:I offset_group:i pads:I strides:I",
		Expand:     expandDeformConv},
	{Op: "DeformColumns", Domain: Internal, Since: 1, As: "DeformConv", Infer: inferDeformColumns, Bind: bindDeformColumns,
		NotDifferentiable: "the gradient by the offsets is not written"},
}

// deformed is a convolution in two dimensions whose every reading of x is moved by an
// offset.
type deformed struct {
	*convolution
	groups int // of channels that share their offsets
	taps   int // of the kernel
	points int // of an output plane
}

// deformed checks x [N,C,H,W], the weight's shape, offset [N,groups·taps·2,oh,ow], the
// y before the x, and mask [N,groups·taps,oh,ow] or nil.
func (n *Node) deformed(x *Value, weight []int, offset, mask *Value) (*deformed, error) {
	c, err := n.conv(x.Shape, weight)
	if err != nil {
		return nil, err
	}
	if c.rank != 2 {
		return nil, n.Errorf("input has shape %v, want [N,C,H,W]", x.Shape)
	}
	d := &deformed{convolution: c, groups: n.Int("offset_group", 1), taps: weight[2] * weight[3],
		points: c.out[1] * c.out[2]}
	if d.groups < 1 || c.c%d.groups != 0 {
		return nil, n.Errorf("offset_group is %d for %d channels", d.groups, c.c)
	}
	if want := []int{c.n, d.groups * d.taps * 2, c.out[1], c.out[2]}; !slices.Equal(offset.Shape, want) {
		return nil, n.Errorf("offset has shape %v, want %v", offset.Shape, want)
	}
	if want := []int{c.n, d.groups * d.taps, c.out[1], c.out[2]}; mask != nil && !slices.Equal(mask.Shape, want) {
		return nil, n.Errorf("mask has shape %v, want %v", mask.Shape, want)
	}
	return d, nil
}

// expandDeformConv is a matrix product of the weight and what it is applied to, laid out
// in columns (Zhu et al. 2019: deformable convolution with a mask).
func expandDeformConv(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(3, 5); err != nil {
		return nil, err
	}
	if err := n.sameFloat(); err != nil {
		return nil, err
	}
	x, w, offset, bias, mask := n.In[0], n.In[1], n.In[2], n.Input(3), n.Input(4)
	d, err := n.deformed(x, w.Shape, offset, mask)
	if err != nil {
		return nil, err
	}
	attrs := Attrs{"weight": int64s(w.Shape)}
	for _, name := range []string{"group", "offset_group", "strides", "dilations", "pads", "kernel_shape", "auto_pad"} {
		if n.Has(name) {
			attrs[name] = n.Attrs[name]
		}
	}
	columns := b.Op("DeformColumns", attrs, x, offset, mask)
	columns = b.Reshape(columns, []int{d.n, d.group, d.c / d.group * d.taps, d.points})
	y := b.Op("MatMul", nil, b.Reshape(w, []int{d.group, d.m / d.group, d.c / d.group * d.taps}), columns)
	y = b.Reshape(y, []int{d.n, d.m, d.out[1], d.out[2]})
	if bias != nil {
		if !slices.Equal(bias.Shape, []int{d.m}) {
			return nil, n.Errorf("bias has shape %v, want [%d]", bias.Shape, d.m)
		}
		y = b.Op("Add", nil, y, b.Reshape(bias, []int{d.m, 1, 1}))
	}
	return []*Value{y}, b.Err
}

func inferDeformColumns(n *Node) error {
	d, err := n.deformed(n.In[0], n.Ints("weight", nil), n.In[1], n.Input(2))
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, []int{d.n, d.c * d.taps, d.points})
}

func bindDeformColumns(n *Node, e *Env) (func(), error) {
	d, err := n.deformed(n.In[0], n.Ints("weight", nil), n.In[1], n.Input(2))
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return deformLoop[float32](e, d) },
		func() func() { return deformLoop[float64](e, d) })
}

// deformLoop fills the columns of a channel at a time.
func deformLoop[T tensor.Float](e *Env, d *deformed) func() {
	h, w, ow := d.in[1], d.in[2], d.out[2]
	body := func(_, i int) {
		image, channel := i/d.c, i%d.c
		group := channel / (d.c / d.groups)
		src := tensor.Data[T](e.In[0])[i*h*w:][:h*w]
		offset := tensor.Data[T](e.In[1])[(image*d.groups+group)*d.taps*2*d.points:]
		var mask []T
		if len(e.In) > 2 && e.In[2] != nil {
			mask = tensor.Data[T](e.In[2])[(image*d.groups+group)*d.taps*d.points:]
		}
		dst := tensor.Data[T](e.Out[0])[i*d.taps*d.points:][:d.taps*d.points]
		for j := range dst {
			tap, point := j/d.points, j%d.points
			y := float64(point/ow*d.stride[1]-d.before[1]+tap/d.kernel[2]*d.dilation[1]) + float64(offset[2*tap*d.points+point])
			x := float64(point%ow*d.stride[2]-d.before[2]+tap%d.kernel[2]*d.dilation[2]) +
				float64(offset[(2*tap+1)*d.points+point])
			v := padded(src, y, x, h, w)
			if mask != nil {
				v *= float64(mask[j])
			}
			dst[j] = T(v)
		}
	}
	return func() { e.Pool.For(d.n*d.c, body) }
}

// padded is a plane's value at a position between its elements, which zeros surround.
func padded[T tensor.Float](src []T, y, x float64, h, w int) float64 {
	if !(y > -1 && y < float64(h) && x > -1 && x < float64(w)) {
		return 0
	}
	y0, x0 := math.Floor(y), math.Floor(x)
	sum := 0.0
	for i := range 2 {
		for j := range 2 {
			r, c := int(y0)+i, int(x0)+j
			if r >= 0 && r < h && c >= 0 && c < w {
				sum += (1 - math.Abs(y-float64(r))) * (1 - math.Abs(x-float64(c))) * float64(src[r*w+c])
			}
		}
	}
	return sum
}
