package optim

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// reference is testdata/torch.json, written by testdata/make.py.
type reference struct {
	Weights [][]float32
	Shapes  [][]int
	Grads   [][][]float32
	Cases   []struct {
		Name     string
		Settings Settings
		Final    [][]float32
	}
	Cosine, Step []float64
	WarmupCosine []float64 `json:"warmup cosine"`
}

func torch(t *testing.T) reference {
	t.Helper()
	b, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r reference) params() []Param {
	var ps []Param
	for i, w := range r.Weights {
		ps = append(ps, Param{string(rune('a' + i)), tensor.From(slices.Clone(w), r.Shapes[i]...)})
	}
	return ps
}

func (r reference) grads(step int) []*tensor.Tensor {
	var gs []*tensor.Tensor
	for i, g := range r.Grads[step] {
		gs = append(gs, tensor.From(g, r.Shapes[i]...))
	}
	return gs
}

// Six steps of float32, a few roundings each: 2e-6 of the scale.
const tolerance = 2e-6

func TestAgreesWithPyTorch(t *testing.T) {
	r := torch(t)
	for _, c := range r.Cases {
		ps := r.params()
		o := New(c.Settings, ps, nil)
		for step := range r.Grads {
			o.Step(0.1, r.grads(step))
		}
		for i, p := range ps {
			if err := tol.Scaled(p.Value.F32(), c.Final[i], tolerance); err != nil {
				t.Errorf("%s: parameter %d: %v", c.Name, i, err)
			}
		}
	}
}

func TestScheduleAgreesWithPyTorch(t *testing.T) {
	r := torch(t)
	for name, c := range map[string]struct {
		s    Schedule
		want []float64
	}{
		"cosine": {Schedule{Name: Cosine, Base: 0.3, Min: 0.03, Steps: 12}, r.Cosine},
		"step":   {Schedule{Name: Step, Base: 0.3, Gamma: 0.1, Every: 4, Steps: 12}, r.Step},
		"warmup": {Schedule{Name: Cosine, Base: 0.3, Warmup: 4, Steps: 12}, r.WarmupCosine},
	} {
		got := make([]float64, len(c.want))
		for i := range got {
			got[i] = c.s.LR(i)
		}
		if err := tol.Close(got, c.want, 1e-12, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An optimizer that was stopped goes on bit-identical to one that was not.
func TestResume(t *testing.T) {
	r := torch(t)
	for _, c := range r.Cases {
		whole, parts := r.params(), r.params()
		a, b := New(c.Settings, whole, nil), New(c.Settings, parts, nil)
		for step := range r.Grads {
			a.Step(0.1, r.grads(step))
			b.Step(0.1, r.grads(step))
			next := New(c.Settings, parts, nil)
			for name, state := range next.State() {
				state.Copy(b.State()[name])
			}
			next.Resume(b.Steps())
			b = next
		}
		for i := range whole {
			if !slices.Equal(whole[i].Value.F32(), parts[i].Value.F32()) {
				t.Errorf("%s: parameter %d differs", c.Name, i)
			}
		}
	}
}

func TestStateNames(t *testing.T) {
	r := torch(t)
	got := slices.Sorted(maps.Keys(New(Settings{Optimizer: Adam}, r.params(), nil).State()))
	if want := []string{"exp_avg/a", "exp_avg/b", "exp_avg_sq/a", "exp_avg_sq/b"}; !slices.Equal(got, want) {
		t.Errorf("state is %v, want %v", got, want)
	}
	if n := len(New(Settings{Optimizer: SGD}, r.params(), nil).State()); n != 0 {
		t.Errorf("plain SGD has %d tensors of state", n)
	}
}

// large returns parameters and gradients of several chunks.
func large() ([]Param, []*tensor.Tensor) {
	s := rng.New(1, rng.Bench)
	var ps []Param
	var gs []*tensor.Tensor
	for _, shape := range [][]int{{300, 200}, {17}, {chunkSize + 1, 1}} {
		w, g := tensor.New(tensor.Float32, shape...), tensor.New(tensor.Float32, shape...)
		for i := range w.F32() {
			w.F32()[i], g.F32()[i] = float32(s.Normal()), float32(s.Normal())
		}
		ps, gs = append(ps, Param{"w", w}), append(gs, g)
	}
	return ps, gs
}

func TestThreadsAndAllocations(t *testing.T) {
	for _, name := range Names() {
		var results [2][]float32
		for i := range results {
			pool := parallel.New(1 + 2*i)
			defer pool.Close()
			ps, gs := large()
			o := New(Settings{Optimizer: name, Momentum: 0.9, WeightDecay: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
				Trust: 1e-3, ClipNorm: 1}, ps, pool)
			o.Step(0.1, gs)
			if n := testing.AllocsPerRun(3, func() { o.Step(0.1, gs) }); n > 0 {
				t.Errorf("%s: %v allocations a step", name, n)
			}
			for _, p := range ps {
				results[i] = append(results[i], p.Value.F32()...)
			}
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("%s: bits differ between one and three threads", name)
		}
	}
}

func TestCheck(t *testing.T) {
	nan := math.NaN()
	for want, s := range map[string]Settings{
		"one of sgd, adam, adamw, lars": {Optimizer: "rmsprop"},
		"momentum -1":                   {Optimizer: SGD, Momentum: -1},
		"nesterov wants":                {Optimizer: SGD, Nesterov: true},
		"weight-decay NaN":              {Optimizer: SGD, WeightDecay: nan},
		"beta1 1":                       {Optimizer: Adam, Beta1: 1},
		"clip-norm +Inf":                {Optimizer: Adam, ClipNorm: math.Inf(1)},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
	for want, s := range map[string]Schedule{
		"one of constant, cosine, step": {Name: "linear"},
		"lr NaN":                        {Name: Cosine, Base: nan},
		"min-lr 2":                      {Name: Cosine, Base: 1, Min: 2},
		"warmup -1":                     {Name: Cosine, Warmup: -1},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}
