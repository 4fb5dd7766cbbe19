package ops

import (
	"slices"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
)

// Sums over the rows have the bits of sums in float64 in the order of the rows, for any number of
// threads and wherever columns are cut.
func TestSumToBits(t *testing.T) {
	for _, shape := range [][3]int{{1, 136, 768}, {1, 17, 1100}, {3, 5, 65}, {2, 9, 2500}, {1, 4, 1}, {1, 0, 70}} {
		outer, rows, run := shape[0], shape[1], shape[2]
		x := tensor.New(tensor.Float32, outer, rows, run)
		draws := rng.New(1, rng.Bench, uint64(run))
		for i := range x.F32() {
			x.F32()[i] = float32(draws.Uniform(-1, 1))
		}
		want := make([]float32, outer*run)
		for i := range want {
			sum := 0.0
			for r := range rows {
				sum += float64(x.F32()[(i/run*rows+r)*run+i%run])
			}
			want[i] = float32(sum)
		}
		for _, threads := range []int{1, 2, 4} {
			p := parallel.New(threads)
			y := tensor.New(tensor.Float32, outer, 1, run)
			sumLoop[float32](NewEnv(p, new(Scratch), []*tensor.Tensor{x}, []*tensor.Tensor{y}), []bool{false, true, false}, total{})()
			p.Close()
			for i, v := range y.F32() {
				if v != want[i] {
					t.Fatalf("%v, %d threads: sum %d is %v, want %v", shape, threads, i, v, want[i])
				}
			}
		}
	}
}

// Sums over runs that lie side by side, or not, have the bits of sums in float64 for any number
// of threads: what is added here is exact.
func TestSumToOfRuns(t *testing.T) {
	for _, c := range []struct {
		shape, to []int
		gone      []bool
	}{
		{[]int{8, 70, 2, 2}, []int{70, 1, 1}, []bool{true, false, true, true}}, {[]int{3, 5, 17}, []int{5, 1}, []bool{true, false, true}},
		{[]int{2, 3, 4, 9}, []int{3, 4, 1}, []bool{true, false, false, true}}, {[]int{3, 2, 4, 5}, []int{3, 1, 4, 1}, []bool{false, true, false, true}},
		{[]int{0, 6, 3}, []int{6, 1}, []bool{true, false, true}}, {[]int{4, 0, 3}, []int{0, 1}, []bool{true, false, true}}, {[]int{2, 300, 1}, []int{300, 1}, []bool{true, false, true}},
	} {
		x, y := tensor.New(tensor.Float32, c.shape...), tensor.New(tensor.Float32, c.to...)
		draws, want := rng.New(1, rng.Bench, 7), make([]float32, y.Len())
		for i := range x.F32() {
			x.F32()[i] = float32(draws.IntN(1000))
			at, rest := 0, i
			for d, per := len(c.shape)-1, 1; d >= 0; d-- {
				if !c.gone[d] {
					at += rest % c.shape[d] * per
					per *= c.shape[d]
				}
				rest /= c.shape[d]
			}
			want[at] += x.F32()[i]
		}
		for _, threads := range []int{1, 3} {
			p := parallel.New(threads)
			sumLoop[float32](NewEnv(p, new(Scratch), []*tensor.Tensor{x}, []*tensor.Tensor{y}), c.gone, total{})()
			p.Close()
			if !slices.Equal(y.F32(), want) {
				t.Fatalf("%v to %v, %d threads: %v, want %v", c.shape, c.to, threads, y.F32(), want)
			}
		}
	}
}
