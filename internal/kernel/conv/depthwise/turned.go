package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// turned is a depthwise convolution of an input that is turned, with channels innermost, to a
// result that is turned too. It sums in the order in which rows does, to the same bits, but leaves
// out what is outside of the plane. A chunk of the work is some panels of 16 channels of an image.
type turned struct {
	spec       method.Spec
	pool       *parallel.Pool
	panels     int
	per, parts int // panels in a chunk, chunks of an image

	body            func(worker, chunk int)
	method.Operands // of the run in progress
}

// turnedGroup is how many neighbouring results its kernel computes at a time. Those of a row that
// are no multiple of them are computed twice.
const turnedGroup = 7

// SuitsTurned reports whether a depthwise convolution of what is turned is fast: with windows of 3x3
// or 5x5 whose middle is a result and whose strides divide the plane.
func SuitsTurned(s method.Spec) bool {
	pad, out := s.KH/2, s.OutW()
	return HasTurned() && Is(s) && s.C%tile.NR == 0 && s.KH == s.KW && (s.KH == 3 || s.KH == 5) &&
		s.StrideH == s.StrideW && s.StrideH <= 2 && s.H%s.StrideH == 0 && s.W%s.StrideW == 0 &&
		s.DilationH == 1 && s.DilationW == 1 && !s.Residual && s.PadTop == pad && s.PadLeft == pad &&
		s.OutH() == s.H/s.StrideH && out == s.W/s.StrideW &&
		out >= turnedGroup && 8*parallel.Chunks(out, turnedGroup)*turnedGroup <= 9*out
}

// NewTurned plans s, which SuitsTurned.
func NewTurned(p *parallel.Pool, s method.Spec) method.Conv {
	d := &turned{spec: s, pool: p, panels: s.C / tile.NR}
	flops := 2 * s.N * s.C * s.OutH() * s.OutW() * s.KH * s.KW
	want := min(p.Want(), flops/parallel.ChunkFlops)
	d.per, d.parts = parallel.Evenly(d.panels, max(1, min(d.panels, parallel.Chunks(want, max(s.N, 1)))))
	d.body = d.chunk
	return d
}

func (d *turned) Name() string { return "depthwise-turned" }

func (d *turned) PackedLen() int { return d.spec.C * d.spec.KH * d.spec.KW }

// Pack brings the weights into [panel][tap][16].
func (d *turned) Pack(packed, w []float32) {
	taps := d.spec.KH * d.spec.KW
	for i := range packed {
		panel, tap, lane := i/tile.NR/taps, i/tile.NR%taps, i%tile.NR
		packed[i] = w[(panel*tile.NR+lane)*taps+tap]
	}
}

func (d *turned) Scratch() int { return 0 }

func (d *turned) Run(o method.Operands, _ []float32) {
	d.Operands = o
	d.pool.For(d.spec.N*d.parts, d.body)
	d.Operands = method.Operands{}
}

var noBias [tile.NR]float32

func (d *turned) chunk(_, i int) {
	n := i / d.parts * d.panels
	q0, q1 := parallel.Range(i%d.parts, d.per, d.panels)
	for q := q0; q < q1; q++ {
		t := d.arguments(n + q)
		turnedConvolve(&t, d.spec.KH, d.spec.StrideH)
	}
}

// arguments are those of a panel, i of all images together.
func (d *turned) arguments(i int) ref.DepthTurned {
	s, q := &d.spec, i%d.panels
	t := ref.DepthTurned{H: s.H, Width: s.W, OutH: s.OutH(), OutW: s.OutW(), Bias: &noBias[0]}
	in, out := tile.NR*s.H*s.W, tile.NR*t.OutH*t.OutW
	t.Y, t.X, t.W, t.Next = &d.Y[i*out], &d.X[i*in], &d.Packed[q*tile.NR*s.KH*s.KW], 4*in
	t.Lo, t.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		t.Bias = &d.Bias[q*tile.NR]
	}
	return t
}
