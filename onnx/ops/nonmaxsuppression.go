package ops

import (
	"cmp"
	"math"
	"slices"

	"memprobe/internal/tensor"
)

var suppressions = []Def{{Op: "NonMaxSuppression", Since: 10, Attributes: "center_point_box:i",
	Expand: beforehand(2, 5, suppress),
	Eager:  eagerly(2, 5, suppress)}}

// suppress lists [image, class, box] of the boxes [N,boxes,4] that have the highest
// scores [N,classes,boxes] of their class and do not cover one before them by more than
// a threshold (intersection by union).
func suppress(n *Node) ([]*tensor.Tensor, error) {
	boxes, scores := n.In[0].Const, n.In[1].Const
	if len(boxes.Shape) != 3 || boxes.Shape[2] != 4 || len(scores.Shape) != 3 || scores.Shape[0] != boxes.Shape[0] ||
		scores.Shape[2] != boxes.Shape[1] ||
		boxes.DType != tensor.Float32 && boxes.DType != tensor.Float64 || scores.DType != boxes.DType {
		return nil, n.Errorf("boxes are %v%v and scores %v%v, want float [N,boxes,4] and [N,classes,boxes]",
			boxes.DType, boxes.Shape, scores.DType, scores.Shape)
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
