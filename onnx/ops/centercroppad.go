package ops

var centerCropPads = []Def{{Op: "CenterCropPad", Since: 18, Attributes: "axes:I", Expand: expandCenterCropPad}}

// expandCenterCropPad cuts, or fills with zeros, around the middle of each axis; of an
// odd number of elements the last side takes one more.
func expandCenterCropPad(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 2); err != nil {
		return nil, err
	}
	x := n.In[0]
	want, err := n.known(1, "shape")
	if err != nil {
		return nil, err
	}
	var axes []int
	for i := range x.Shape {
		axes = append(axes, i)
	}
	axes = n.Ints("axes", axes)
	if len(axes) != len(want) {
		return nil, n.Errorf("shape has %d sizes for %d axes", len(want), len(axes))
	}
	if _, err := n.Axes(axes, len(x.Shape)); err != nil {
		return nil, err
	}
	starts, ends, pads := make([]int, len(axes)), make([]int, len(axes)), make([]int, 2*len(axes))
	cut, filled := false, false
	for i, a := range axes {
		a, _ = n.Axis(a, len(x.Shape))
		d := x.Shape[a]
		if want[i] < 0 {
			return nil, n.Errorf("shape is %v", want)
		}
		if ends[i] = d; want[i] < d {
			starts[i], cut = (d-want[i])/2, true
			ends[i] = starts[i] + want[i]
		} else if want[i] > d {
			pads[i], filled = (want[i]-d)/2, true
			pads[len(axes)+i] = want[i] - d - pads[i]
		}
	}
	y, along := x, b.Ints(axes...)
	if cut {
		y = b.Op("Slice", nil, y, b.Ints(starts...), b.Ints(ends...), along)
	}
	if filled {
		y = b.Op("Pad", nil, y, b.Ints(pads...), nil, along)
	}
	return []*Value{y}, b.Err
}
