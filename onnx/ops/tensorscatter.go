package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var tensorScatters = []Def{{Op: "TensorScatter", Since: 24, Attributes: "axis:i mode:s",
	Expand: expandTensorScatter}}

// expandTensorScatter writes updates into a cache along an axis, from the index of
// each item of the batch on; a circular cache goes on at its beginning.
func expandTensorScatter(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 3); err != nil {
		return nil, err
	}
	cache, update, at := n.In[0], n.In[1], n.Input(2)
	rank := len(cache.Shape)
	axis, err := n.Axis(n.Int("axis", -2), rank)
	if err != nil {
		return nil, err
	}
	if axis == 0 || len(update.Shape) != rank || update.Shape[axis] > cache.Shape[axis] || update.DType != cache.DType ||
		!slices.Equal(slices.Delete(slices.Clone(update.Shape), axis, axis+1),
			slices.Delete(slices.Clone(cache.Shape), axis, axis+1)) {
		return nil, n.Errorf("update is %v%v for a cache %v%v", update.DType, update.Shape, cache.DType, cache.Shape)
	}
	mode := n.Str("mode", "linear")
	if mode != "linear" && mode != "circular" {
		return nil, n.Errorf("mode is %q, want linear or circular", mode)
	}
	one := slices.Repeat([]int{1}, rank)
	one[axis] = update.Shape[axis]
	index := b.Const(counting(one[axis], one...))
	if at != nil {
		if !slices.Equal(at.Shape, cache.Shape[:1]) || at.DType != tensor.Int64 {
			return nil, n.Errorf("write_indices is %v%v, want int64 %v", at.DType, at.Shape, cache.Shape[:1])
		}
		first := slices.Repeat([]int{1}, rank)
		first[0] = at.Shape[0]
		index = b.Op("Add", nil, index, b.Reshape(at, first))
	}
	if mode == "circular" {
		index = b.Op("Mod", nil, index, b.Ints(cache.Shape[axis]))
	}
	index = b.expand(index, update.Shape)
	return []*Value{b.Op("ScatterElements", Attrs{"axis": int64(axis)}, cache, index, update)}, b.Err
}
