package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// lanes is a depthwise convolution, or its data gradient, of planes that are
// one vector: each tap moves the lanes of the plane to where it is read. It gives
// the bits of matrix, whose matrices hold the same products and zeros. A chunk
// of the work is some channels of all images.
type lanes struct {
	spec    method.Spec
	pool    *parallel.Pool
	in, out int         // floats of a plane, read and written
	taps    []int       // those that read anything, in the order of what they read
	index   [][16]int32 // of taps: the element that each result reads
	masks   []uint16    // of taps: the results that read one
	per     int         // channels in a chunk

	body            func(worker, chunk int)
	method.Operands // of the run in progress
}

// suitsLanes reports whether lanes is the method for a pass that suits
// matrix and reads planes of in floats; matrices of four rows are short enough.
func suitsLanes(in int) bool { return hasLanes() && in > 4 && in <= tile.NR }

// newLanes makes it from the links of the plan in matrix form.
func newLanes(m *matrix, flipped bool) *lanes {
	d := &lanes{spec: m.spec, pool: m.pool, in: m.in, out: m.out, per: m.per}
	all := d.spec.KH * d.spec.KW
	for k := range all {
		if flipped {
			k = all - 1 - k
		}
		var index [16]int32
		var mask uint16
		for i := 0; i < len(m.links); i += 2 {
			if at := m.links[i]; int(m.links[i+1]) == k {
				index[at%tile.NR] = at / tile.NR
				mask |= 1 << (at % tile.NR)
			}
		}
		if mask != 0 {
			d.taps, d.index, d.masks = append(d.taps, k), append(d.index, index), append(d.masks, mask)
		}
	}
	d.body = d.chunk
	return d
}

func (d *lanes) Name() string { return "depthwise-lanes" }

func (d *lanes) PackedLen() int { return d.spec.C * len(d.taps) }

func (d *lanes) Pack(packed, w []float32) {
	all := d.spec.KH * d.spec.KW
	for c := range d.spec.C {
		to := packed[c*len(d.taps):][:len(d.taps)]
		for i, k := range d.taps {
			to[i] = w[c*all+k]
		}
	}
}

func (d *lanes) Scratch() int { return 0 }

func (d *lanes) Run(o method.Operands, _ []float32) {
	d.Operands = o
	d.pool.For(parallel.Chunks(d.spec.C, d.per), d.body)
	d.Operands = method.Operands{}
}

func (d *lanes) chunk(_, chunk int) {
	t := d.channels(parallel.Range(chunk, d.per, d.spec.C))
	lanesConvolve(&t)
}

// channels are those from lo to hi of the run in progress.
func (d *lanes) channels(lo, hi int) ref.DepthLanes {
	s := &d.spec
	t := ref.DepthLanes{Y: tile.At(d.Y, lo*d.out), X: tile.At(d.X, lo*d.in), W: tile.At(d.Packed, lo*len(d.taps)),
		Index: &d.index[0], Masks: &d.masks[0], Taps: len(d.taps), Channels: hi - lo, Images: s.N,
		PlaneX: 4 * d.in, PlaneY: 4 * d.out, LDX: 4 * s.C * d.in, LDY: 4 * s.C * d.out,
		In: 1<<d.in - 1, Out: 1<<d.out - 1}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		t.Bias = tile.At(d.Bias, lo)
	}
	if s.Residual {
		t.Residual = tile.At(d.Residual, lo*d.out)
	}
	return t
}
