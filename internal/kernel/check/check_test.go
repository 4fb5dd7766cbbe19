package check

import (
	"fmt"
	"testing"
)

func TestShortSlices(t *testing.T) {
	for _, c := range []struct {
		f    func()
		want string // "<nil>": no panic
	}{
		{func() { Len("x", make([]float32, 4), 4) }, "<nil>"},
		{func() { Len("x", make([]float32, 3), 4) }, "kernel: x has 3 elements, want 4"},
		{func() { Cover(2, make([]int, 2), make([]int, 3)) }, "<nil>"},
		{func() { Cover(2, make([]int, 2), make([]int, 1)) }, "kernel: source 1 has 1 elements, want 2"},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != c.want {
					t.Errorf("panic %q, want %q", got, c.want)
				}
			}()
			c.f()
		}()
	}
}
