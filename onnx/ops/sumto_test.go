package ops

import (
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
