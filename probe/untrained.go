package probe

import (
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// UntrainedRule says in a sentence how Untrained draws, for reports.
const UntrainedRule = "the same graph with weights drawn anew: convolutions normal, variance 2/fan-out; matrices normal, variance 2/fan-in; " +
	"recurrent layers uniform within 1/√hidden; biases 0; normalisations scale 1, mean 0, variance 1; embeddings normal, standard deviation 0.02"

// Untrained returns a copy of the model as it may have been before its first
// step: its parameters (see onnx.Model.Parameters) drawn by their roles,
//
//	convolutions   normal, variance 2/fan-out of a group (He et al. 2015)
//	matrices       normal, variance 2/fan-in
//	LSTM, GRU, RNN, their biases too  uniform within ±1/√hidden, as PyTorch's
//	biases, and what is added along one axis                 0
//	scales, and what is multiplied                           1
//	running statistics                                       mean 0, variance 1
//	PRelu slopes                                             ¼
//	tables that are gathered from, joined or added along several axes (embeddings of
//	classes and positions)                                   normal, standard deviation 0.02
//
// Those of another role, single numbers of a formula and quantised weights stay: see
// Redrawn, which counts them.
// Running statistics are not estimated; in evaluation mode a network is so before its
// first step. The draws are a function of seed and the parameter's ordinal, so that
// they are the same wherever the file stores the weights. pool draws several at a time; nil one after the other.
func Untrained(m *onnx.Model, seed uint64, pool *parallel.Pool) (*onnx.Model, error) {
	copied := m.Clone()
	list, err := copied.Parameters()
	if err != nil {
		return nil, err
	}
	fresh := map[string]*tensor.Tensor{}
	var draws []func()
	for _, p := range list {
		draw := rule(p)
		if draw == nil {
			continue
		}
		t, err := copied.Weight(p)
		if err != nil {
			return nil, err
		}
		s := rng.New(seed, rng.Untrained, uint64(p.Ordinal))
		draws = append(draws, func() {
			if t.DType == tensor.Float64 {
				for j, w := 0, t.F64(); j < len(w); j++ {
					w[j] = float64(draw(&s))
				}
				return
			}
			for j, w := 0, t.F32(); j < len(w); j++ {
				w[j] = draw(&s)
			}
		})
		fresh[p.Name] = t
	}
	pool.For(len(draws), func(_, i int) { draws[i]() })
	return copied, copied.SetWeights(fresh)
}

// rule returns how the elements of a parameter are drawn, or nil if they stay.
func rule(p onnx.Parameter) func(*rng.Stream) float32 {
	switch p.Role {
	case onnx.ConvWeight, onnx.Matrix:
		if p.Fan > 0 {
			return normal(2 / float64(p.Fan))
		}
	case onnx.Recurrent:
		if p.Fan > 0 {
			bound := 1 / math.Sqrt(float64(p.Fan))
			return func(s *rng.Stream) float32 { return float32(s.Uniform(-bound, bound)) }
		}
	case onnx.Bias, onnx.Mean:
		return constant(0)
	case onnx.Scale, onnx.Variance:
		return constant(1)
	case onnx.Slope:
		return constant(0.25)
	case onnx.Embedding:
		return normal(0.02 * 0.02)
	}
	return nil
}

func normal(variance float64) func(*rng.Stream) float32 {
	sd := math.Sqrt(variance)
	return func(s *rng.Stream) float32 { return float32(sd * s.Normal()) }
}

func constant(v float32) func(*rng.Stream) float32 {
	return func(*rng.Stream) float32 { return v }
}
