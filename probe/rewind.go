package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// RewindStatistics says in a line how running statistics come about.
const RewindStatistics = "means over full batches of up to 1,024 training images"

// Rewind measures m with each block, alone and with all blocks after it, set back to
// the weights that earlier, a network of the same parameters, has. Blocks are what lies
// between the layers that o.Layers selects, a parameter being the block's that it feeds
// first. The running statistics of normalisations are estimated on training images
// after that. It returns all but what only the caller knows, as Run does.
func Rewind(ctx context.Context, m, earlier *onnx.Model, data Data, o Options) (*result.Rewind, error) {
	o = o.withDefaults()
	o.NoUntrained = true
	r, err := newRunner(m, data, o)
	if err != nil {
		return nil, err
	}
	p := r.describe(m)
	out := &result.Rewind{Model: p.Model, Data: p.Data, Settings: p.Settings, Statistics: RewindStatistics}
	blocks, err := r.parametersOf(m)
	if err != nil {
		return nil, err
	}
	weights, err := weightsOf(earlier)
	if err != nil {
		return nil, err
	}
	if out.Trained, err = r.rewound(ctx, m, "trained network, "); err != nil {
		return nil, err
	}
	if out.Plain, err = r.setBack(ctx, m, nil, weights, "no block set back, "); err != nil {
		return nil, err
	}
	for l, own := range blocks {
		if len(own) == 0 {
			continue
		}
		for _, which := range []struct {
			rows  *[]result.Rewound
			names []onnx.Parameter
			stage string
		}{
			{&out.Alone, own, " alone, "},
			{&out.Onward, slices.Concat(blocks[l:]...), " and all after it, "},
		} {
			row, err := r.setBack(ctx, m, which.names, weights, r.layers[l].Name+which.stage)
			if err != nil {
				return nil, err
			}
			row.Block, row.Role = r.layers[l].Name, r.layers[l].Role
			*which.rows = append(*which.rows, row)
		}
	}
	return out, nil
}

// weightsOf returns the elements of all parameters by name.
func weightsOf(m *onnx.Model) (map[string]*tensor.Tensor, error) {
	list, err := m.Parameters()
	if err != nil {
		return nil, err
	}
	weights := map[string]*tensor.Tensor{}
	for _, p := range list {
		if weights[p.Name], err = m.Weight(p); err != nil {
			return nil, err
		}
	}
	return weights, nil
}

// parametersOf returns the parameters of the block that ends at each layer: those that
// nodes behind the layer before read first, through what is computed from constants
// alone.
func (r *runner) parametersOf(m *onnx.Model) ([][]onnx.Parameter, error) {
	f, err := newFlow(m, nil, r.Batch, r.data.sample(), r.Logits, r.data.assignedClasses())
	if err != nil {
		return nil, err
	}
	list, err := m.Parameters()
	if err != nil {
		return nil, err
	}
	byName, carried := map[string]onnx.Parameter{}, map[string][]string{} // parameters that a constant is computed from
	for _, p := range list {
		byName[p.Name], carried[p.Name] = p, []string{p.Name}
	}
	blocks := make([][]onnx.Parameter, len(r.layers))
	at := 0 // the layer whose block the nodes are in
	for _, n := range f.nodes {
		var used []string
		for _, name := range n.Inputs {
			used = append(used, carried[name]...)
		}
		if n.Constant {
			for _, name := range n.Outputs {
				carried[name] = append(carried[name], used...)
			}
			continue
		}
		if r.layers[at].Op == "" {
			at++
		}
		for _, name := range used {
			if p, ok := byName[name]; ok {
				blocks[at] = append(blocks[at], p)
				delete(byName, name)
			}
		}
		if slices.Contains(n.Outputs, r.layers[at].Name) {
			if at++; at == len(r.layers) {
				break
			}
		}
	}
	return blocks, nil
}

// setBack measures m with parameters set back and statistics estimated.
func (r *runner) setBack(ctx context.Context, m *onnx.Model, back []onnx.Parameter, weights map[string]*tensor.Tensor,
	stage string) (result.Rewound, error) {
	changed, set, elements := m.Clone(), map[string]*tensor.Tensor{}, int64(0)
	for _, p := range back {
		t := weights[p.Name]
		if t == nil || !slices.Equal(t.Shape, p.Shape) {
			return result.Rewound{}, fmt.Errorf("probe: the earlier network has no parameter %q of shape %v", p.Name, p.Shape)
		}
		set[p.Name] = t
		if p.Role != onnx.Mean && p.Role != onnx.Variance {
			elements += int64(t.Len())
		}
	}
	if err := changed.SetWeights(set); err != nil {
		return result.Rewound{}, err
	}
	changed, err := r.estimateStatistics(ctx, changed, r.data.Train, stage)
	if err != nil {
		return result.Rewound{}, err
	}
	row, err := r.rewound(ctx, changed, stage)
	row.Parameters = elements
	return row, err
}

// rewound measures a network's own answers and its embedding. Where the network yields
// numbers that are not finite, its probes are NaN.
func (r *runner) rewound(ctx context.Context, m *onnx.Model, stage string) (result.Rewound, error) {
	var row result.Rewound
	net := newSubject(func() (*onnx.Model, error) { return m, nil }, "rewound", stage)
	f, err := r.features(ctx, net, []int{r.embedding, len(r.layers) - 1}, nil)
	if err != nil {
		return row, err
	}
	n := r.data.Train.N()
	if logits := f.images[1].first(n); logits.D == r.data.assignedClasses() {
		if r.data.Assigned != nil {
			row.Fit = result.Some(knn.Accuracy(argmax(logits), r.data.Assigned))
		}
		if r.testLabels != nil && !r.data.foreign() {
			row.Test = result.Some(knn.Accuracy(argmax(f.test[1]), r.testLabels))
		}
	}
	embedding := layerFeatures{images: f.images[0], stage: f.stages[0]}
	if f.test != nil {
		embedding.test = f.test[0]
	}
	row.Probe = result.Number(math.NaN())
	if !finite(embedding.images) || f.test != nil && !finite(embedding.test) {
		return row, nil
	}
	seen, err := r.neighbourhood(ctx, embedding, 0, n, r.K[len(r.K)-1])
	if err != nil {
		return row, err
	}
	answered, err := r.ask(ctx, embedding, seen)
	if err != nil {
		return row, err
	}
	row.Probe = answered[0].accuracy[r.Headline]
	if r.data.Assigned == nil {
		return row, nil
	}
	loo, err := seen.leftOut(ctx)
	if err != nil {
		return row, err
	}
	pred, err := r.classify(loo, r.data.Assigned, []int{r.Headline})
	if err == nil {
		row.Assigned = result.Some(knn.Accuracy(pred[0], r.data.Assigned))
	}
	return row, err
}

func finite(f Features) bool {
	return !slices.ContainsFunc(f.Data, func(v float32) bool { return v-v != 0 })
}
