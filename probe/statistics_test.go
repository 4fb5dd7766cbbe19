package probe

import (
	"math"
	"testing"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// A network whose input is of bytes has the statistics of pixels from 0 to 255.
func TestEstimatedStatisticsOfBytes(t *testing.T) {
	build := func(bytes bool) *onnx.Model {
		b := newBuilder(1, 6, 6)
		for name, v := range map[string]float32{"scale": 1, "bias": 0, "mean": 0.3, "var": 2} {
			b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, tensor.From([]float32{v}, 1)))
		}
		if bytes {
			kind := int32(onnxpb.TensorProto_UINT8)
			b.graph.Input[0].GetType().GetTensorType().ElemType = &kind
		}
		integer(b.node("Cast", "floats", "x"), "to", int64(onnxpb.TensorProto_FLOAT))
		b.node("BatchNormalization", "bn", "floats", "scale", "bias", "mean", "var")
		b.node("GlobalAveragePool", "pooled", b.conv("conv", "bn", 4, 1))
		integer(b.node("Flatten", "embedding", "pooled"), "axis", 1)
		b.gemm("logits", "embedding", 3, 4)
		return b.model(t, "logits")
	}
	statistics := func(m *onnx.Model) (mean, deviation float64) {
		r, err := newRunner(m, testData(), Options{K: []int{3}, Batch: 32, Seed: 3}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.estimateStatistics(t.Context(), m, r.images, "")
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, name := range []string{"mean", "var"} {
			x, err := got.Initializer(name)
			if err != nil {
				t.Fatal(err)
			}
			values[name] = float64(x.F32()[0])
		}
		return values["mean"], math.Sqrt(values["var"])
	}
	mean, deviation := statistics(build(false))
	byteMean, byteDeviation := statistics(build(true))
	// A byte is off by half at most, whichever way.
	if math.Abs(byteMean-255*mean) > 0.5 || math.Abs(byteDeviation-255*deviation) > 0.5 {
		t.Errorf("mean %v and deviation %v of bytes, want 255 times %v and %v", byteMean, byteDeviation, mean, deviation)
	}
}
