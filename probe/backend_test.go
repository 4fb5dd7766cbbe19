package probe

import (
	"testing"

	"memprobe/internal/tol"
	"memprobe/onnx/onnxtest"
)

// A probe runs on any backend: one that evaluates node by node gives what the engine gives,
// but for images that a rounding moves between neighbours.
func TestBackend(t *testing.T) {
	o := Options{K: []int{5}, Headline: 5, Draws: 1}
	m := residual(t)
	want := run(t, m, testData(), o)
	m.Use(onnxtest.Reference{})
	got := run(t, m, testData(), o)
	if len(got.Layers) != len(want.Layers) || len(got.Layers) == 0 {
		t.Fatalf("%d layers, want %d", len(got.Layers), len(want.Layers))
	}
	for i, l := range got.Layers {
		w := want.Layers[i]
		a, b := []float64{float64(l.KNN.True[5]), float64(l.Untrained.True[5])}, []float64{float64(w.KNN.True[5]), float64(w.Untrained.True[5])}
		if err := tol.Close(a, b, 0.05, 0); err != nil || l.Name != w.Name {
			t.Errorf("layer %s, want %s: %v", l.Name, w.Name, err)
		}
	}
}
