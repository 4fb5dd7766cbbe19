package report

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"
)

// A picture is read as it was written, also one that is part of another.
func TestWritePNG(t *testing.T) {
	whole := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			whole.SetRGBA(x, y, color.RGBA{uint8(7 * x * y), uint8(x - 5*y), uint8(x * x), 0xff})
		}
	}
	for _, r := range []image.Rectangle{whole.Rect, image.Rect(3, 4, 20, 11), image.Rect(9, 9, 10, 10)} {
		part := whole.SubImage(r).(*image.RGBA)
		var b bytes.Buffer
		if err := writePNG(&b, part); err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(&b)
		if err != nil {
			t.Fatal(r, err)
		}
		got := image.NewRGBA(r)
		draw.Draw(got, r, m, image.Point{}, draw.Src)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if got.RGBAAt(x, y) != part.RGBAAt(x, y) {
					t.Fatalf("%v: dot %d %d is %v, want %v", r, x, y, got.RGBAAt(x, y), part.RGBAAt(x, y))
				}
			}
		}
	}
}
