package dataset

import (
	"math"
	"testing"
)

// The rounding is part of every recorded result: v·(1/std) is not rounded before
// −mean/std is added.
func TestNormalizeRounding(t *testing.T) {
	mean, std, err := Normalization("imagenet", 3)
	if err != nil {
		t.Fatal(err)
	}
	image := make([]float32, 3*256)
	for i := range image {
		image[i] = float32(i%256) / 255
	}
	got := append([]float32{}, image...)
	Normalize(got, mean, std)
	differs := 0
	for i, v := range image {
		c := i / 256
		scale, shift := 1/std[c], -mean[c]/std[c]
		if want := float32(math.FMA(float64(v), float64(scale), float64(shift))); got[i] != want {
			t.Errorf("channel %d, pixel %v: %v, want %v", c, v, got[i], want)
		}
		if got[i] != (v-mean[c])/std[c] {
			differs++
		}
	}
	if differs == 0 {
		t.Error("these numbers do not tell this rounding from another")
	}
	Normalize(image, nil, nil)
	if image[255] != 1 {
		t.Error("no normalisation changes pixels")
	}
}
