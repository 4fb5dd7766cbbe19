package kernel

import (
	"fmt"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Winograd's minimal filtering F(m×m, 3×3) turns a 3×3 convolution of stride 1
// into (m+2)² products over the channels, one for each element of tiles whose
// basis has been changed, see [ref.Change]. They take 16/4 = 4 multiplications
// an output for m = 2 and 36/16 = 2.25 for m = 4 where the definition takes 9.
//
// Rounding errors are those of the sum over the channels, widened by the changes
// of basis: relative to the root mean square of the output, their root mean
// square against float64 is 2e-7 to 5e-7 for m = 2 and 5e-7 to 1.6e-6 for m = 4,
// for 16 to 512 channels, where direct convolution has 2e-7 to 3e-7, and the worst
// is within eight times that; TestWinogradError holds it. A NaN or an infinity in
// the input makes all outputs of the tiles that read it NaN, where direct
// convolution would spoil just those that it reaches.
//
// The channels lie side by side, in panels of 16, while the basis changes: so
// tiles may lie anywhere, at the edge of the plane too, and none is idle.

// suitsWinograd tells that F(m×m, 3×3) can compute s.
func suitsWinograd(s ConvSpec) bool {
	return s.KH == 3 && s.KW == 3 && s.StrideH == 1 && s.StrideW == 1 && s.DilationH == 1 && s.DilationW == 1 &&
		s.Group == 1 && s.N > 0 && max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) <= 2
}

func winogradName(m int) string { return fmt.Sprint("winograd-", m) }

// tiling cuts the output into tiles of m×m, and these into blocks of work: some
// rows of tiles of an image, or some images.
type tiling struct {
	m             int
	rows, cols    int // of tiles in a plane
	n             int // images
	images, band  int // images and rows of tiles in a block
	groups, bands int // of images and of rows; groups·bands blocks
	height, width int // of the output plane
}

// newTiling makes blocks of about want tiles.
func newTiling(s ConvSpec, m, want int) tiling {
	t := tiling{m: m, n: s.N, height: s.OutH(), width: s.OutW(), images: 1, bands: 1}
	t.rows, t.cols = parallel.Chunks(t.height, m), parallel.Chunks(t.width, m)
	t.band, t.groups = t.rows, s.N
	if per := t.rows * t.cols; per <= want {
		groups := parallel.Chunks(s.N, (want+per/2)/per)
		t.images, t.groups = parallel.Evenly(s.N, groups+groups%2) // of use to two threads alike
	} else {
		t.band, t.bands = parallel.Evenly(t.rows, parallel.Chunks(per, want))
	}
	return t
}

func (t *tiling) elements() int { return (t.m + 2) * (t.m + 2) }
func (t *tiling) blocks() int   { return t.groups * t.bands }
func (t *tiling) tiles() int    { return t.images * t.band * t.cols } // at most, of a block

// block is a range of images and of rows of tiles.
type block struct{ n0, n1, r0, r1 int }

func (t *tiling) block(i int) block {
	var b block
	b.n0, b.n1 = parallel.Range(i/t.bands, t.images, t.n)
	b.r0, b.r1 = parallel.Range(i%t.bands, t.band, t.rows)
	return b
}

// tiles is the number of tiles of a block.
func (b block) tiles(t *tiling) int { return (b.n1 - b.n0) * (b.r1 - b.r0) * t.cols }

// oddLines rounds a number of floats up to an odd number of cache lines, so that
// what is that far apart lies in different sets of the caches.
func oddLines(n int) int { return (parallel.Chunks(n, 16) | 1) * 16 }

// tileSource brings planes [N,channels,h,w] into tiles of another basis.
type tileSource struct {
	*tiling
	change         change
	size           int // of a tile before the change; tiles are m apart
	channels, h, w int
	top, left      int // padding
}

func (s *tileSource) panels() int { return parallel.Chunks(s.channels, nr) }

func (s *tileSource) copyWidth() int { return (s.cols-1)*s.m + s.size }

// copyLen is the length of the workspace of tiles.
func (s *tileSource) copyLen() int { return ((s.band-1)*s.m + s.size) * s.copyWidth() * nr }

// tiles changes the basis of the tiles of a block, for one panel of channels:
// element e of tile t goes to dst[e·pitch+t·ld:][:16]. xs is workspace.
func (s *tileSource) tiles(dst, x, xs []float32, b block, panel, pitch, ld int) {
	after := s.m + 2
	width, plane := s.copyWidth(), s.h*s.w
	c0 := panel * nr
	planes := inner{h: s.h, w: s.w, channels: min(nr, s.channels-c0), left: s.left, width: width}
	t := ref.Tiles{N: s.cols, SrcRow: width * nr, SrcCol: nr, SrcTile: s.m * nr,
		DstRow: after * pitch, DstCol: pitch, DstTile: ld}
	done := 0
	for n := b.n0; n < b.n1; n++ {
		planes.copy(xs, x[(n*s.channels+c0)*plane:], b.r0*s.m-s.top, (b.r1-b.r0-1)*s.m+s.size, 1)
		for r := range b.r1 - b.r0 {
			t.Src, t.Dst = at(xs, r*s.m*width*nr), at(dst, done*ld)
			s.change.apply(&t)
			done += s.cols
		}
	}
}

// change is a change of basis of F(m×m, 3×3).
type change struct {
	m  int
	of ref.Change
	l  [][]float64
}

func newChange(m int, of ref.Change) change { return change{m, of, of.Matrix(m)} }
