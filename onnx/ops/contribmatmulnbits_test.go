package ops

import (
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// Integers of 2, 4 and 8 bits in blocks that K does not fill, with and without zero points.
func TestMatMulNBits(t *testing.T) {
	const k, cols, rows = 21, 3, 2
	for _, c := range []struct{ bits, size int }{{2, 8}, {4, 16}, {8, 16}} {
		blocks := (k + c.size - 1) / c.size
		row, zeros := blocks*c.size*c.bits/8, (blocks*c.bits+7)/8
		w, zero := make([]uint8, cols*row), make([]uint8, cols*zeros)
		for i := range w {
			w[i] = uint8(53*i + 7)
		}
		for i := range zero {
			zero[i] = uint8(91*i + 29)
		}
		x, scales := wave(tensor.Float32, rows, k), wave(tensor.Float32, cols*blocks)
		at := func(v []uint8, i int) float64 { return float64(v[i*c.bits/8] >> (i * c.bits % 8) & (1<<c.bits - 1)) }
		for _, with := range []bool{false, true} {
			in := []*Value{fed(x), known(tensor.From(w, cols, blocks, c.size*c.bits/8)), fed(scales)}
			if with {
				in = append(in, known(tensor.From(zero, len(zero))))
			}
			out := contribution(t, "MatMulNBits",
				Attrs{"K": int64(k), "N": int64(cols), "bits": int64(c.bits), "block_size": int64(c.size)}, 1, in...)
			want := make([]float64, rows*cols)
			for i := range want {
				for j := range k {
					block, col := j/c.size, i%cols
					z := float64(int(1) << (c.bits - 1))
					if with {
						z = at(zero[col*zeros:], block)
					}
					want[i] += float64(x.F32()[i/cols*k+j]) * (at(w[col*row:], j) - z) * float64(scales.F32()[col*blocks+block])
				}
			}
			if err := tol.Scaled(out[0].F32(), want, 1e-6); err != nil { // sums of 21 products
				t.Errorf("%d bits, zero points %v: %v", c.bits, with, err)
			}
		}
	}
}
