package dataset

import (
	"image/color"
	"testing"
)

// A picture shows the pixels where it is large enough, and their means where it is not.
func TestThumbnail(t *testing.T) {
	const h, w = 4, 8
	colours := make([]float32, 3*h*w)
	for i := range h * w {
		colours[i], colours[h*w+i], colours[2*h*w+i] = 1, float32(i%w)/(w-1), 0
	}
	s := &Set{C: 3, H: h, W: w, Train: Split{floats: [][]float32{colours}, labels: []int32{0}}}
	m := s.Thumbnail(&s.Train, 0, 100)
	if b := m.Bounds(); b.Dx() != w || b.Dy() != h {
		t.Fatalf("a picture of %v, want %dx%d", b, w, h)
	}
	for x := range w {
		want := color.RGBA{255, uint8(float64(x)/(w-1)*255 + 0.5), 0, 255}
		if got := m.At(x, 2); got != want {
			t.Errorf("column %d is %v, want %v", x, got, want)
		}
	}
	if b := s.Thumbnail(&s.Train, 0, 4).Bounds(); b.Dx() != 4 || b.Dy() != 2 {
		t.Errorf("within 4 pixels a picture of %v, want 4x2", b)
	}
	grey := &Set{C: 1, H: 2, W: 2, Train: Split{floats: [][]float32{{0, 0.5, 1, 0.5}}, labels: []int32{0}}}
	if got := grey.Thumbnail(&grey.Train, 0, 1).At(0, 0); got != (color.RGBA{128, 128, 128, 255}) {
		t.Errorf("the mean of a grey image is %v, want 128", got)
	}
	grey.Train.floats[0][3] = 1.5
	for name, s := range map[string]*Set{
		"vectors":          {C: 1, H: 1, W: 4, Vectors: true, Train: grey.Train},
		"two channels":     {C: 2, H: 1, W: 2, Train: grey.Train},
		"a pixel beyond 1": grey,
	} {
		if m := s.Thumbnail(&s.Train, 0, 8); m != nil {
			t.Errorf("%s: a picture, want none", name)
		}
	}
}
