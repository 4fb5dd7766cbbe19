package ops

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/tensor"
)

// Draws have the moments of their distribution, are the same in each run, and others
// under another seed.
func TestDraws(t *testing.T) {
	const size = 100_000
	shape := []int64{size}
	p := full(tensor.Float32, 0.3, size)
	for _, c := range []struct {
		op       string
		attrs    Attrs
		in       []*tensor.Tensor
		mean, sd float64
	}{
		{"RandomUniform", Attrs{"shape": shape, "low": float32(-1), "high": float32(3)}, nil, 1, 4 / math.Sqrt(12)},
		{"RandomNormal", Attrs{"shape": shape, "mean": float32(2), "scale": float32(0.5)}, nil, 2, 0.5},
		{"RandomNormalLike", Attrs{}, []*tensor.Tensor{p}, 0, 1},
		{"Bernoulli", Attrs{}, []*tensor.Tensor{p}, 0.3, math.Sqrt(0.3 * 0.7)},
	} {
		y := apply(t, c.op, 22, c.attrs, 1, c.in...)[0].F32()
		sum, squares := 0.0, 0.0
		for _, v := range y {
			sum, squares = sum+float64(v), squares+(float64(v)-c.mean)*(float64(v)-c.mean)
		}
		// Five standard errors of the mean, and of the deviation of a normal one.
		if mean, sd := sum/size, math.Sqrt(squares/size); math.Abs(mean-c.mean) > 5*c.sd/math.Sqrt(size) ||
			math.Abs(sd-c.sd) > 5*c.sd/math.Sqrt(2*size) {
			t.Errorf("%s: mean %v and deviation %v, want %v and %v", c.op, mean, sd, c.mean, c.sd)
		}
		c.attrs["seed"] = float32(1)
		if other := apply(t, c.op, 22, c.attrs, 1, c.in...)[0].F32(); slices.Equal(y, other) {
			t.Errorf("%s: another seed draws the same", c.op)
		}
	}
}
