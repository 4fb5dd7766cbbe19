package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var affineGrids = []Def{{Op: "AffineGrid", Since: 20, Attributes: "align_corners:i", Expand: expandAffineGrid}}

// expandAffineGrid gives each pixel of an image of the given size, or voxel, the
// point that theta [N,2,3], or [N,3,4], maps its position to; positions go from −1
// to 1, which are the middles of the first and last pixels with align_corners and
// else their outer edges.
func expandAffineGrid(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 2); err != nil {
		return nil, err
	}
	theta := n.In[0]
	size, err := n.known(1, "size")
	if err != nil {
		return nil, err
	}
	rank := len(size) - 2
	if rank != 2 && rank != 3 || !slices.Equal(theta.Shape, []int{size[0], rank, rank + 1}) || slices.Min(size) < 1 {
		return nil, n.Errorf("theta has shape %v and size is %v, want [N,2,3] and [N,C,H,W], or [N,3,4] and [N,C,D,H,W]",
			theta.Shape, size)
	}
	if err := n.bounded(0, append(slices.Clone(size), rank)); err != nil {
		return nil, err
	}
	pixels := tensor.Len(size[2:])
	if err := n.need("the positions", 12*pixels*(rank+1)); err != nil {
		return nil, err
	}
	base := tensor.New(tensor.Float64, pixels, rank+1)
	for i, x := 0, base.F64(); i < pixels; i++ {
		rest := i
		for d := range rank {
			width := size[len(size)-1-d]
			x[i*(rank+1)+d] = position(rest%width, width, n.Int("align_corners", 0) != 0)
			rest /= width
		}
		x[i*(rank+1)+rank] = 1
	}
	y := b.Op("MatMul", nil, b.Const(converted(base, theta.DType)),
		b.Op("Transpose", Attrs{"perm": []int64{0, 2, 1}}, theta))
	return []*Value{b.Reshape(y, slices.Concat(size[:1], size[2:], []int{rank}))}, b.Err
}

// position is that of pixel i of an axis, from −1 to 1.
func position(i, width int, corners bool) float64 {
	if corners {
		return 2*float64(i)/float64(max(width-1, 1)) - 1
	}
	return (2*float64(i)+1)/float64(width) - 1
}
