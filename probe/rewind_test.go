package probe

import (
	"math"
	"strings"
	"testing"

	"memprobe/onnx"
	"memprobe/probe/result"
)

func rewindOf(t *testing.T, m, earlier *onnx.Model, d Data, o Options) *result.Rewind {
	t.Helper()
	r, err := Rewind(t.Context(), m, earlier, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameNumbers compares what two networks do.
func sameNumbers(a, b result.Rewound) bool {
	return a.Fit.Value() == b.Fit.Value() && a.Test.Value() == b.Test.Value() && a.Probe == b.Probe &&
		a.Assigned.Value() == b.Assigned.Value()
}

// Blocks that are set back to their own weights change nothing, and all blocks set back
// to another network's weights are that network.
func TestRewindToTheEnds(t *testing.T) {
	m, d, o := residual(t), testData(), Options{K: []int{5}}
	self := rewindOf(t, m, m, d, o)
	for i, row := range self.Alone {
		if !sameNumbers(row, self.Plain) || !sameNumbers(self.Onward[i], self.Plain) {
			t.Errorf("block %s set back to itself: %+v and %+v, want %+v", row.Block, row, self.Onward[i], self.Plain)
		}
	}
	other, err := Untrained(m, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rewindOf(t, m, other, d, o)
	whole := rewindOf(t, other, other, d, o)
	if !sameNumbers(r.Onward[0], whole.Plain) {
		t.Errorf("all blocks of another network: %+v, want %+v", r.Onward[0], whole.Plain)
	}
	if sameNumbers(r.Onward[0], r.Plain) {
		t.Error("all blocks of another network change nothing")
	}
	p := run(t, m, d, Options{K: []int{5}, NoUntrained: true})
	e := layer(t, p, p.Model.Embedding)
	if got := r.Trained; got.Fit.Value() != p.Fit.AssignedClean.Value() || got.Probe != e.KNN.True[5] ||
		got.Assigned.Value() != float64(e.KNN.Assigned[5]) {
		t.Errorf("the network as it is: %+v, a probe says fit %v, %v and %v", got,
			p.Fit.AssignedClean.Value(), e.KNN.True[5], e.KNN.Assigned[5])
	}
}

// Every parameter is one block's, and the classifier's weights do not move the
// embedding.
func TestRewindGroupsParameters(t *testing.T) {
	m := residual(t)
	other, err := Untrained(m, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rewindOf(t, m, other, testData(), Options{K: []int{5}})
	total := int64(0)
	for _, row := range r.Alone {
		total += row.Parameters
	}
	want := int64(0)
	list, err := m.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Role == onnx.Mean || p.Role == onnx.Variance {
			continue
		}
		n := int64(1)
		for _, d := range p.Shape {
			n *= int64(d)
		}
		want += n
	}
	if total != want || r.Onward[0].Parameters != want {
		t.Errorf("blocks have %d parameters, from the first on %d; want %d", total, r.Onward[0].Parameters, want)
	}
	last := r.Alone[len(r.Alone)-1]
	if last.Role != Logits || last.Probe != r.Plain.Probe || last.Assigned.Value() != r.Plain.Assigned.Value() ||
		last.Fit.Value() == r.Plain.Fit.Value() {
		t.Errorf("the logits' block set back: %+v, without it %+v", last, r.Plain)
	}
}

// Weights that blow activations up leave the probe undefined; other parameters are
// refused.
func TestRewindRefusals(t *testing.T) {
	m := residual(t)
	huge := m.Clone()
	w, err := weightsOf(huge)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w {
		for i := range v.F32() {
			v.F32()[i] = math.MaxFloat32
		}
	}
	if err := huge.SetWeights(w); err != nil {
		t.Fatal(err)
	}
	if r := rewindOf(t, m, huge, testData(), Options{K: []int{5}}); !math.IsNaN(float64(r.Onward[0].Probe)) {
		t.Errorf("activations beyond float32 are probed: %v", r.Onward[0].Probe)
	}
	b := newBuilder(1, 6, 6)
	b.gemm("logits", b.conv("other", "x", 1, 1), 3, 1)
	if _, err := Rewind(t.Context(), m, b.model(t, "logits"), testData(), Options{K: []int{5}}); err == nil ||
		!strings.Contains(err.Error(), "has no parameter") {
		t.Errorf("another network's weights: %v", err)
	}
}
