package conv

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Data gradients are those of the definition, whether or not they would be scattered: of one
// tap, with rows and columns that no window reaches, of patches and of windows that overlap;
// on any number of threads.
func TestScattered(t *testing.T) {
	var list []Spec
	for _, d := range [][8]int{ // images, channels, height, width, output channels, height and width of the windows, stride or 0: as large
		{3, 20, 4, 4, 37, 1, 1, 2}, {2, 17, 9, 8, 16, 1, 1, 2}, {1, 5, 7, 11, 40, 1, 1, 3}, {9, 300, 2, 2, 40, 1, 1, 2},
		{2, 12, 8, 6, 300, 2, 2, 0}, {5, 3, 32, 64, 20, 8, 16, 0}, {1, 40, 3, 8, 8, 1, 2, 0}, {4, 2, 15, 10, 9, 5, 5, 0},
	} {
		s := Spec{N: d[0], C: d[1], H: d[2], W: d[3], M: d[4], KH: d[5], KW: d[6], StrideH: d[5], StrideW: d[6],
			DilationH: 1, DilationW: 1, Group: 1}
		if d[7] > 0 {
			s.StrideH, s.StrideW = d[7], d[7]
		}
		list = append(list, s)
	}
	for _, s := range kerneltest.AllConvs() {
		if suitsScattered(s) {
			s.Bias, s.Residual, s.Act = false, false, tile.ActNone
			list = append(list, s)
		}
	}
	for _, s := range list {
		nx, nw, ny := s.Lengths()
		w, dy, dx := kerneltest.Noise(nw, 1), kerneltest.Noise(ny, 2), make([]float64, nx)
		ref.ConvGradX(s, dx, kerneltest.Wide(dy), kerneltest.Wide(w))
		kerneltest.ConvLike(t, s, s.M*s.KH*s.KW, dx, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
			return kerneltest.RunAlgo(newScattered(p, s), dy, w, nil, nil)
		})
	}
	if s := (Spec{N: 1, C: 1, H: 5, W: 4, M: 1, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1, Group: 1}); coversPatches(s) {
		t.Error("patches of 2 cover 5 rows")
	}
}
