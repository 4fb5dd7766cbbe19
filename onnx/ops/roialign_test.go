package ops

import (
	"math"
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// The mean of a bin of an image that is linear is the image at the bin's centre, however
// many samples are taken; half_pixel reads half a pixel before.
func TestRoiAlignOfALinearImage(t *testing.T) {
	const h, w = 9, 11
	x := tensor.New(tensor.Float32, 2, 1, h, w)
	at := func(image int, y, x float64) float64 { return float64(image)*100 + 3*y - 2*x }
	for i := range x.F32() {
		x.F32()[i] = float32(at(i/(h*w), float64(i/w%h), float64(i%w)))
	}
	boxes := [][4]float32{{2, 2, 14, 8}, {4, 6, 10, 16}} // x1, y1, x2, y2, in halves
	rois := tensor.New(tensor.Float32, 2, 4)
	for i, b := range boxes {
		copy(rois.F32()[4*i:], b[:])
	}
	for _, c := range []struct {
		mode  string
		shift float64
	}{{"half_pixel", 0.5}, {"output_half_pixel", 0}} {
		for ratio := range 3 {
			attrs := Attrs{"coordinate_transformation_mode": c.mode, "output_height": int64(2),
				"output_width": int64(3), "sampling_ratio": int64(ratio), "spatial_scale": float32(0.5)}
			y := apply(t, "RoiAlign", 16, attrs, 1, x, rois, tensor.From([]int64{1, 0}, 2))[0]
			var want []float32
			for r, b := range boxes {
				for i := range 2 {
					for j := range 3 {
						top, left := float64(b[1])/2-c.shift, float64(b[0])/2-c.shift
						binH, binW := float64(b[3]-b[1])/4, float64(b[2]-b[0])/6
						want = append(want, float32(at(1-r, top+(float64(i)+0.5)*binH, left+(float64(j)+0.5)*binW)))
					}
				}
			}
			if err := tol.Close(y.F32(), want, 1e-4, 0); err != nil { // 100 in float32
				t.Errorf("%s, ratio %d: %v", c.mode, ratio, err)
			}
		}
	}
}

// Regions that would take forever, or lie on no image, end the run with an error.
func TestRoiAlignFaults(t *testing.T) {
	for want, c := range map[string]struct {
		side  float32
		image int64
	}{"more than 1048576": {1e30, 0}, "samples a bin": {float32(math.NaN()), 0}, "is of image 3, of 1": {2, 3}} {
		n, err := build("RoiAlign", 16, Attrs{}, 1, input(tensor.New(tensor.Float32, 1, 1, 4, 4)),
			input(tensor.New(tensor.Float32, 1, 4)), input(tensor.New(tensor.Int64, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var fault error
		e := NewEnv(nil, &Scratch{}, []*tensor.Tensor{tensor.New(tensor.Float32, 1, 1, 4, 4),
			tensor.From([]float32{0, 0, c.side, c.side}, 1, 4), tensor.From([]int64{c.image}, 1)},
			[]*tensor.Tensor{tensor.New(tensor.Float32, 1, 1, 1, 1)})
		e.Fault = &fault
		run, err := n.Def.Bind(n, e)
		if err != nil {
			t.Fatal(err)
		}
		if run(); fault == nil || !strings.Contains(fault.Error(), want) {
			t.Errorf("error %v, want %q", fault, want)
		}
	}
}
