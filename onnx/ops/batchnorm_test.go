package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

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
	rejects(t, "scale has shape [3] for input [2 4 5], want [4]", "BatchNormalization",
		15, nil, []int{2, 4, 5}, []int{3}, []int{4}, []int{4}, []int{4})
	rejects(t, "want at least 5", "BatchNormalization", 15, nil, []int{2, 4, 5}, []int{4})
}

func TestTrainingBatchNormUpdatesAsPyTorch(t *testing.T) {
	b := NewBuilder("t")
	given := map[*Value]*tensor.Tensor{}
	var in []*Value
	for _, x := range []*tensor.Tensor{from([]int{2, 1, 2}, 1, 2, 3, 6), from([]int{1}, 2), from([]int{1}, 1),
		from([]int{1}, 1), from([]int{1}, 4)} {
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
