//go:build amd64 && !purego

package winograd

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// apply changes the basis of t.
func (c *change) apply(t *ref.Tiles) {
	switch {
	case !cpu.AVX2:
		ref.Transform(c.l, t)
	case cpu.AVX512 && c.form.Stride == 2:
		c.wide2Stride2(t)
	case cpu.AVX512 && c.form.M == 2:
		c.wide2(t)
	case cpu.AVX512:
		c.wide4(t)
	case c.form.Stride == 2:
		c.apply2Stride2(t)
	case c.form.M == 2:
		c.apply2(t)
	default:
		c.apply4(t)
	}
}

func (c *change) apply2(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx2.Winograd2Input(t)
	case ref.ChangeOutput:
		avx2.Winograd2Output(t)
	case ref.ChangeWeight:
		avx2.Winograd2Weight(t)
	case ref.ChangeOutputGrad:
		avx2.Winograd2OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx2.Winograd2WeightGrad(t)
	}
}

func (c *change) apply4(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx2.Winograd4Input(t)
	case ref.ChangeOutput:
		avx2.Winograd4Output(t)
	case ref.ChangeWeight:
		avx2.Winograd4Weight(t)
	case ref.ChangeOutputGrad:
		avx2.Winograd4OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx2.Winograd4WeightGrad(t)
	}
}

func (c *change) apply2Stride2(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx2.Winograd2Stride2Input(t)
	case ref.ChangeOutput:
		avx2.Winograd2Stride2Output(t)
	case ref.ChangeWeight:
		avx2.Winograd2Stride2Weight(t)
	case ref.ChangeOutputGrad:
		avx2.Winograd2Stride2OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx2.Winograd2Stride2WeightGrad(t)
	case ref.ChangeTransposedInput:
		avx2.Winograd2Stride2TransposedInput(t)
	case ref.ChangeTransposedOutput:
		avx2.Winograd2Stride2TransposedOutput(t)
	}
}

// The wide ones change the basis of 16 channels at once, by the same operations.

func (c *change) wide2(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx512.Winograd2Input(t)
	case ref.ChangeOutput:
		avx512.Winograd2Output(t)
	case ref.ChangeWeight:
		avx512.Winograd2Weight(t)
	case ref.ChangeOutputGrad:
		avx512.Winograd2OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx512.Winograd2WeightGrad(t)
	}
}

func (c *change) wide4(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx512.Winograd4Input(t)
	case ref.ChangeOutput:
		avx512.Winograd4Output(t)
	case ref.ChangeWeight:
		avx512.Winograd4Weight(t)
	case ref.ChangeOutputGrad:
		avx512.Winograd4OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx512.Winograd4WeightGrad(t)
	}
}

func (c *change) wide2Stride2(t *ref.Tiles) {
	switch c.of {
	case ref.ChangeInput:
		avx512.Winograd2Stride2Input(t)
	case ref.ChangeOutput:
		avx512.Winograd2Stride2Output(t)
	case ref.ChangeWeight:
		avx512.Winograd2Stride2Weight(t)
	case ref.ChangeOutputGrad:
		avx512.Winograd2Stride2OutputGrad(t)
	case ref.ChangeWeightGrad:
		avx512.Winograd2Stride2WeightGrad(t)
	case ref.ChangeTransposedInput:
		avx512.Winograd2Stride2TransposedInput(t)
	case ref.ChangeTransposedOutput:
		avx512.Winograd2Stride2TransposedOutput(t)
	}
}
