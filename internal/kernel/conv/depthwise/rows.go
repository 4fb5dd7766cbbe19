package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// rows is the forward pass of a depthwise convolution with a window of 3x3, 5x5 or,
// with a stride of 1, 7x7 that reads the planes where they lie. The results of a row are
// computed in strips of columns, or with those of the row four below. A chunk of the work is
// some channels of an image.
type rows struct {
	spec       method.Spec
	pool       *parallel.Pool
	masks      []ref.DepthMasks // of strips of columns
	halves     bool             // instead of strips, two rows at a time
	per, parts int              // channels in a chunk, chunks of an image

	body            func(worker, chunk int)
	method.Operands // of the run in progress
}

// suitsRows reports whether rows can compute s.
func suitsRows(s method.Spec) bool {
	return hasRows() && Is(s) && s.KH == s.KW && (s.KH == 3 || s.KH == 5 || s.KH == 7 && s.StrideH == 1) &&
		s.StrideH == s.StrideW && s.StrideH <= 2 && s.DilationH == 1 && s.DilationW == 1
}

const rowLanes = ref.StripLanes // of a vector

func newRows(p *parallel.Pool, s method.Spec) *rows {
	d := &rows{spec: s, pool: p, halves: suitsHalves(s)}
	if d.halves {
		d.masks = []ref.DepthMasks{{inside(-s.PadLeft, s.W), inside(0, s.OutW())}}
	} else {
		per := rowLanes
		if s.StrideW > 1 {
			per = (2*rowLanes-s.KW)/s.StrideW + 1
		}
		for q := 0; q < s.OutW(); q += per {
			d.masks = append(d.masks, rowMasks(s, q, per))
		}
	}
	d.per, d.parts = divide(p, s)
	d.body = d.chunk
	return d
}

// suitsHalves reports whether rows of the results of s fit halves of vectors, and those of
// the plane, with the padding before them, vectors. What a tap picks past a vector is then
// the other's first lane, which must be padding if it is picked at all.
func suitsHalves(s method.Spec) bool {
	return max(s.OutH(), s.OutW()) <= rowLanes/2 && s.W+s.PadLeft <= rowLanes &&
		(s.OutW()-1)*s.StrideW+s.KW <= rowLanes+s.PadLeft
}

// rowMasks are those of the strip of per results that begins at column q: of a load
// for each tap of a row or, where the stride takes every second element, of the two
// loads that all taps pick from.
func rowMasks(s method.Spec, q, per int) (m ref.DepthMasks) {
	first, n := q*s.StrideW-s.PadLeft, 2
	if s.StrideW == 1 {
		n = s.KW
		for k := range n {
			m[k] = inside(first+k, s.W)
		}
	} else {
		m[0], m[1] = inside(first, s.W), inside(first+rowLanes, s.W)
	}
	m[n] = inside(q, min(q+per, s.OutW()))
	return m
}

// inside is the mask of those lanes of a vector that lie in a row of width columns, where
// the first is column from.
func inside(from, width int) (mask uint16) {
	for i := range rowLanes {
		if from+i >= 0 && from+i < width {
			mask |= 1 << i
		}
	}
	return mask
}

func (d *rows) Name() string { return "depthwise-rows" }

func (d *rows) PackedLen() int { return d.spec.C * d.spec.KH * d.spec.KW }

func (d *rows) Pack(packed, w []float32) { copy(packed, w) }

func (d *rows) Scratch() int { return 0 }

func (d *rows) Run(o method.Operands, _ []float32) {
	d.Operands = o
	d.pool.For(d.spec.N*d.parts, d.body)
	d.Operands = method.Operands{}
}

func (d *rows) chunk(_, i int) {
	s := &d.spec
	t := ref.DepthRows{H: s.H, Width: s.W, OutH: s.OutH(), OutW: s.OutW(), LDY: 4 * s.OutW(),
		PadTop: s.PadTop, PadLeft: s.PadLeft, Masks: &d.masks[0], Strips: len(d.masks)}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	n, in, out := i/d.parts*s.C, s.H*s.W, t.OutH*t.OutW
	t.Next, t.NextY = 4*in, 4*out
	c0, c1 := parallel.Range(i%d.parts, d.per, s.C)
	for c := c0; c < c1; c++ {
		t.Y, t.X, t.W = tile.At(d.Y, (n+c)*out), tile.At(d.X, (n+c)*in), tile.At(d.Packed, c*s.KH*s.KW)
		if s.Bias {
			t.Bias = d.Bias[c]
		}
		if s.Residual {
			t.Residual = tile.At(d.Residual, (n+c)*out)
		}
		if d.halves {
			halvesConvolve(&t, s.KH, s.StrideH)
		} else {
			rowsConvolve(&t, s.KH, s.StrideH)
		}
	}
}
