package ops

import "testing"

// Opset 6 lets B lie along any axes of A; a later Add aligns it at the last one.
func TestLegacyBroadcast(t *testing.T) {
	rejects(t, "differ, and broadcast is not 1", "Add", 6, nil, []int{2, 3}, []int{2})
	rejects(t, "does not lie in", "Add", 6, Attrs{"broadcast": int64(1), "axis": int64(1)}, []int{2, 3}, []int{2})
	rejects(t, "does not lie in", "Mul", 6, Attrs{"broadcast": int64(1), "axis": int64(1)}, []int{2, 3}, []int{3, 2})
	n, err := build("Sub", 6, Attrs{"broadcast": int64(1), "axis": int64(0)}, 1, input(wave(1, 2, 3)), input(wave(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if shape, err := n.legacyShape(); err != nil || len(shape) != 2 || shape[0] != 2 || shape[1] != 1 {
		t.Errorf("B is read as %v, %v", shape, err)
	}
}
