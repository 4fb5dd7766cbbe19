package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// rows is the forward pass of a depthwise convolution with a window of 3x3, 5x5 or,
// with a stride of 1, 7x7 that reads the planes where they lie. A chunk of the work is some channels
// of an image.
type rows struct {
	spec       method.Spec
	pool       *parallel.Pool
	masks      []ref.DepthMasks // of strips of lanes columns
	lanes      int
	per, parts int // channels in a chunk, chunks of an image

	body            func(worker, chunk int)
	method.Operands // of the run in progress
}

// suitsRows reports whether rows can compute s.
func suitsRows(s method.Spec) bool {
	return hasRows() && Is(s) && s.KH == s.KW && (s.KH == 3 || s.KH == 5 || s.KH == 7 && s.StrideH == 1) &&
		s.StrideH == s.StrideW && s.StrideH <= 2 && s.DilationH == 1 && s.DilationW == 1
}

func newRows(p *parallel.Pool, s method.Spec) *rows {
	d := &rows{spec: s, pool: p, lanes: 2 * tile.VL}
	if s.OutW() <= tile.VL {
		d.lanes = tile.VL
	}
	for q := 0; q < s.OutW(); q += d.lanes {
		d.masks = append(d.masks, rowMasks(s, q, d.lanes))
	}
	d.per, d.parts = divide(p, s)
	d.body = d.chunk
	return d
}

// rowMasks are those of the strip of results that begins at column q: of a load
// for each tap of a row or, where the stride takes every second element, of two
// loads for each two taps.
func rowMasks(s method.Spec, q, lanes int) (m ref.DepthMasks) {
	of := func(from, size int) (mask uint16) {
		for i := range lanes {
			if from+i >= 0 && from+i < size {
				mask |= 1 << i
			}
		}
		return mask
	}
	n := 0
	for k := 0; k < s.KW; k += s.StrideW {
		for i := range s.StrideW {
			m[n] = of(q*s.StrideW-s.PadLeft+k+i*lanes, s.W)
			n++
		}
	}
	m[n] = of(q, s.OutW())
	return m
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
	c0, c1 := parallel.Range(i%d.parts, d.per, s.C)
	for c := c0; c < c1; c++ {
		t.Y, t.X, t.W = tile.At(d.Y, (n+c)*out), tile.At(d.X, (n+c)*in), tile.At(d.Packed, c*s.KH*s.KW)
		if s.Bias {
			t.Bias = d.Bias[c]
		}
		if s.Residual {
			t.Residual = tile.At(d.Residual, (n+c)*out)
		}
		rowsConvolve(&t, s.KH, s.StrideH, d.lanes)
	}
}
