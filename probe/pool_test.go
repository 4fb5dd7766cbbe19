package probe

import (
	"testing"

	"memprobe/internal/tol"
)

func TestPooling(t *testing.T) {
	x := []float32{1, 2, 3, 4, 50, -6}
	for _, c := range []struct {
		pooling Pooling
		shape   []int
		want    []float32
	}{
		{Avg, []int{2, 1, 3}, []float32{2, 16}},
		{Max, []int{2, 1, 3}, []float32{3, 50}},
		{Avg, []int{1, 3, 1, 2}, []float32{9}},
		{Avg, []int{3, 2}, []float32{18, 0}}, // three tokens of two
		{Max, []int{3, 2}, []float32{50, 4}},
		{Avg, []int{6}, x},
		{Flatten, []int{2, 1, 3}, x},
		{None, []int{3, 2}, x},
		{Mean, []int{3, 2}, []float32{18, 0}},
		{Last, []int{3, 2}, []float32{50, -6}},
		{Token(0), []int{3, 2}, []float32{1, 2}},
		{Token(1), []int{3, 2}, []float32{3, 4}},
	} {
		got := make([]float32, c.pooling.Dim(c.shape))
		c.pooling.Apply(got, x, c.shape, nil)
		if err := tol.Close(got, c.want, 0, 0); err != nil {
			t.Errorf("%v of %v: %v", c.pooling, c.shape, err)
		}
	}
	for _, p := range []Pooling{Auto, Avg, Max, Flatten, None, Mean, Last, Token(0), Token(17)} {
		if q, err := ParsePooling(p.String()); err != nil || q != p {
			t.Errorf("%v is read as %v, %v", p, q, err)
		}
	}
	for _, name := range []string{"median", "token:", "token:-1", "token:9999999999"} {
		if _, err := ParsePooling(name); err == nil {
			t.Errorf("%s is a pooling", name)
		}
	}
}
