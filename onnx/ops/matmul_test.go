package ops

import "testing"

func TestGemmVariants(t *testing.T) {
	a, b := from([]int{2, 3}, 1, 2, 3, 4, 5, 6), from([]int{3, 2}, 1, 0, 0, 1, 1, 1)
	expect(t, apply(t, "Gemm", 13, nil, 1, a, b, from([]int{2}, 10, 20))[0], []int{2, 2}, 14, 25, 20, 31)
	expect(t, apply(t, "Gemm", 13, nil, 1, a, b, from([]int{2, 1}, 10, 20))[0], []int{2, 2}, 14, 15, 30, 31)
	expect(t, apply(t, "Gemm", 13, Attrs{"alpha": float32(2), "beta": float32(0.5)}, 1, a, b,
		from([]int{1, 2}, 10, 20))[0], []int{2, 2}, 13, 20, 25, 32)
	expect(t, apply(t, "Gemm", 13, Attrs{"alpha": float32(0), "beta": float32(2)}, 1, a, b, from(nil, 3))[0],
		[]int{2, 2}, 6, 6, 6, 6)
	expect(t, apply(t, "Gemm", 13, Attrs{"transA": int64(1), "transB": int64(1)}, 1, b, a)[0], []int{2, 2}, 4, 10, 5, 11)
	rejects(t, "op(A) is 2x3 and op(B) 2x3", "Gemm", 13, nil, []int{2, 3}, []int{2, 3})
	rejects(t, "does not broadcast", "Gemm", 13, nil, []int{2, 3}, []int{3, 4}, []int{3})
	rejects(t, "want two matrices", "Gemm", 13, nil, []int{2, 3, 1}, []int{3, 4})
}

func TestMatMulBroadcasts(t *testing.T) {
	v, m := from([]int{2}, 1, 2), from([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	expect(t, apply(t, "MatMul", 13, nil, 1, v, m)[0], []int{3}, 9, 12, 15)
	expect(t, apply(t, "MatMul", 13, nil, 1, m, from([]int{3}, 1, 0, 1))[0], []int{2}, 4, 10)
	expect(t, apply(t, "MatMul", 13, nil, 1, v, v)[0], []int{}, 5)
	left, right := from([]int{2, 1, 1, 2}, 1, 2, 3, 4), from([]int{3, 2, 1}, 1, 1, 2, 0, 0, 2)
	expect(t, apply(t, "MatMul", 13, nil, 1, left, right)[0], []int{2, 3, 1, 1}, 3, 2, 4, 7, 6, 8)
	rejects(t, "3 columns for 2 rows", "MatMul", 13, nil, []int{2, 3}, []int{2, 3})
	rejects(t, "do not broadcast", "MatMul", 13, nil, []int{2, 2, 3}, []int{3, 3, 1})
}
