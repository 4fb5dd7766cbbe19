package ops

import (
	"slices"
	"testing"

	"memprobe/internal/tol"
)

// The numbers are PyTorch's, in float64.
func TestPoolingMatchesPyTorch(t *testing.T) {
	x := f32(1, 1, 5, 5)
	attrs := Attrs{"kernel_shape": []int64{3, 2}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1},
		"dilations": []int64{1, 2}, "ceil_mode": int64(1)}
	out := apply(t, "MaxPool", 12, attrs, 2, x)
	expect(t, out[0], []int{1, 1, 3, 3}, 0.154041, 1.19474, 1.19474, 0.520249, 1.19474, 1.19474, -0.129742,
		0.953349, 0.953349)
	if want := []int64{1, 8, 8, 11, 8, 8, 16, 23, 23}; !slices.Equal(out[1].I64(), want) {
		t.Errorf("indices %v, want %v", out[1].I64(), want)
	}
	attrs["storage_order"] = int64(1)
	if got, want := apply(t, "MaxPool", 12, attrs, 2, x)[1].I64(),
		[]int64{5, 16, 16, 7, 16, 16, 8, 19, 19}; !slices.Equal(got, want) {
		t.Errorf("column-major indices %v, want %v", got, want)
	}
	attrs = Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1},
		"ceil_mode": int64(1)}
	expect(t, apply(t, "AveragePool", 19, attrs, 1, x)[0], []int{1, 1, 3, 3}, -0.183475, -0.0456048, 0.491779,
		-0.238671, 0.0516782, 0.215288, -0.286377, 0.0447835, 0.385969)
	attrs["count_include_pad"] = int64(1)
	expect(t, apply(t, "AveragePool", 19, attrs, 1, x)[0], []int{1, 1, 3, 3}, -0.0815443, -0.0304032, 0.218568,
		-0.159114, 0.0516782, 0.143525, -0.127279, 0.0298557, 0.171542)
	expect(t, apply(t, "LpPool", 18, Attrs{"kernel_shape": []int64{2, 2}, "p": int64(1)}, 1,
		from([]int{1, 1, 2, 2}, 1, -2, 3, 4))[0], []int{1, 1, 1, 1}, 10)
}

func TestPoolND(t *testing.T) {
	x := f32(1, 1, 3, 3, 2)
	attrs := Attrs{"kernel_shape": []int64{2, 2, 2}, "strides": []int64{2, 2, 2}, "pads": []int64{1, 1, 1, 1, 1, 1}}
	out := apply(t, "MaxPool", 12, attrs, 2, x)
	expect(t, out[0], []int{1, 1, 2, 2, 2}, 0.92657, 0.175658, 1.2959, -0.0288757, 0.388579, 0.127393, 1.05239, 0.946241)
	if want := []int64{0, 1, 4, 5, 12, 7, 8, 15}; !slices.Equal(out[1].I64(), want) {
		t.Errorf("indices %v, want %v", out[1].I64(), want)
	}
	expect(t, apply(t, "AveragePool", 19, attrs, 1, x)[0], []int{1, 1, 2, 2, 2}, 0.92657, 0.175658, 0.0581979,
		-0.0443068, -0.430853, -0.288899, 0.00922031, 0.00265285)
}

// A window of one plane in depth must give the same as the two-dimensional kernel.
func TestPoolNDAgreesWithFlat(t *testing.T) {
	for _, op := range []string{"MaxPool", "AveragePool"} {
		flat := apply(t, op, 19, Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 0, 1, 1},
			"strides": []int64{2, 1}}, 1, f32(2, 3, 7, 6))[0]
		deep := f32(2, 3, 7, 6)
		deep.Shape = []int{2, 3, 1, 7, 6}
		solid := apply(t, op, 19, Attrs{"kernel_shape": []int64{2, 3, 3}, "pads": []int64{1, 1, 0, 0, 1, 1},
			"strides": []int64{1, 2, 1}}, 1, deep)[0]
		if err := tol.Close(solid.F32(), flat.F32(), 1e-6, 1e-6); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestGlobalPools(t *testing.T) {
	x := from([]int{1, 2, 1, 2}, 3, -4, 1, 2)
	expect(t, apply(t, "GlobalAveragePool", 1, nil, 1, x)[0], []int{1, 2, 1, 1}, -0.5, 1.5)
	expect(t, apply(t, "GlobalMaxPool", 1, nil, 1, x)[0], []int{1, 2, 1, 1}, 3, 2)
	expect(t, apply(t, "GlobalLpPool", 2, nil, 1, x)[0], []int{1, 2, 1, 1}, 5, 2.236068)
	rejects(t, "positive sizes", "GlobalMaxPool", 1, nil, []int{1, 2, 0})
}

func TestMalformedPools(t *testing.T) {
	x := []int{1, 2, 5, 5}
	pool := func(say string, attrs Attrs, shapes ...[]int) {
		t.Helper()
		rejects(t, say, "MaxPool", 12, attrs, shapes...)
	}
	pool("has no kernel_shape", nil, x)
	pool("kernel_shape has 1 values, want 2", Attrs{"kernel_shape": []int64{2}}, x)
	pool("kernel_shape is [0 2]", Attrs{"kernel_shape": []int64{0, 2}}, x)
	pool("exceeds input [5 5]", Attrs{"kernel_shape": []int64{6, 2}}, x)
	pool("not smaller than the kernel", Attrs{"kernel_shape": []int64{2, 2}, "pads": []int64{2, 0, 0, 0}}, x)
	pool("at most 16777216 elements",
		Attrs{"kernel_shape": []int64{1 << 19, 1 << 19}, "pads": []int64{1<<19 - 1, 1<<19 - 1, 0, 0}}, x)
	pool("strides is [-1 1]", Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{-1, 1}}, x)
	pool("positive sizes", Attrs{"kernel_shape": []int64{2, 2}}, []int{1, 2, 0, 5})
	pool("want at least 1", Attrs{"kernel_shape": []int64{2, 2}})
}
