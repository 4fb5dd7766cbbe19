package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

func f32(shape ...int) *tensor.Tensor { return wave(tensor.Float32, shape...) }

// The numbers are PyTorch's, in float64.
func TestConvMatchesPyTorch(t *testing.T) {
	expect(t, apply(t, "Conv", 11,
		Attrs{"strides": []int64{2, 1}, "pads": []int64{1, 2, 1, 2}, "dilations": []int64{1, 2}, "group": int64(2)}, 1,
		f32(1, 4, 5, 4), f32(2, 2, 3, 2), f32(2))[0], []int{1, 2, 3, 6},
		0.632958, 1.19097, 1.97125, -0.255007, 0.637323, 2.05976, 0.760947, 1.18624, 2.37195, 0.435619, -0.0288073,
		1.60848, 1.12577, 0.59298, 1.6175, 2.12985, 0.256418, 0.519244,
		-0.277064, 0.516943, 1.38088, -0.117386, 1.0528, 1.31972, -0.0597299, -0.0360158, 1.17941, 1.33459, 1.13357,
		0.573486, 0.963959, -0.256019, 1.48624, 1.42365, -0.275769, 1.04134)
	expect(t, apply(t, "Conv", 11, Attrs{"strides": []int64{2}, "pads": []int64{1, 1}}, 1, f32(1, 2, 5),
		f32(2, 2, 3))[0], []int{1, 2, 3}, 0.00081324, 0.0504523, -0.281684, 0.341064, 0.165336, 0.473148)
	expect(t, apply(t, "Conv", 11, Attrs{"pads": []int64{1, 0, 0, 1, 0, 0}, "group": int64(2)}, 1, f32(1, 2, 2, 3, 3),
		f32(2, 1, 2, 2, 1))[0], []int{1, 2, 3, 2, 3}, -1.08933, -0.284605, 1.39297, 0.145151, -1.53614, -0.0288083,
		1.1416, 1.31049, -1.64445, -0.789833, 2.06811, 0.284888, -0.180585, -0.813564, 0.42284, 0.526261, -0.692238,
		-0.245437, -0.648041, -1.44317, 0.742813, 1.35199, -0.757222, -1.06762, 0.45768, 2.39136, -1.09927, -2.40967,
		1.57449, 2.22285, 0.186548, -0.929689, 0.343487, 1.06593, -0.781122, -1.18184)
}

func TestConvTransposeMatchesPyTorch(t *testing.T) {
	want := []float32{1.07742, 1.00356, 0.863295, 1.02119, 1.00356, 1.83272, 0.899347, 0.827857, 1.00356, 1.90354,
		1.13083, 1.00356, -0.214902, 1.2302, 1.01666, 1.00356, -0.0215676, 1.13241, 1.00356, 1.27634, 0.969276,
		0.969276, 1.00356, 2.27098, 0.666308, 1.00356, 0.666308, 1.0933,
		1.29267, 0.715431, 1.20225, 0.524787, 0.715431, 2.14284, 0.156441, -0.11707, 0.715431, 1.54153, 0.520038,
		0.715431, -1.12091, 1.54898, 0.934338, 0.715431, -0.479051, 1.1832, 0.715431, 1.337, 0.47202, 0.47202,
		0.715431, 1.71499, 0.195296, 0.715431, 0.195296, 0.98609}
	for name, size := range map[string]Attrs{
		"padding":      {"pads": []int64{1, 1, 1, 1}, "output_padding": []int64{1, 1}},
		"output_shape": {"output_shape": []int64{4, 7}, "output_padding": []int64{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			attrs := Attrs{"strides": []int64{2, 3}, "group": int64(2)}
			for k, v := range size {
				attrs[k] = v
			}
			expect(t, apply(t, "ConvTranspose", 11, attrs, 1, f32(1, 2, 2, 3), f32(2, 1, 3, 2), f32(2))[0],
				[]int{1, 2, 4, 7}, want...)
		})
	}
	expect(t, apply(t, "ConvTranspose", 11, Attrs{"strides": []int64{2}, "dilations": []int64{2}}, 1, f32(1, 2, 3),
		f32(2, 2, 2))[0], []int{1, 2, 7}, 0.309814, 0, 1.11547, 0, -0.833105, 0, -0.128247, -0.385562, 0, -1.06681, 0,
		1.34041, 0, -0.234278)
	expect(t, apply(t, "ConvTranspose", 11, Attrs{"strides": []int64{2, 1, 1}}, 1, f32(1, 1, 2, 2, 1),
		f32(1, 1, 2, 1, 2))[0], []int{1, 1, 4, 2, 2}, 0.858531, 0.16276, 0.16276, 0.0308559, -1.0929, -0.0553513,
		-0.207191, -0.0104935, -1.0929, -0.207191, -0.0553513, -0.0104935, 1.39124, 0.0704613, 0.0704613,
		0.00356861)
}

func TestConvAutoPad(t *testing.T) {
	x, w := from([]int{1, 1, 4}, 1, 2, 3, 4), from([]int{1, 1, 2}, 1, 10)
	expect(t, apply(t, "Conv", 11, Attrs{"auto_pad": "SAME_UPPER"}, 1, x, w)[0], []int{1, 1, 4}, 21, 32, 43, 4)
	expect(t, apply(t, "Conv", 11, Attrs{"auto_pad": "SAME_LOWER"}, 1, x, w)[0], []int{1, 1, 4}, 10, 21, 32, 43)
	expect(t, apply(t, "Conv", 11, Attrs{"auto_pad": "VALID"}, 1, x, w)[0], []int{1, 1, 3}, 21, 32, 43)
	expect(t, apply(t, "ConvTranspose", 11, Attrs{"auto_pad": "SAME_UPPER", "strides": []int64{2}}, 1, x, w)[0],
		[]int{1, 1, 8}, 1, 10, 2, 20, 3, 30, 4, 40)
}

func TestConvConstantWeightIsPacked(t *testing.T) {
	x, w := f32(2, 3, 6, 6), f32(4, 3, 3, 3)
	want := apply(t, "Conv", 11, nil, 1, x, w)[0]
	vx := input(x)
	n, err := build("Conv", 11, nil, 1, vx, &Value{DType: w.DType, Shape: w.Shape, Const: w})
	if err != nil {
		t.Fatal(err)
	}
	got := evaluate(t, []*Node{n}, map[*Value]*tensor.Tensor{vx: x})[n.Out[0]]
	expect(t, got, want.Shape, want.F32()...)
}

func TestMalformedConvolutions(t *testing.T) {
	x, w := []int{1, 2, 5, 5}, []int{4, 2, 3, 3}
	conv := func(say string, attrs Attrs, shapes ...[]int) {
		t.Helper()
		rejects(t, say, "Conv", 11, attrs, shapes...)
	}
	conv("pads has 3 values, want 4", Attrs{"pads": []int64{1, 1, 1}}, x, w)
	conv("pads is [-1 0 0 0]", Attrs{"pads": []int64{-1, 0, 0, 0}}, x, w)
	conv("strides is [0 1]", Attrs{"strides": []int64{0, 1}}, x, w)
	conv("dilations has 1 values", Attrs{"dilations": []int64{1}}, x, w)
	conv("exceeds input [5 5]", Attrs{"dilations": []int64{3, 3}}, x, w)
	conv("do not fit with group 1", nil, x, []int{4, 3, 3, 3})
	conv("do not fit with group 3", Attrs{"group": int64(3)}, []int{1, 6, 5, 5}, w)
	conv("do not fit with group 0", Attrs{"group": int64(0)}, x, w)
	conv("kernel_shape [3 2] does not fit", Attrs{"kernel_shape": []int64{3, 2}}, x, w)
	conv("bias has shape [3], want [4]", nil, x, w, []int{3})
	conv("want at least 2", nil, x)
	conv("positive sizes", nil, []int{1, 2, 0, 5}, w)
	conv("positive sizes", nil, x, []int{4, 2, 0, 3})
	conv("want rank 4", nil, x, []int{4, 2, 3})
	conv("1 to 3 spatial dimensions", nil, []int{1, 2}, []int{4, 2})
	conv("auto_pad is \"SAME\"", Attrs{"auto_pad": "SAME"}, x, w)
	rejects(t, "leave nothing", "ConvTranspose", 11, Attrs{"pads": []int64{4, 0, 4, 0}}, x, []int{2, 4, 3, 3})
	rejects(t, "output_shape is [3], want 2", "ConvTranspose", 11, Attrs{"output_shape": []int64{3}}, x, []int{2, 4, 3, 3})
	rejects(t, "too large", "Conv", 11, Attrs{"pads": []int64{1 << 20, 1 << 20, 0, 0}}, x, w)
}
