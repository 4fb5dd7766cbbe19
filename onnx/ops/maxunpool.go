package ops

import "slices"

var maxUnpools = []Def{{Op: "MaxUnpool", Since: 9, Attributes: "kernel_shape:I! pads:I strides:I",
	Expand: expandMaxUnpool}}

// expandMaxUnpool puts every element where MaxPool, of the same attributes, found it:
// indices count in the tensor [N,C,spatial…] that the attributes give, with sizes
// (in-1)·stride + kernel - pads. A larger output_shape adds zeros at the ends.
func expandMaxUnpool(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 3); err != nil {
		return nil, err
	}
	x, at := n.In[0], n.In[1]
	if !x.DType.IsFloat() || !at.DType.IsInteger() || !slices.Equal(x.Shape, at.Shape) {
		return nil, n.Errorf("input is %v%v and indices %v%v, want a float and integers of one shape",
			x.DType, x.Shape, at.DType, at.Shape)
	}
	rank := len(x.Shape) - 2
	if rank < 1 || rank > axes {
		return nil, n.Errorf("input has shape %v, want [N,C] and 1 to %d spatial dimensions", x.Shape, axes)
	}
	if !n.Has("kernel_shape") {
		return nil, n.Errorf("has no kernel_shape")
	}
	kernel, err := n.perAxis("kernel_shape", rank, 1, 1)
	if err != nil {
		return nil, err
	}
	stride, err := n.perAxis("strides", rank, 1, 1)
	if err != nil {
		return nil, err
	}
	before, after, err := n.padded(rank)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(x.Shape)
	for i := range rank {
		a := axes - rank + i
		shape[2+i] = (x.Shape[2+i]-1)*stride[a] + kernel[a] - before[a] - after[a]
	}
	if err := n.bounded(0, shape); err != nil {
		return nil, err
	}
	size := 1
	for _, d := range shape {
		size *= d
	}
	flat := []int{x.Len()}
	y := b.Op("Expand", nil, b.Scalar(x, 0), b.Ints(size))
	y = b.Op("ScatterElements", nil, y, b.Reshape(at, flat), b.Reshape(x, flat))
	y = b.Reshape(y, shape)
	if n.Input(2) == nil {
		return []*Value{y}, b.Err
	}
	want, err := n.known(2, "output_shape")
	if err != nil {
		return nil, err
	}
	if len(want) != len(shape) {
		return nil, n.Errorf("output_shape is %v for %v", want, shape)
	}
	ends := make([]int, 2*len(shape))
	for i, d := range want {
		if ends[len(shape)+i] = d - shape[i]; d < shape[i] {
			return nil, n.Errorf("output_shape is %v, want at least %v", want, shape)
		}
	}
	if !slices.Equal(want, shape) {
		y = b.Op("Pad", nil, y, b.Ints(ends...))
	}
	return []*Value{y}, b.Err
}
