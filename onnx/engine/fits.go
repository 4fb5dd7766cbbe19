package engine

import (
	"fmt"
	"slices"
	"sort"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
)

// fits asks for the memory of a plan. Where it is not there, the error says which
// batch would fit, given the size of a plan for another one.
func (l *layout) fits(what string, allowed int64, batch int, other func(batch int) int64) error {
	need, left := int64(l.size), allowed
	if allowed == 0 {
		err := memory.Need(what, need)
		if err == nil {
			return nil
		}
		left = memory.Left()
	}
	if allowed != 0 && need <= allowed {
		return nil
	}
	advice := "not even a batch of 1 would fit"
	if k := sort.Search(max(batch-1, 0), func(k int) bool { return other(batch-1-k) <= left }); k < batch-1 {
		advice = fmt.Sprintf("a batch of %d would fit", batch-1-k)
	}
	return &memory.Error{What: fmt.Sprintf("%s of batch %d", what, batch), Need: need, Left: left, Advice: advice}
}

// batchOf is the first size of the float inputs, 0 where there is none.
func batchOf(inputs map[string]*tensor.Tensor) int {
	batch := 0
	for _, t := range inputs {
		if t.DType.IsFloat() && len(t.Shape) > 0 {
			batch = max(batch, t.Shape[0])
		}
	}
	return batch
}

// withBatch is the inputs with another batch in place of from, without elements.
func withBatch(inputs map[string]*tensor.Tensor, from, to int) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for name, t := range inputs {
		if t.DType.IsFloat() && len(t.Shape) > 0 && t.Shape[0] == from {
			t = &tensor.Tensor{DType: t.DType, Shape: slices.Concat([]int{to}, t.Shape[1:])}
		}
		out[name] = t
	}
	return out
}

// unfit stands for the size of a plan that cannot be made: the graph wants its own
// batch.
const unfit = 1 << 60

// stepBytes is the memory of a training step with another batch.
func (g *Graph) stepBytes(o *TrainOptions, from, to int) int64 {
	other := *o
	other.Inputs = withBatch(o.Inputs, from, to)
	r, err := g.training(&other)
	if err != nil {
		return unfit
	}
	return int64(r.layout().size)
}

// runBytes is the memory of an inference with another batch.
func (g *Graph) runBytes(o *Options, from, to int) int64 {
	other := *o
	other.Inputs = withBatch(o.Inputs, from, to)
	p, _, err := g.plan(&other)
	if err != nil {
		return unfit
	}
	return int64(p.layout().size)
}
