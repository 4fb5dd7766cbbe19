package probe

import (
	"slices"

	"memprobe/internal/fault"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// Redrawn returns the share of the parameters, counted by their elements, that
// Untrained draws anew: 1 where a network has none.
func Redrawn(m *onnx.Model) (float64, error) {
	list, err := m.Parameters()
	if err != nil {
		return 0, err
	}
	all, drawn := 0, 0
	for _, p := range list {
		n := tensor.Len(p.Shape)
		all += n
		if rule(p) != nil {
			drawn += n
		}
	}
	if all == 0 {
		return 1, nil
	}
	return float64(drawn) / float64(all), nil
}

// isAnother checks that the untrained network computes something else than the
// trained one, of which it is to be the baseline: other logits and, if anything is
// computed before it, another embedding.
func (r *runner) isAnother(m *onnx.Model, trained, untrained *network) error {
	e := r.layers[r.embedding]
	same, name := slices.Equal(trained.embedding.Data, untrained.embedding.Data) && e.Index > 0, e.Name
	if slices.Equal(trained.logits.Data, untrained.logits.Data) {
		same, name = true, r.layers[len(r.layers)-1].Name
	}
	if !same {
		return nil
	}
	return fault.Errorf(m.Name(), "with its weights drawn anew the network computes the same %q, bit for bit, so there is no untrained baseline; "+
		"memprobe inspect --weights lists what is known as a weight", name)
}
