package augment

import "testing"

// The cells of a sheet are the images and what Apply makes of them.
func TestSheet(t *testing.T) {
	for _, c := range []int{1, 3} {
		s := Sheet{C: c, H: 5, W: 7, Views: 2, Zoom: 2, Seed: 9}
		images := [][]float32{noise(1, c*35), noise(2, c*35), noise(3, c*35)}
		sheet, err := s.Draw(parse(t, "isometry"), images)
		if err != nil {
			t.Fatal(err)
		}
		width, height := s.Size(len(images))
		if b := sheet.Bounds(); b.Dx() != width || b.Dy() != height {
			t.Fatalf("size %v, want %dx%d", b, width, height)
		}
		k := worker(t, "isometry", c, s.H, s.W)
		dst := make([]float32, c*35)
		for i, src := range images {
			top := gap + i*(s.H*s.Zoom+gap)
			for v := -1; v < s.Views; v++ {
				copy(dst, src)
				left := gap
				if v >= 0 {
					k.Apply(dst, src, Key{9, 0, uint64(i), uint64(v)})
					left = 2*gap + (v+1)*(s.W*s.Zoom+gap)
				}
				for at := range s.H * s.W {
					r, g, b, _ := sheet.At(left+at%s.W*s.Zoom+1, top+at/s.W*s.Zoom+1).RGBA()
					for ch, got := range [3]uint32{r, g, b} {
						if want := uint32(toByte(dst[min(ch, c-1)*35+at])) * 0x101; got != want {
							t.Fatalf("%d channels, image %d view %d pixel %d channel %d: %d, want %d", c, i, v, at, ch, got, want)
						}
					}
				}
			}
		}
	}
	if _, err := (Sheet{C: 4, H: 5, W: 5, Zoom: 1}).Draw(parse(t, "full"), nil); err == nil {
		t.Error("a colour operation on four channels")
	}
}
