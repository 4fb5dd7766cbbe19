package ops

import (
	"bytes"
	"cmp"
	"slices"

	"memprobe/internal/tensor"
)

var uniques = []Def{{Op: "Unique", Since: 11, Attributes: "axis:i sorted:i",
	Expand: beforehand(1, 1, unique), Eager: eagerly(1, 1, unique)}}

// unique returns the distinct slices along an axis, or elements, in their order or in
// that of their first appearance; then of each its first index, of each slice of the
// input its place among them, and how often each is there.
func unique(n *Node) ([]*tensor.Tensor, error) {
	x := n.In[0].Const
	axis := 0
	if n.Has("axis") {
		var err error
		if axis, err = n.axisAttr(0); err != nil {
			return nil, err
		}
	} else {
		x = x.Reshape(x.Len())
	}
	if len(x.Shape) == 0 {
		x = x.Reshape(1)
	}
	if err := n.need("the slices", 2*x.Len()*x.DType.Size()+64*x.Shape[axis]); err != nil {
		return nil, err
	}
	l, size := laneOf(x.Shape, axis), x.DType.Size()
	element := func(slice, i int) int { return (i/l.inner*l.n+slice)*l.inner + i%l.inner }
	whole := l.outer * l.inner
	compared := 0
	compare := func(a, c int) int {
		if compared++; n.stopped(compared) {
			return 0
		}
		for i := range whole {
			p, q := element(a, i), element(c, i)
			if bytes.Equal(x.Bytes()[p*size:][:size], x.Bytes()[q*size:][:size]) {
				continue
			}
			if by := compareNumbers(x, p, q); by != 0 {
				return by
			}
		}
		return 0
	}
	order := make([]int, l.n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	var groups [][]int // of equal slices, the first first
	for _, i := range order {
		if last := len(groups) - 1; last >= 0 && compare(groups[last][0], i) == 0 {
			groups[last] = append(groups[last], i)
		} else {
			groups = append(groups, []int{i})
		}
	}
	if n.Int("sorted", 1) == 0 {
		slices.SortFunc(groups, func(a, c []int) int { return cmp.Compare(a[0], c[0]) })
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = len(groups)
	y, first, count := tensor.New(x.DType, shape...), tensor.New(tensor.Int64, len(groups)),
		tensor.New(tensor.Int64, len(groups))
	inverse := tensor.New(tensor.Int64, l.n)
	for g, members := range groups {
		first.I64()[g], count.I64()[g] = int64(members[0]), int64(len(members))
		for _, i := range members {
			inverse.I64()[i] = int64(g)
		}
		for i := range whole {
			to := (i/l.inner*len(groups)+g)*l.inner + i%l.inner
			copy(y.Bytes()[to*size:][:size], x.Bytes()[element(members[0], i)*size:])
		}
	}
	return []*tensor.Tensor{y, first, inverse, count}, nil
}

// compareNumbers orders two elements; integers of 64 bits as such.
func compareNumbers(x *tensor.Tensor, p, q int) int {
	switch x.DType {
	case tensor.Int64:
		return cmp.Compare(x.I64()[p], x.I64()[q])
	case tensor.Uint64:
		return cmp.Compare(tensor.Data[uint64](x)[p], tensor.Data[uint64](x)[q])
	}
	return cmp.Compare(x.Number(p), x.Number(q))
}
