package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

// A matrix whose first pivot is 0, one that is singular, and one of no rows.
func TestDet(t *testing.T) {
	x := from([]int{3, 3, 3}, 0, 2, 1, 1, 0, 0, 3, 0, 4, 1, 2, 3, 2, 4, 6, 1, 1, 1, 2, 0, 0, 0, 3, 0, 0, 0, -1)
	expect(t, apply(t, "Det", 11, nil, 1, x)[0], []int{3}, -8, 0, -6)
	expect(t, apply(t, "Det", 11, nil, 1, tensor.New(tensor.Float32, 1, 0, 0))[0], []int{1}, 1)
	rejects(t, "want square matrices", "Det", 11, nil, []int{2, 3})
}
