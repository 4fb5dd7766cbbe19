package engine

import (
	"fmt"
	"slices"
	"sort"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
)

// fits checks that the plan's memory is there. The error says how much the step
// needs and which batch would fit.
func (g *Graph) fits(o *TrainOptions, r *training, l *layout) error {
	free, known := o.Memory, o.Memory > 0
	if !known {
		free, known = memory.Free()
	}
	if need := int64(l.size) * 4; !known || need <= free {
		return nil
	}
	batch := r.logits.Shape[0]
	smaller := sort.Search(batch-1, func(k int) bool { return int64(g.arenaOf(o, batch, batch-1-k))*4 <= free })
	advice := "not even a batch of 1 would fit"
	if smaller < batch-1 {
		advice = fmt.Sprintf("a batch of %d would fit", batch-1-smaller)
	}
	return Problems{fmt.Errorf("a training step of batch %d needs %s and %s are free; %s",
		batch, memory.String(int64(l.size)*4), memory.String(free), advice)}
}

// arenaOf is the size of the arena with another batch.
func (g *Graph) arenaOf(o *TrainOptions, from, to int) int {
	other := *o
	other.Inputs = map[string]*tensor.Tensor{}
	for name, t := range o.Inputs {
		if t.DType.IsFloat() && len(t.Shape) > 0 && t.Shape[0] == from {
			t = &tensor.Tensor{DType: t.DType, Shape: slices.Concat([]int{to}, t.Shape[1:])}
		}
		other.Inputs[name] = t
	}
	r, err := g.training(&other)
	if err != nil {
		return 1 << 60 // the graph wants its own batch
	}
	return r.layout().size
}
