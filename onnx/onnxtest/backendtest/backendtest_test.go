package backendtest

import (
	"testing"

	"memprobe/onnx"
	"memprobe/onnx/onnxtest"
)

func TestBackends(t *testing.T) {
	for name, b := range map[string]onnx.Backend{"engine": nil, "reference": onnxtest.Reference{}} {
		t.Run(name, func(t *testing.T) { Run(t, b) })
	}
}
