package ops

import "testing"

func TestGroupAndLineNorms(t *testing.T) {
	x := from([]int{1, 4, 1}, 1, 3, 2, 6)
	two, four := from([]int{2}, 1, 10), from([]int{4}, 1, 2, 3, 4)
	zero2, zero4 := from([]int{2}, 0, 1), from([]int{4}, 0, 0, 1, 0)
	attrs := Attrs{"num_groups": int64(2), "epsilon": float32(0)}
	expect(t, apply(t, "GroupNormalization", 18, attrs, 1, x, two, zero2)[0], []int{1, 4, 1}, -1, 1, -9, 11)
	expect(t, apply(t, "GroupNormalization", 21, attrs, 1, x, four, zero4)[0], []int{1, 4, 1}, -1, 2, -2, 4)
	expect(t, apply(t, "InstanceNormalization", 6, Attrs{"epsilon": float32(0)}, 1, from([]int{1, 2, 2}, 1, 3, 2, 6),
		two, zero2)[0], []int{1, 2, 2}, -1, 1, -9, 11)
	expect(t, apply(t, "LpNormalization", 1, Attrs{"axis": int64(1)}, 1, from([]int{2, 2}, 3, 4, 0, 0))[0],
		[]int{2, 2}, 0.6, 0.8, 0, 0)
	expect(t, apply(t, "LpNormalization", 1, Attrs{"p": int64(1), "axis": int64(0)}, 1, from([]int{2, 1}, -1, 3))[0],
		[]int{2, 1}, -0.25, 0.75)
	expect(t, apply(t, "LRN", 13, Attrs{"size": int64(2), "alpha": float32(2), "beta": float32(1)}, 1,
		from([]int{1, 3, 1}, 1, 2, 3))[0], []int{1, 3, 1}, 1./6, 2./14, 3./10)
	expect(t, apply(t, "MeanVarianceNormalization", 13, nil, 1, from([]int{2, 1, 1, 2}, 1, 1, 3, 3))[0],
		[]int{2, 1, 1, 2}, -1, -1, 1, 1)
	rejects(t, "3 groups do not divide 4 channels", "GroupNormalization",
		21, Attrs{"num_groups": int64(3)}, []int{1, 4}, []int{4}, []int{4})
	rejects(t, "0 groups", "GroupNormalization", 21, nil, []int{1, 4}, []int{4}, []int{4})
	rejects(t, "scale has shape [2]", "LayerNormalization", 17, nil, []int{1, 4}, []int{2})
	rejects(t, "size is 0", "LRN", 13, nil, []int{1, 4, 1})
}
