package probe

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tol"
	"memprobe/onnx"
)

func TestUntrained(t *testing.T) {
	b := newBuilder(1, 6, 6)
	integer(b.node("Conv", "conv", "x", b.weight("conv.w", 40, 10, 5, 3), b.weight("conv.b", 40)), "group", 4)
	b.node("ConvTranspose", "up", "conv", b.weight("up.w", 40, 30, 2, 2))
	b.node("BatchNormalization", "bn", "up", b.weight("scale", 30), b.weight("bias", 30), b.weight("mean", 30),
		b.weight("var", 30))
	b.node("PRelu", "prelu", "bn", b.weight("slope", 30, 1, 1))
	b.node("Mul", "gained", "prelu", b.weight("gain", 1, 30, 1, 1))
	b.node("Add", "shifted", "gained", b.weight("shift", 30, 1, 1))
	b.node("Mul", "scaled", "shifted", b.weight("single", 1))
	b.node("Sub", "centred", "scaled", b.weight("centre", 30, 1, 1))
	b.node("Identity", "alias", b.weight("fc.w", 50, 200))
	integer(b.node("Gemm", "fc", "flat", "alias", b.weight("fc.b", 50)), "transB", 1)
	ints(b.node("Transpose", "turned", b.weight("mm.w", 300, 50)), "perm", 1, 0)
	b.node("MatMul", "mm", "fc", "turned")
	b.node("Add", "placed", "mm", b.weight("position", 1, 20, 300))
	b.node("Gather", "picked", b.weight("table", 50, 30), "index")
	integer(b.node("LSTM", "recurrent", "steps", b.weight("lstm.w", 1, 80, 10), b.weight("lstm.r", 1, 80, 20),
		b.weight("lstm.b", 1, 160)), "hidden_size", 20)
	b.node("GRU", "gated", "steps", b.weight("gru.w", 2, 60, 10), b.weight("gru.r", 2, 60, 20), b.weight("gru.b", 2, 120))
	m := b.model(t, "placed")
	u, err := Untrained(m, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	read := func(m *onnx.Model, name string) []float32 {
		v, err := m.Initializer(name)
		if err != nil {
			t.Fatal(err)
		}
		return v.F32()
	}
	for name, variance := range map[string]float64{
		"conv.w": 2.0 / (10 * 15), "up.w": 2.0 / (30 * 4), "fc.w": 2.0 / 200, "mm.w": 2.0 / 50,
		"position": 0.0004, "table": 0.0004,
		"lstm.w": 1.0 / 60, "lstm.r": 1.0 / 60, "lstm.b": 1.0 / 60, "gru.w": 1.0 / 60, "gru.r": 1.0 / 60,
		"gru.b": 1.0 / 60, // a twelfth of (2/√20)²
	} {
		v := read(u, name)
		sum, square := 0.0, 0.0
		for _, x := range v {
			sum += float64(x)
			square += float64(x) * float64(x)
		}
		n := float64(len(v))
		// Five standard errors of a mean and of a variance of normal numbers.
		if err := tol.Close([]float64{sum / n}, []float64{0}, 5*math.Sqrt(variance/n), 0); err != nil {
			t.Errorf("mean of %s: %v", name, err)
		}
		if err := tol.Close([]float64{square / n}, []float64{variance}, 0, 5*math.Sqrt(2/n)); err != nil {
			t.Errorf("variance of %s: %v", name, err)
		}
	}
	for name, want := range map[string]float32{"conv.b": 0, "fc.b": 0, "scale": 1, "bias": 0, "mean": 0, "var": 1,
		"slope": 0.25, "gain": 1, "shift": 0, "centre": 0} {
		v := read(u, name)
		if err := tol.Close(v, slices.Repeat([]float32{want}, len(v)), 0, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"single"} {
		if err := tol.Close(read(u, name), read(m, name), 0, 0); err != nil {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	pool := parallel.New(3)
	defer pool.Close()
	again, err := Untrained(m, 1, pool)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Untrained(m, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conv.w", "fc.w"} {
		if !slices.Equal(read(u, name), read(again, name)) {
			t.Errorf("the same seed draws other weights for %s, or three threads do", name)
		}
	}
	if slices.Equal(read(u, "conv.w"), read(other, "conv.w")) {
		t.Error("another seed draws the same weights")
	}
	if slices.Equal(read(m, "scale"), read(u, "scale")) {
		t.Error("the model itself changed")
	}
}
