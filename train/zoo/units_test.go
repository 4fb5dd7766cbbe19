package zoo

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestUnits(t *testing.T) {
	for u, want := range map[Units]struct {
		layers []int
		json   string
	}{
		"":           {nil, "0"},
		"0":          {nil, "0"},
		"4096":       {[]int{4096}, "4096"},
		"4096,64,10": {[]int{4096, 64, 10}, `"4096,64,10"`},
	} {
		layers, err := u.Layers()
		if err != nil || !slices.Equal(layers, want.layers) {
			t.Errorf("%q: layers %v, %v; want %v", u, layers, err, want.layers)
		}
		if b, err := json.Marshal(u); err != nil || string(b) != want.json {
			t.Errorf("%q: JSON %s, %v; want %s", u, b, err, want.json)
		}
	}
	for _, u := range []Units{"-1", "64,", ",64", "64,0", "064", "64, 64", "1048577", "6e1", "+6"} {
		if layers, err := u.Layers(); err == nil {
			t.Errorf("%q: layers %v, want an error", u, layers)
		}
	}
}

// A deeper projector is torch.nn.Sequential(Linear, ReLU, Linear, ReLU, Linear).
func TestDeepProjector(t *testing.T) {
	m, err := Build(Spec{Arch: "mlp", Width: 8, Projector: "12,6", Classes: 3, C: 1, H: 4, W: 4})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]int{"projector.0.weight": {12, 8}, "projector.2.weight": {6, 12},
		"projector.4.weight": {3, 6}} {
		w, err := m.Initializer(name)
		if err != nil || !slices.Equal(w.Shape, want) {
			t.Errorf("%s: %v, %v; want shape %v", name, w, err, want)
		}
	}
}
