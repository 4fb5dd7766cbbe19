package quant

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

const (
	rows = ref.ByteRows
	cols = ref.ByteCols
	step = 4 // elements of k
)

// MostTerms is how many products a sum may have that must not leave int32.
const MostTerms = 1 << 31 / (255 * 255)

// Weights are the constant bytes of a product or a convolution with their zero points,
// one for all or one for each result's channel.
type Weights struct {
	W      []uint8
	Signed bool
	Zero   []int32
}

// at is element i as a signed byte.
func (w *Weights) at(i int) int8 { return int8(w.W[i] ^ flip(!w.Signed)) }

// zero is the zero point of channel m beside at.
func (w *Weights) zero(m int) int32 {
	z := int32(0)
	switch len(w.Zero) {
	case 0:
	case 1:
		z = w.Zero[0]
	default:
		z = w.Zero[m]
	}
	if !w.Signed {
		z -= 128
	}
	return z
}

// skewed reports whether a zero point is not 0.
func (w *Weights) skewed(channels int) bool {
	for m := range channels {
		if w.zero(m) != 0 {
			return true
		}
	}
	return false
}

// Result says what becomes of the sums of each channel: round((sum + Bias)·Scale) within
// a grid.
type Result struct {
	Bias  []int32   // one for each channel, or none
	Scale []float32 // one for each channel
	Grid  Grid
}

// correction is what all sums of a channel have added: the bias, and what the zero
// points take that does not depend on the input. sum is that of the channel's k weights.
func correction(bias []int32, m int, sum, k, zx, zw int32) int32 {
	c := k*zx*zw - zx*sum
	if bias != nil {
		c += bias[m]
	}
	return c
}

// cut divides panels by tiles into chunks: how many panels and how many tiles each has.
func cut(p *parallel.Pool, panels, tiles, items, most int, whole bool) (np, nt int) {
	nt = min(most, tiles)
	np = panels
	for {
		chunks := items * parallel.Chunks(panels, np) * parallel.Chunks(tiles, nt)
		switch {
		case chunks >= p.Want():
			return np, nt
		case nt > 4:
			nt = (nt + 1) / 2
		case np > 1 && !whole:
			np = (np + 1) / 2
		case nt > 1:
			nt = (nt + 1) / 2
		default:
			return np, nt
		}
	}
}
