package winograd

import (
	"fmt"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Forms lists the forms that can compute s and its weight gradient.
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

// GradXForms lists the forms that can compute the data gradient of s.
func GradXForms(s method.Spec) []ref.Form {
	if s.StrideW > 1 && s.W < 4 {
		return nil // a tile that stands out must have another beside it, see Conv.finish
	}
	return Forms(s)
}

func name(f ref.Form) string {
	if f.Stride == 1 {
		return fmt.Sprint("winograd-", f.M)
	}
	return fmt.Sprintf("winograd-%d-stride-%d", f.M, f.Stride)
}

// tiling cuts the output into tiles, and these into blocks of work: some rows of tiles of
// an image, or some images.
type tiling struct {
	form          ref.Form
	side          int // of a tile of the output
	n             int // images
	height, width int // of the output plane
	rows, cols    int // of tiles in a plane
	images, band  int // images and rows of tiles in a block
	groups, bands int // of images and of rows; groups·bands blocks
}

func newTiling(f ref.Form, side, n, height, width int) tiling {
	return tiling{form: f, side: side, n: n, height: height, width: width,
		rows: parallel.Chunks(height, side), cols: parallel.Chunks(width, side)}
}

// cut makes blocks of about want tiles; blocks of whole images are a multiple of alike, so
// that as many threads get equally many.
func (t *tiling) cut(want, alike int) {
	t.images, t.bands, t.band, t.groups = 1, 1, t.rows, t.n
	if per := t.rows * t.cols; per <= want {
		groups := parallel.Chunks(parallel.Chunks(t.n, (want+per/2)/per), alike) * alike
		t.images, t.groups = parallel.Evenly(t.n, groups)
	} else {
		t.band, t.bands = parallel.Evenly(t.rows, parallel.Chunks(per, want))
	}
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

// mirror says of which axes a tile, or a window, is numbered from its last element on.
type mirror struct{ rows, cols bool }

// numbered returns where the first element of n×n lies, the ones in memory being row and col
// apart, and how far apart those are that follow each other.
func (m mirror) numbered(n, row, col int) (first, nextRow, nextCol int) {
	if m.rows {
		first, row = (n-1)*row, -row
	}
	if m.cols {
		first, col = first+(n-1)*col, -col
	}
	return first, row, col
}

// oddLines rounds a number of floats up to an odd number of cache lines, so that
// what is that far apart lies in different sets of the caches.
func oddLines(n int) int { return (parallel.Chunks(n, 16) | 1) * 16 }
