package winograd

import (
	"fmt"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Forms lists the forms that can compute s and its weight gradient, those of stride 1 its
// data gradient too.
func Forms(s method.Spec) []ref.Form {
	if s.KH != 3 || s.KW != 3 || s.StrideH != s.StrideW || s.DilationH != 1 || s.DilationW != 1 ||
		s.Group != 1 || s.N < 1 || max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) > 2 {
		return nil
	}
	switch s.StrideH {
	case 1:
		return []ref.Form{{M: 2, Stride: 1}, {M: 4, Stride: 1}}
	case 2:
		return []ref.Form{{M: 2, Stride: 2}}
	}
	return nil
}

func name(f ref.Form) string {
	if f.Stride == 1 {
		return fmt.Sprint("winograd-", f.M)
	}
	return fmt.Sprintf("winograd-%d-stride-%d", f.M, f.Stride)
}

// tiling cuts the output into tiles of m×m, and these into blocks of work: some
// rows of tiles of an image, or some images.
type tiling struct {
	form          ref.Form
	rows, cols    int // of tiles in a plane
	n             int // images
	images, band  int // images and rows of tiles in a block
	groups, bands int // of images and of rows; groups·bands blocks
	height, width int // of the output plane
}

// newTiling makes blocks of about want tiles; blocks of whole images are a multiple of alike, so
// that as many threads get equally many.
func newTiling(s method.Spec, f ref.Form, want, alike int) tiling {
	t := tiling{form: f, n: s.N, height: s.OutH(), width: s.OutW(), images: 1, bands: 1}
	t.rows, t.cols = parallel.Chunks(t.height, f.M), parallel.Chunks(t.width, f.M)
	t.band, t.groups = t.rows, s.N
	if per := t.rows * t.cols; per <= want {
		groups := parallel.Chunks(parallel.Chunks(s.N, (want+per/2)/per), alike) * alike
		t.images, t.groups = parallel.Evenly(s.N, groups)
	} else {
		t.band, t.bands = parallel.Evenly(t.rows, parallel.Chunks(per, want))
	}
	return t
}

func (t *tiling) elements() int { return t.form.Size() * t.form.Size() }
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
