package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

func TestGemmVariants(t *testing.T) {
	a, b := from([]int{2, 3}, 1, 2, 3, 4, 5, 6), from([]int{3, 2}, 1, 0, 0, 1, 1, 1)
	expect(t, apply(t, "Gemm", 13, nil, 1, a, b, from([]int{2}, 10, 20))[0], []int{2, 2}, 14, 25, 20, 31)
	expect(t, apply(t, "Gemm", 13, nil, 1, a, b, from([]int{2, 1}, 10, 20))[0], []int{2, 2}, 14, 15, 30, 31)
	expect(t, apply(t, "Gemm", 13, Attrs{"alpha": float32(2), "beta": float32(0.5)}, 1, a, b, from([]int{1, 2}, 10, 20))[0], []int{2, 2}, 13, 20, 25, 32)
	expect(t, apply(t, "Gemm", 13, Attrs{"alpha": float32(0), "beta": float32(2)}, 1, a, b, from(nil, 3))[0], []int{2, 2}, 6, 6, 6, 6)
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

func TestSoftmaxAxes(t *testing.T) {
	x := from([]int{2, 1, 2}, 0, 1, 2, 4)
	expect(t, apply(t, "Softmax", 13, nil, 1, x)[0], []int{2, 1, 2}, 0.2689414, 0.7310586, 0.1192029, 0.8807971)
	expect(t, apply(t, "Softmax", 11, Attrs{"axis": int64(0)}, 1, x)[0], []int{2, 1, 2}, 0.0152193, 0.0413707, 0.1124572, 0.8309527)
	expect(t, apply(t, "LogSoftmax", 13, Attrs{"axis": int64(0)}, 1, x)[0], []int{2, 1, 2}, -2.126928, -3.0485873, -0.126928, -0.0485874)
	expect(t, apply(t, "Hardmax", 13, nil, 1, from([]int{2, 3}, 1, 3, 3, 2, 1, 0))[0], []int{2, 3}, 0, 1, 0, 1, 0, 0)
	rejects(t, "out of range", "Softmax", 13, Attrs{"axis": int64(3)}, []int{2, 2})
}

func TestBatchNormModes(t *testing.T) {
	x := from([]int{2, 1, 2}, 1, 2, 3, 6)
	scale, bias, mean, variance := from([]int{1}, 2), from([]int{1}, 1), from([]int{1}, 1), from([]int{1}, 4)
	eps := Attrs{"epsilon": float32(0)}
	expect(t, apply(t, "BatchNormalization", 15, eps, 1, x, scale, bias, mean, variance)[0], []int{2, 1, 2}, 1, 2, 3, 6)
	train := Attrs{"epsilon": float32(0), "training_mode": int64(1), "momentum": float32(0.5)}
	out := apply(t, "BatchNormalization", 15, train, 3, x, scale, bias, mean, variance)
	expect(t, out[0], []int{2, 1, 2}, -1.1380899, -0.0690450, 1, 4.2071348)
	expect(t, out[1], []int{1}, 2)
	expect(t, out[2], []int{1}, 3.75) // the variance of the batch is 3.5
	rejects(t, "scale has shape [3] for input [2 4 5], want [4]", "BatchNormalization", 15, nil, []int{2, 4, 5}, []int{3}, []int{4}, []int{4}, []int{4})
	rejects(t, "want at least 5", "BatchNormalization", 15, nil, []int{2, 4, 5}, []int{4})
}

func TestTrainingBatchNormUpdatesAsPyTorch(t *testing.T) {
	b := NewBuilder("t")
	given := map[*Value]*tensor.Tensor{}
	var in []*Value
	for _, x := range []*tensor.Tensor{from([]int{2, 1, 2}, 1, 2, 3, 6), from([]int{1}, 2), from([]int{1}, 1), from([]int{1}, 1), from([]int{1}, 4)} {
		v := input(x)
		given[v] = x
		in = append(in, v)
	}
	out := b.OpN("BatchNormTrain", Attrs{"momentum": float32(0.9)}, 5, in...)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	evaluate(t, b.Nodes, given)
	expect(t, given[out[1]], []int{1}, 3)
	expect(t, given[out[2]], []int{1}, 0.5345217)
	expect(t, given[out[3]], []int{1}, 1.2)
	expect(t, given[out[4]], []int{1}, 4.0666666) // 0.9·4 + 0.1·14/3, the unbiased variance
}

func TestGroupAndLineNorms(t *testing.T) {
	x := from([]int{1, 4, 1}, 1, 3, 2, 6)
	two, four := from([]int{2}, 1, 10), from([]int{4}, 1, 2, 3, 4)
	zero2, zero4 := from([]int{2}, 0, 1), from([]int{4}, 0, 0, 1, 0)
	attrs := Attrs{"num_groups": int64(2), "epsilon": float32(0)}
	expect(t, apply(t, "GroupNormalization", 18, attrs, 1, x, two, zero2)[0], []int{1, 4, 1}, -1, 1, -9, 11)
	expect(t, apply(t, "GroupNormalization", 21, attrs, 1, x, four, zero4)[0], []int{1, 4, 1}, -1, 2, -2, 4)
	expect(t, apply(t, "InstanceNormalization", 6, Attrs{"epsilon": float32(0)}, 1, from([]int{1, 2, 2}, 1, 3, 2, 6), two, zero2)[0], []int{1, 2, 2}, -1, 1, -9, 11)
	expect(t, apply(t, "LpNormalization", 1, Attrs{"axis": int64(1)}, 1, from([]int{2, 2}, 3, 4, 0, 0))[0], []int{2, 2}, 0.6, 0.8, 0, 0)
	expect(t, apply(t, "LpNormalization", 1, Attrs{"p": int64(1), "axis": int64(0)}, 1, from([]int{2, 1}, -1, 3))[0], []int{2, 1}, -0.25, 0.75)
	expect(t, apply(t, "LRN", 13, Attrs{"size": int64(2), "alpha": float32(2), "beta": float32(1)}, 1, from([]int{1, 3, 1}, 1, 2, 3))[0], []int{1, 3, 1}, 1./6, 2./14, 3./10)
	expect(t, apply(t, "MeanVarianceNormalization", 13, nil, 1, from([]int{2, 1, 1, 2}, 1, 1, 3, 3))[0], []int{2, 1, 1, 2}, -1, -1, 1, 1)
	rejects(t, "3 groups do not divide 4 channels", "GroupNormalization", 21, Attrs{"num_groups": int64(3)}, []int{1, 4}, []int{4}, []int{4})
	rejects(t, "0 groups", "GroupNormalization", 21, nil, []int{1, 4}, []int{4}, []int{4})
	rejects(t, "scale has shape [2]", "LayerNormalization", 17, nil, []int{1, 4}, []int{2})
	rejects(t, "size is 0", "LRN", 13, nil, []int{1, 4, 1})
}
