//go:build amd64 && !purego

package vec

import (
	"math"
	"reflect"
	"testing"

	"memprobe/internal/kernel/kerneltest"
)

// Every pass of package avx512 gives the bits of its twin of package avx2: at the ends
// of the number range, in the tails of all lengths, and at NaN.
func TestWidePassesHaveTheBitsOfNarrowOnes(t *testing.T) {
	kerneltest.NeedAVX512(t)
	x := kerneltest.Normal(4096, 1, 0)
	for i := range x {
		x[i] *= float32(math.Exp2(float64(i%280 - 140)))
	}
	for i, v := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 88.5, -88.2, -104, 127,
		9.38, -13.3} {
		x[7+11*i] = float32(v)
	}
	dy := kerneltest.Normal(len(x), 2, 0)
	two := narrow()
	one := two
	widen(&one)
	narrowed, widened := reflect.ValueOf(two), reflect.ValueOf(one)
	compared := 0
	for i := range narrowed.NumField() {
		name := narrowed.Type().Field(i).Name
		if narrowed.Field(i).Pointer() == widened.Field(i).Pointer() {
			continue
		}
		compared++
		for _, n := range []int{len(x), 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 47, 48, 49, 63, 95, 97} {
			for _, from := range []int{0, 1, 1000} {
				if from+n > len(x) {
					continue
				}
				a, b := make([]float32, n+1), make([]float32, n+1)
				a[n], b[n] = 42, 42 // must stay
				run := func(f any, dst []float32) (of float64) {
					switch f := f.(type) {
					case unary[float32]:
						f(dst, x[from:from+n])
					case Binary[float32]:
						f(dst, dy[from:from+n], x[from:from+n])
					case func([]float32) float32:
						return float64(f(x[from : from+n]))
					case func([]float32) float64:
						return f(x[from : from+n])
					case func(a, b []float32) float64:
						return f(dy[from:from+n], x[from:from+n])
					case func(dst, x []float32, m float32) float64:
						return f(dst, x[from:from+n], 0.5)
					case func(y, x []float32, d int):
						f(dst, dy[from:from+n], n) // numbers, for NaN has no bits of its own
					default:
						t.Fatalf("%s takes arguments that this test does not know", name)
					}
					return 0
				}
				ofA, ofB := run(narrowed.Field(i).Interface(), a[:n]), run(widened.Field(i).Interface(), b[:n])
				if math.Float64bits(ofA) != math.Float64bits(ofB) {
					t.Fatalf("%s of %d from %d is %g with AVX2, %g with AVX-512", name, n, from, ofA, ofB)
				}
				for j := range a {
					if math.Float32bits(a[j]) != math.Float32bits(b[j]) {
						t.Fatalf("%s of %d from %d: element %d at %g is %g with AVX2, %g with AVX-512", name, n, from, j,
							x[from+min(j, n-1)], a[j], b[j])
					}
				}
			}
		}
	}
	if compared < 20 {
		t.Errorf("%d passes were compared", compared)
	}
}
