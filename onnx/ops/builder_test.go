package ops

import (
	"fmt"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// A gradient that arrives by two paths is added by the data gradient of a convolution itself, once, and
// by a node otherwise; in every number of dimensions and both types the sum is that of its terms.
func TestSumWithinConvolution(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, c := range []struct{ x, w, y []int }{
			{[]int{2, 3, 5, 5}, []int{4, 3, 3, 3}, []int{2, 4, 3, 3}}, // direct
			{[]int{2, 16, 8, 8}, []int{16, 16, 3, 3}, []int{2, 16, 6, 6}},
			{[]int{2, 6, 8, 8}, []int{9, 6, 1, 1}, []int{2, 9, 8, 8}},
			{[]int{2, 3, 7}, []int{4, 3, 3}, []int{2, 4, 5}},
		} {
			t.Run(fmt.Sprint(dtype, c.x, c.w), func(t *testing.T) {
				random := func(shape []int, seed int) (*Value, *tensor.Tensor) {
					e := tensor.New(dtype, shape...)
					for i := range e.Len() {
						x := float64((i*37+seed*11)%19-9) / 8
						if dtype == tensor.Float32 {
							e.F32()[i] = float32(x)
						} else {
							e.F64()[i] = x
						}
					}
					return &Value{Name: fmt.Sprint("v", seed), DType: dtype, Shape: shape}, e
				}
				a, ea := random(c.x, 1)
				dy, edy := random(c.y, 2)
				w, ew := random(c.w, 3)
				b := NewBuilder("test")
				dx := func() *Value { return b.Op("ConvGradX", Attrs{"shape": int64s(c.x)}, dy, w) }
				alone := dx()
				sum := b.Sum(a, dx())
				twice := b.Sum(a, sum)
				if b.Err != nil {
					t.Fatal(b.Err)
				}
				if got := len(b.Nodes); got != 3 || b.Nodes[1].Op != "ConvGradX" || b.Nodes[2].Op != "Add" {
					t.Fatalf("%d nodes", got)
				}
				e := evaluate(t, b.Nodes, map[*Value]*tensor.Tensor{a: ea, dy: edy, w: ew})
				for _, term := range []struct {
					got   *Value
					times float64
				}{{sum, 1}, {twice, 2}} {
					got, d, first := floats(e[term.got]), floats(e[alone]), floats(ea)
					want := make([]float64, len(d))
					for i := range want {
						want[i] = d[i] + term.times*first[i]
					}
					if err := tol.Scaled(got, want, 1e-6); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// floats are the elements of a tensor of floats.
func floats(e *tensor.Tensor) []float64 {
	if e.DType == tensor.Float64 {
		return e.F64()
	}
	out := make([]float64, e.Len())
	for i, x := range e.F32() {
		out[i] = float64(x)
	}
	return out
}
