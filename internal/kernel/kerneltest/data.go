package kerneltest

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// Noise returns n numbers in [-1,1) with a guard before and after them.
//
//go:norace
func Noise(n int, seed uint64) []float32 {
	r := rng.New(seed, rng.Bench)
	v := make([]float32, n+2*guards)
	for i := range v {
		v[i] = guard
	}
	v = v[guards : guards+n]
	for i := range v {
		v[i] = float32(r.Uniform(-1, 1))
	}
	return v
}

const (
	guards = 37
	guard  = float32(-123456)
)

// Intact fails where a guard around v has changed.
func Intact(t *testing.T, v []float32) {
	t.Helper()
	n := len(v)
	for _, g := range v[:n+guards][n:] {
		if g != guard {
			t.Fatal("wrote past the end")
		}
	}
}

func Wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// Normal returns n draws from N(mean, 1).
func Normal(n int, seed uint64, mean float64) []float32 {
	s := rng.New(seed, rng.Init)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.Normal() + mean)
	}
	return x
}

// Agree wants equality to a fraction of each output's scale.
func Agree(t *testing.T, name string, got []float32, want []float64, rel float64) {
	t.Helper()
	if err := tol.Scaled(got, want, rel); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

const canary = 12345.678

// Guarded returns n elements at an odd offset and a check that what surrounds
// them is untouched.
func Guarded(n, offset int) ([]float32, func() error) {
	buf := make([]float32, n+32)
	for i := range buf {
		buf[i] = canary
	}
	return buf[8+offset:][:n:n], func() error {
		for i, v := range buf {
			if (i < 8+offset || i >= 8+offset+n) && v != canary {
				return fmt.Errorf("wrote outside, at %d of %d", i-8-offset, n)
			}
		}
		return nil
	}
}

// Same wants equal bits, any NaN being as good as any other.
func Same[T ref.Float](got, want []T) error {
	if len(got) == 0 && len(want) == 0 {
		return nil
	}
	return tol.Close(got, want, 0, 0)
}

// Turned returns planes of channels, a multiple of 16, with channels innermost:
// [C][plane] becomes [C/16][plane][16], of each image.
func Turned(v []float32, channels, plane int) []float32 {
	return moved(v, channels, plane, func(to, from []float32, turned, planes int) { to[turned] = from[planes] })
}

// Planes undoes Turned.
func Planes(v []float32, channels, plane int) []float32 {
	return moved(v, channels, plane, func(to, from []float32, turned, planes int) { to[planes] = from[turned] })
}

func moved(v []float32, channels, plane int, move func(to, from []float32, turned, planes int)) []float32 {
	out := Noise(len(v), 0)
	for i := range v {
		image, c, at := i/plane/channels*channels*plane, i/plane%channels, i%plane
		move(out, v, image+(c/ref.NR*plane+at)*ref.NR+c%ref.NR, i)
	}
	return out
}
