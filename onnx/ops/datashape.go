package ops

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// dataShaped are operators whose results have as many elements as the data say. They
// are computed when a graph is compiled where their operands are then known, else
// between two stages of a run.
var dataShaped = []Def{
	{Op: "NonZero", Since: 9, Expand: beforehand(1, 1, nonZero), Eager: eagerly(1, 1, nonZero)},
	{Op: "Unique", Since: 11, Expand: beforehand(1, 1, unique), Eager: eagerly(1, 1, unique)},
	{Op: "NonMaxSuppression", Since: 10, Expand: beforehand(2, 5, suppress), Eager: eagerly(2, 5, suppress)},
	{Op: "Compress", Since: 9, Expand: expandCompress, Eager: eagerly(2, 2, compress)},
}

// beforehand is an Expand whose results are the constants that compute returns.
func beforehand(least, most int, compute func(n *Node) ([]*tensor.Tensor, error)) func(b *Builder, n *Node) ([]*Value, error) {
	return func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(least, most); err != nil {
			return nil, err
		}
		for i, v := range n.In {
			if v != nil && v.Const == nil {
				return nil, n.Unknown(v, fmt.Sprintf("input %d", i))
			}
		}
		results, err := compute(n)
		values := make([]*Value, len(results))
		for i, t := range results {
			values[i] = b.Const(t)
		}
		return values, err
	}
}

// nonZero is the positions [rank,count] of the elements that are not 0.
func nonZero(n *Node) ([]*tensor.Tensor, error) {
	x, count := n.In[0].Const, 0
	for i := range x.Len() {
		if n.stopped(i) {
			return nil, errStopped
		}
		if x.Number(i) != 0 {
			count++
		}
	}
	if err := n.need("the positions", 8*count*len(x.Shape)); err != nil {
		return nil, err
	}
	y := tensor.New(tensor.Int64, len(x.Shape), count)
	at, strides, column := y.I64(), tensor.Strides(x.Shape), 0
	for i := range x.Len() {
		if n.stopped(i) {
			return nil, errStopped
		}
		if x.Number(i) == 0 {
			continue
		}
		for d, stride := range strides {
			at[d*count+column] = int64(i / stride % x.Shape[d])
		}
		column++
	}
	return []*tensor.Tensor{y}, nil
}

// expandCompress keeps the slices along an axis, or elements, where the condition
// holds.
func expandCompress(b *Builder, n *Node) ([]*Value, error) {
	x, axis, err := n.compressed()
	if err != nil {
		return nil, err
	}
	if n.In[1].Const == nil {
		return nil, n.Unknown(n.In[1], "condition")
	}
	kept, err := n.kept(x[axis])
	if err != nil {
		return nil, err
	}
	return []*Value{b.Op("Gather", Attrs{"axis": int64(axis)}, b.Reshape(n.In[0], x), b.Ints(kept...))}, b.Err
}

// compress is expandCompress on elements.
func compress(n *Node) ([]*tensor.Tensor, error) {
	shape, axis, err := n.compressed()
	if err != nil {
		return nil, err
	}
	kept, err := n.kept(shape[axis])
	if err != nil {
		return nil, err
	}
	x, l := n.In[0].Const, laneOf(shape, axis)
	shape[axis] = len(kept)
	size := x.DType.Size() * l.inner
	if err := n.need("the result", l.outer*len(kept)*size); err != nil {
		return nil, err
	}
	y := tensor.New(x.DType, shape...)
	for o := range l.outer {
		for j, i := range kept {
			copy(y.Bytes()[(o*len(kept)+j)*size:][:size], x.Bytes()[(o*l.n+i)*size:])
		}
	}
	return []*tensor.Tensor{y}, nil
}

// compressed is the shape of Compress's operand, flat without an axis, and the axis.
func (n *Node) compressed() (shape []int, axis int, err error) {
	if err := n.Want(2, 2); err != nil {
		return nil, 0, err
	}
	if c := n.In[1]; c.DType != tensor.Bool || len(c.Shape) != 1 {
		return nil, 0, n.Errorf("condition is %v%v, want a vector of bool", c.DType, c.Shape)
	}
	if n.Has("axis") {
		axis, err = n.axisAttr(0)
		return slices.Clone(n.In[0].Shape), axis, err
	}
	return []int{n.In[0].Len()}, 0, nil
}

// kept lists the slices, of a number of them, that Compress's condition keeps.
func (n *Node) kept(slices int) ([]int, error) {
	if err := n.need("the places", 16*n.In[1].Len()); err != nil {
		return nil, err
	}
	var kept []int
	for i, keep := range n.In[1].Const.Bool() {
		if keep && i >= slices {
			return nil, n.Errorf("condition keeps slice %d of %d", i, slices)
		}
		if keep {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

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
	y, first, count := tensor.New(x.DType, shape...), tensor.New(tensor.Int64, len(groups)), tensor.New(tensor.Int64, len(groups))
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

// suppress lists [image, class, box] of the boxes [N,boxes,4] that have the highest
// scores [N,classes,boxes] of their class and do not cover one before them by more than
// a threshold (intersection by union).
func suppress(n *Node) ([]*tensor.Tensor, error) {
	boxes, scores := n.In[0].Const, n.In[1].Const
	if len(boxes.Shape) != 3 || boxes.Shape[2] != 4 || len(scores.Shape) != 3 || scores.Shape[0] != boxes.Shape[0] || scores.Shape[2] != boxes.Shape[1] ||
		boxes.DType != tensor.Float32 && boxes.DType != tensor.Float64 || scores.DType != boxes.DType {
		return nil, n.Errorf("boxes are %v%v and scores %v%v, want float [N,boxes,4] and [N,classes,boxes]", boxes.DType, boxes.Shape, scores.DType, scores.Shape)
	}
	limit := func(i int, def float64) float64 {
		if v := n.Input(i); v != nil && v.Len() == 1 {
			return v.Const.Number(0)
		}
		return def
	}
	most, cover, least := int(limit(2, 0)), limit(3, 0), limit(4, math.Inf(-1))
	if err := n.need("the boxes", 48*scores.Shape[0]*scores.Shape[2]); err != nil {
		return nil, err
	}
	corners := make([][4]float64, boxes.Shape[0]*boxes.Shape[1])
	for i := range corners {
		a, c, d, e := boxes.Number(4*i), boxes.Number(4*i+1), boxes.Number(4*i+2), boxes.Number(4*i+3)
		if n.Int("center_point_box", 0) != 0 {
			a, c, d, e = a-d/2, c-e/2, a+d/2, c+e/2
		}
		corners[i] = [4]float64{min(a, d), min(c, e), max(a, d), max(c, e)}
	}
	var out []int64
	for image := range scores.Shape[0] {
		own := corners[image*boxes.Shape[1]:][:boxes.Shape[1]]
		for class := range scores.Shape[1] {
			if n.stopped(0) {
				return nil, errStopped
			}
			score := func(i int) float64 { return scores.Number((image*scores.Shape[1]+class)*len(own) + i) }
			for _, i := range n.strongest(own, score, most, cover, least) {
				out = append(out, int64(image), int64(class), int64(i))
			}
		}
	}
	return []*tensor.Tensor{tensor.From(out, len(out)/3, 3)}, nil
}

// strongest are the boxes that suppress keeps of one class, the highest score first.
func (n *Node) strongest(boxes [][4]float64, score func(i int) float64, most int, cover, least float64) []int {
	var order, kept []int
	for i := range boxes {
		if score(i) > least {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, c int) int { return cmp.Compare(score(c), score(a)) })
	for _, i := range order {
		if len(kept) >= most || n.stopped(0) {
			break
		}
		if !slices.ContainsFunc(kept, func(k int) bool { return overlap(boxes[i], boxes[k]) > cover }) {
			kept = append(kept, i)
		}
	}
	return kept
}

// overlap is the area that two boxes share by that of both together.
func overlap(a, c [4]float64) float64 {
	h, w := min(a[2], c[2])-max(a[0], c[0]), min(a[3], c[3])-max(a[1], c[1])
	if h <= 0 || w <= 0 {
		return 0
	}
	area := func(b [4]float64) float64 { return (b[2] - b[0]) * (b[3] - b[1]) }
	return h * w / (area(a) + area(c) - h*w)
}
