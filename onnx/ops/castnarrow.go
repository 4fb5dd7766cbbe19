package ops

import (
	"memprobe/internal/half"
	"memprobe/internal/tensor"
)

// narrowing says how a cast meets values that a float of eight bits or fewer lacks.
type narrowing struct {
	saturate bool   // to the largest, instead of to infinity or NaN
	mode     string // of Float8E8M0: "up", "down" or "nearest"
}

// floats8 are the formats of the floats that are stored as a byte of bits.
var floats8 = map[tensor.DType]*half.Format{
	tensor.Float4E2M1: half.E2M1, tensor.Float8E4M3FN: half.E4M3FN, tensor.Float8E4M3FNUZ: half.E4M3FNUZ,
	tensor.Float8E5M2: half.E5M2, tensor.Float8E5M2FNUZ: half.E5M2FNUZ, tensor.Float8E8M0: half.E8M0,
}

// integerBits are the widths of the integers of fewer than eight bits.
var integerBits = map[tensor.DType]int{tensor.Int2: 2, tensor.Int4: 4, tensor.Uint2: 2, tensor.Uint4: 4}

// asByte is the type of the bytes that hold integers of fewer than eight bits.
func asByte(d tensor.DType) tensor.DType {
	if d == tensor.Int2 || d == tensor.Int4 {
		return tensor.Int8
	}
	return tensor.Uint8
}

// fromNarrow converts elements of fewer than eight bits, or floats of eight.
func fromNarrow(x, y *tensor.Tensor, how narrowing) func() {
	format := floats8[x.DType]
	if format == nil {
		wide := tensor.Over(asByte(x.DType), x.Bytes(), x.Shape...)
		run := castLoop(wide, y, how)
		return func() { wide.Alias(x); run() }
	}
	wide := tensor.New(tensor.Float32, x.Shape...)
	run := castLoop(wide, y, how)
	return func() {
		dst := wide.F32()
		for i, v := range x.Bytes() {
			dst[i] = format.Decode(v)
		}
		run()
	}
}

// toNarrow converts to elements of fewer than eight bits, or to floats of eight.
// Integers keep their lowest bits.
func toNarrow(x, y *tensor.Tensor, how narrowing) func() {
	format := floats8[y.DType]
	if format == nil {
		wide := tensor.New(asByte(y.DType), x.Shape...)
		run, spare := castLoop(x, wide, how), 8-integerBits[y.DType]
		return func() {
			run()
			dst := y.Bytes()
			for i, v := range wide.Bytes() {
				if wide.DType == tensor.Int8 {
					dst[i] = byte(int8(v<<spare) >> spare)
				} else {
					dst[i] = v << spare >> spare
				}
			}
		}
	}
	wide := tensor.New(tensor.Float32, x.Shape...)
	run := castLoop(x, wide, how)
	return func() {
		run()
		dst := y.Bytes()
		for i, v := range wide.F32() {
			dst[i] = format.Encode(v, how.saturate, how.mode)
		}
	}
}
