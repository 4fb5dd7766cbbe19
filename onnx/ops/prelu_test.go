package ops

import "testing"

// A slope of one number a channel is along the channels where it cannot be along the
// last axis, and before opset 7 in any case.
func TestSlopesOfChannels(t *testing.T) {
	x, slope := from([]int{1, 2, 3}, -1, 2, -3, -4, -5, 6), from([]int{2}, 0.5, 0.1)
	expect(t, apply(t, "PRelu", 9, nil, 1, x, slope)[0], x.Shape, -0.5, 2, -1.5, -0.4, -0.5, 6)
	square := from([]int{1, 2, 2}, -1, -2, -3, -4)
	expect(t, apply(t, "PRelu", 6, nil, 1, square, slope)[0], square.Shape, -0.5, -1, -0.3, -0.4)
	expect(t, apply(t, "PRelu", 9, nil, 1, square, slope)[0], square.Shape, -0.5, -0.2, -1.5, -0.4)
}
