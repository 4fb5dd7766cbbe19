package vec

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

func TestPermute(t *testing.T) {
	for _, c := range []struct{ shape, perm []int }{
		{[]int{}, []int{}}, {[]int{5}, []int{0}}, {[]int{3, 0, 2}, []int{2, 1, 0}}, {[]int{1, 1}, []int{1, 0}},
		{[]int{70, 130}, []int{1, 0}}, {[]int{2, 3, 5, 7}, []int{0, 2, 3, 1}}, {[]int{2, 5, 7, 3}, []int{0, 3, 1, 2}},
		{[]int{2, 65, 3, 16}, []int{0, 2, 1, 3}}, {[]int{2, 65, 3, 16}, []int{0, 2, 3, 1}},
		{[]int{2, 3, 4, 5, 6}, []int{4, 2, 0, 3, 1}},
		{[]int{2, 1, 9, 1, 8}, []int{3, 4, 1, 2, 0}}, {[]int{4, 4, 4}, []int{2, 1, 0}}, {[]int{3, 200, 17}, []int{0, 2, 1}},
		{[]int{1, 12, 8, 8}, []int{0, 1, 2, 3}}, {[]int{9, 31}, []int{1, 0}}, {[]int{257, 8}, []int{1, 0}},
	} {
		size := 1
		for _, d := range c.shape {
			size *= d
		}
		src := make([]float32, size)
		for i := range src {
			src[i] = float32(i)
		}
		want := make([]float32, size)
		ref.Permute(want, src, c.shape, c.perm)
		kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
			dst, check := kerneltest.Guarded(size, 3)
			NewPermute[float32](p, c.shape, c.perm).Run(dst, src)
			if err := kerneltest.Same(dst, want); err != nil {
				t.Errorf("%v by %v: %v", c.shape, c.perm, err)
			}
			if err := check(); err != nil {
				t.Error(err)
			}
			return [][]float32{dst}
		})
	}
}
