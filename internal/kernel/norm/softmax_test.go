package norm

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tol"
)

func TestSoftmax(t *testing.T) {
	for _, s := range []SoftmaxSpec{
		{Outer: 5, D: 1000, Inner: 1}, {Outer: 300, D: 65, Inner: 1}, {Outer: 2, D: 7, Inner: 300},
		{Outer: 3, D: 1, Inner: 1}, {Outer: 4, D: 3, Inner: 2}, {Outer: 2, D: 9001, Inner: 1},
	} {
		for mode := range 2 {
			s.Log = mode != 0
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
				size := s.Outer * s.D * s.Inner
				x, dy := kerneltest.Normal(size, 1, 100), kerneltest.Normal(size, 2, 0)
				vec.MulScalar(x, x, 5)
				y, dx := make([]float64, size), make([]float64, size)
				ref.Softmax(s, y, kerneltest.Wide(x))
				kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
					n := NewSoftmax[float32](p, s)
					gy, gdx := make([]float32, size), make([]float32, size)
					n.Forward(gy, x)
					kerneltest.Agree(t, "y", gy, y, 1e-6)
					ref.SoftmaxBackward(s, dx, kerneltest.Wide(dy), kerneltest.Wide(gy))
					n.Backward(gdx, dy, gy)
					if s.D > 1 {
						kerneltest.Agree(t, "dx", gdx, dx, 2e-6)
					}
					return [][]float32{gy, gdx}
				})
			})
		}
	}
}

func TestSoftmaxOfInfinities(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0, -inf, 0, 0, -inf, -inf, -inf, -inf, nan, 1, 2, 3}
	NewSoftmax[float32](nil, SoftmaxSpec{Outer: 3, D: 4, Inner: 1}).Forward(x, x)
	third := float32(1) / 3
	if err := tol.Close(x, []float32{third, 0, third, third, nan, nan, nan, nan, nan, nan, nan, nan}, 1e-7,
		0); err != nil {
		t.Error(err)
	}
}

func TestCrossEntropy(t *testing.T) {
	for _, c := range []struct{ rows, classes int }{{1, 1}, {6, 10}, {300, 100}, {3, 9000}} {
		size := c.rows * c.classes
		x, target := kerneltest.Normal(size, 1, 3), kerneltest.Normal(size, 2, 0)
		vec.Clip(target, target, 0, 1) // soft, not adding up to 1
		dx := make([]float64, size)
		want := ref.CrossEntropy(c.rows, c.classes, dx, kerneltest.Wide(x), kerneltest.Wide(target))
		kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
			got := make([]float32, size)
			loss := NewCrossEntropy[float32](p, c.rows, c.classes).Run(got, x, target)
			if err := tol.Close([]float64{loss}, []float64{want}, 1e-9, 1e-6); err != nil {
				t.Errorf("%v: loss: %v", c, err)
			}
			if size > 1 {
				kerneltest.Agree(t, fmt.Sprint(c, ": dx"), got, dx, 1e-6)
			}
			return [][]float32{got, {float32(loss)}}
		})
	}
}

func TestMSE(t *testing.T) {
	for _, n := range []int{1, 100, 20000} {
		x, target, dx := kerneltest.Normal(n, 1, 3), kerneltest.Normal(n, 2, 0), make([]float64, n)
		want := ref.MSE(dx, kerneltest.Wide(x), kerneltest.Wide(target))
		kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
			got := make([]float32, n)
			loss := NewMSE[float32](p, n).Run(got, x, target)
			if err := tol.Close([]float64{loss}, []float64{want}, 0, 1e-6); err != nil {
				t.Errorf("%d: loss: %v", n, err)
			}
			kerneltest.Agree(t, "dx", got, dx, 2e-7)
			return [][]float32{got, {float32(loss)}}
		})
	}
}
