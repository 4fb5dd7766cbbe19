package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
}

func TestCases(t *testing.T) {
	dir := shared.Path(t, "cases", "onnx")
	for name, rel := range cases {
		t.Run(name, func(t *testing.T) {
			at, out := filepath.Join(dir, name), filepath.Join(t.TempDir(), "out.npz")
			must(t, "extract", filepath.Join(at, "model.onnx"), "--input", filepath.Join(at, "in.npz"), "--layers", "outputs", "--out", out)
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
		if !slices.Equal(got.I64(), want.I64()) || !slices.Equal(got.I32(), want.I32()) || !slices.Equal(got.U8(), want.U8()) || !slices.Equal(got.Bool(), want.Bool()) {
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
	code, _, msg := runMemprobe("extract", filepath.Join(dir, "04a-int64-second-input", "model.onnx"), "--input", filepath.Join(dir, "03a-double-npz-float64", "in.npz"), "--out", out)
	if code != exitInput || !strings.Contains(msg, `array "x" is float64`) || !strings.Contains(msg, "mask: INT64") || strings.Count(msg, "\n") != 1 {
		t.Errorf("exit %d: %s", code, msg)
	}
}
