package ops

import "testing"

func TestSoftmaxAxes(t *testing.T) {
	x := from([]int{2, 1, 2}, 0, 1, 2, 4)
	expect(t, apply(t, "Softmax", 13, nil, 1, x)[0], []int{2, 1, 2}, 0.2689414, 0.7310586, 0.1192029, 0.8807971)
	expect(t, apply(t, "Softmax", 11, Attrs{"axis": int64(0)}, 1, x)[0], []int{2, 1, 2}, 0.0152193, 0.0413707,
		0.1124572, 0.8309527)
	expect(t, apply(t, "LogSoftmax", 13, Attrs{"axis": int64(0)}, 1, x)[0], []int{2, 1, 2}, -2.126928, -3.0485873,
		-0.126928, -0.0485874)
	expect(t, apply(t, "Hardmax", 13, nil, 1, from([]int{2, 3}, 1, 3, 3, 2, 1, 0))[0], []int{2, 3}, 0, 1, 0, 1, 0, 0)
	rejects(t, "out of range", "Softmax", 13, Attrs{"axis": int64(3)}, []int{2, 2})
}
