package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// cases are models of the kinds that people reported as trouble, with the tolerance, as a
// fraction of scale, to which extract gives the reference's values.
var cases = map[string]float64{
	"02a-uint8-input-npz-uint8":                1e-4,
	"03a-double-npz-float64":                   1e-4,
	"04a-int64-second-input":                   1e-4,
	"04c-clip-bounds-as-inputs":                1e-4,
	"04d-pad-value-as-input":                   1e-4,
	"19a-pad-neg":                              1e-4,
	"36c-negpad-conv-1_-1_1_-1":                1e-4,
	"54a-add6-broadcast-axis":                  1e-4,
	"06-local-functions-dynamo":                1e-4,
	"42-weight-standardisation-wsTrue":         1e-4,
	"07-final-softmax":                         1e-4,
	"08a-tf2onnx-nhwc":                         1e-4,
	"09a-opset-twice-same":                     1e-4,
	"53c-zipmap":                               1e-4,
	"10g-weird-names":                          1e-4,
	"10j-output-twice":                         1e-4,
	"18e-resize11-scales-linear-align_corners": 1e-4,
	"33a-torch-interp-1.7-bilinear-True":       1e-4,
	"40a-qdq-static-per-channel":               1e-2,
}

func TestCases(t *testing.T) {
	dir := shared.Path(t, "cases", "onnx")
	for name, rel := range cases {
		t.Run(name, func(t *testing.T) {
			at, out := filepath.Join(dir, name), filepath.Join(t.TempDir(), "out.npz")
			must(t, "extract", filepath.Join(at, "model.onnx"), "--input", filepath.Join(at, "in.npz"), "--layers", "outputs",
				"--out", out)
			got, want := arrays(t, out), arrays(t, filepath.Join(at, "out.npz"))
			if len(want) == 0 {
				t.Fatal("the case has no output")
			}
			for name, w := range want {
				if err := agrees(got[name], w, rel); err != "" {
					t.Errorf("%s: %s", name, err)
				}
			}
		})
	}
}

// agrees compares floats to a fraction of their scale, others exactly.
func agrees(got, want *tensor.Tensor, rel float64) string {
	if got == nil || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return "of another type or shape"
	}
	var err error
	switch want.DType {
	case tensor.Float32:
		err = tol.Scaled(got.F32(), want.F32(), rel)
	case tensor.Float64:
		err = tol.Scaled(got.F64(), want.F64(), rel)
	default:
		if !slices.Equal(got.I64(), want.I64()) || !slices.Equal(got.I32(), want.I32()) ||
			!slices.Equal(got.U8(), want.U8()) || !slices.Equal(got.Bool(), want.Bool()) {
			return "other elements"
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// What a model wants and the file has not is told at once, by name.
func TestExtractAsksForInputs(t *testing.T) {
	dir := shared.Path(t, "cases", "onnx")
	out := filepath.Join(t.TempDir(), "o.npz")
	code, _, msg := runMemprobe("extract", filepath.Join(dir, "04a-int64-second-input", "model.onnx"),
		"--input", filepath.Join(dir, "03a-double-npz-float64", "in.npz"), "--out", out)
	if code != exitInput || !strings.Contains(msg, `array "x" is float64`) || !strings.Contains(msg, "mask: INT64") ||
		strings.Count(msg, "\n") != 1 {
		t.Errorf("exit %d: %s", code, msg)
	}
}

// Models of bytes and of doubles take images: the pixels of a set give what the same
// bytes give as raw input, and they are analysed; bytes are trained on.
func TestImagesForOtherTypes(t *testing.T) {
	dir, cases := t.TempDir(), shared.Path(t, "cases", "onnx")
	x, y := tensor.New(tensor.Uint8, 40, 3, 8, 8), make([]int64, 40)
	for i := range x.U8() {
		x.U8()[i] = uint8(i * i % 251)
	}
	for i := range y {
		y[i] = int64(i % 4)
	}
	double := tensor.New(tensor.Float64, x.Shape...)
	for i, v := range x.U8() {
		double.F64()[i] = float64(float32(v) / 255)
	}
	data := filepath.Join(dir, "set.npz")
	write(t, data, map[string]*tensor.Tensor{"x": x, "y": tensor.From(y, 40)})
	for name, in := range map[string]*tensor.Tensor{"02a-uint8-input-npz-uint8": x, "03a-double-npz-float64": double} {
		model, raw := filepath.Join(cases, name, "model.onnx"), filepath.Join(dir, "raw.npy")
		write(t, raw, map[string]*tensor.Tensor{"": in})
		a, b := filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")
		must(t, "extract", model, "--data", "npz:"+data, "--out", a, "--quiet")
		must(t, "extract", model, "--input", raw, "--out", b)
		got, want := arrays(t, a)["y"].F32(), arrays(t, b)["y"]
		wide := make([]float64, want.Len())
		for i := range wide {
			wide[i] = want.Number(i)
		}
		if err := tol.Scaled(got, wide, 1e-6); err != nil { // float32 sums in another order
			t.Errorf("%s: %v", name, err)
		}
		must(t, "analyze", model, "--data", "npz:"+data, "--out", filepath.Join(dir, name), "--quiet", "--format", "html")
	}
	bytes := filepath.Join(cases, "02a-uint8-input-npz-uint8", "model.onnx")
	must(t, "train", "--init", bytes, "--data", "npz:"+data, "--epochs", "1", "--batch", "10",
		"--out", filepath.Join(dir, "run"), "--quiet")
	doubles := filepath.Join(cases, "03a-double-npz-float64", "model.onnx")
	if code, _, msg := runMemprobe("train", "--init", doubles, "--data", "npz:"+data, "--epochs", "1", "--batch", "10",
		"--out", filepath.Join(dir, "run64"), "--quiet"); code != exitInput ||
		!strings.Contains(msg, "float64, want float32") {
		t.Errorf("exit %d: %s", code, msg)
	}
	must(t, "bench", "infer", bytes, "--steps", "1")
	must(t, "bench", "infer", doubles, "--steps", "1")
	must(t, "bench", "train", "--init", bytes, "--batch", "4", "--steps", "1")
	if code, _, msg := runMemprobe("bench", "train", "--init", doubles, "--batch", "4",
		"--steps", "1"); code != exitInput || !strings.Contains(msg, "float64, want float32") {
		t.Errorf("exit %d: %s", code, msg)
	}
	code, _, msg := runMemprobe("analyze", bytes, "--data", "npz:"+data, "--normalize", "imagenet",
		"--out", filepath.Join(dir, "no"), "--quiet")
	if code != exitInput || !strings.Contains(msg, "uint8 pixels as they are") {
		t.Errorf("exit %d: %s", code, msg)
	}
}

func write(t *testing.T, file string, arrays map[string]*tensor.Tensor) {
	t.Helper()
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range arrays {
		a, err := w.Array(name, x.DType, x.Shape...)
		if err == nil {
			err = a.Append(x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
