package ops

import "slices"

var col2Ims = []Def{{Op: "Col2Im", Since: 18, Attributes: "dilations:I pads:I strides:I", Expand: expandCol2Im}}

// expandCol2Im adds up columns [N,C·block,L], each a block at one of L places, to
// images [N,C,…]: what falls beside an image is dropped.
func expandCol2Im(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(3, 3); err != nil {
		return nil, err
	}
	image, err := n.known(1, "image_shape")
	if err != nil {
		return nil, err
	}
	block, err := n.known(2, "block_shape")
	if err != nil {
		return nil, err
	}
	x := n.In[0]
	ones, none := slices.Repeat([]int{1}, len(image)), make([]int, 2*len(image))
	dilations, strides, pads := n.Ints("dilations", ones), n.Ints("strides", ones), n.Ints("pads", none)
	rank := len(image)
	if len(block) != rank || len(dilations) != rank || len(strides) != rank || len(pads) != 2*rank || len(x.Shape) != 3 {
		return nil, n.Errorf("image_shape %v, block_shape %v, dilations %v, strides %v and pads %v do not fit",
			image, block, dilations, strides, pads)
	}
	if slices.Min(slices.Concat(image, block, dilations, strides, ones)) < 1 ||
		slices.Max(slices.Concat(image, block, dilations, strides)) > 1<<30 {
		return nil, n.Errorf("image_shape %v, block_shape %v, dilations %v and strides %v are out of range",
			image, block, dilations, strides)
	}
	if err := n.bounded(0, image); err != nil {
		return nil, err
	}
	places := make([]int, rank)
	cells, blocks, total := 1, 1, 1
	for i, d := range image {
		places[i] = (d+pads[i]+pads[rank+i]-dilations[i]*(block[i]-1)-1)/strides[i] + 1
		if cells *= max(places[i], 0); cells > x.Shape[2] {
			break
		}
		if blocks *= block[i]; blocks > x.Shape[1] {
			break
		}
		total *= d
	}
	if cells != x.Shape[2] || x.Shape[1]%blocks != 0 {
		return nil, n.Errorf("columns of shape %v do not fit blocks of %v at %v places", x.Shape, block, places)
	}
	outside := total
	if err := n.need("the places", 16*blocks*cells); err != nil { // as int and as int64
		return nil, err
	}
	index := make([]int, 0, blocks*cells)
	for k := range blocks {
		for l := range cells {
			index = append(index, placeOf(k, l, image, block, places, dilations, strides, pads, outside))
		}
	}
	c := x.Shape[1] / blocks
	columns := b.Op("Transpose", Attrs{"perm": []int64{1, 0}}, b.Reshape(x, []int{x.Shape[0] * c, blocks * cells}))
	zeros := b.Op("Expand", nil, b.Scalar(x, 0), b.Ints(total+1, x.Shape[0]*c))
	sum := b.Op("ScatterND", Attrs{"reduction": "add"}, zeros, b.Reshape(b.Ints(index...), []int{len(index), 1}), columns)
	inside := b.Op("Slice", nil, sum, b.Ints(0), b.Ints(total), b.Ints(0))
	y := b.Op("Transpose", Attrs{"perm": []int64{1, 0}}, inside)
	return []*Value{b.Reshape(y, slices.Concat([]int{x.Shape[0], c}, image))}, b.Err
}

// placeOf is the element of an image where element k of the block at place l lies,
// or outside.
func placeOf(k, l int, image, block, places, dilations, strides, pads []int, outside int) int {
	at, step := 0, 1
	for i := len(image) - 1; i >= 0; i-- {
		p := l%places[i]*strides[i] + k%block[i]*dilations[i] - pads[i]
		if p < 0 || p >= image[i] {
			return outside
		}
		at += p * step
		step *= image[i]
		k /= block[i]
		l /= places[i]
	}
	return at
}
