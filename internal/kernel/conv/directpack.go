package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/tile"
)

// groupWeights is the number of packed weights of a group.
func (d *direct) groupWeights() int {
	return d.outPanels() * tile.MR * d.inC * d.spec.KH * d.spec.KW
}

func (d *direct) PackedLen() int { return d.spec.Group * d.groupWeights() }

// Pack brings the weights into panels, for each group, phase and block of k.
func (d *direct) Pack(packed, w []float32) {
	d.Operands = method.Operands{Packed: packed, W: w}
	d.pool.For(d.spec.Group*d.outPanels(), d.packBody)
	d.Operands = method.Operands{}
}

// packPanel packs one panel of output channels of a group.
func (d *direct) packPanel(_, i int) {
	g, panel := i/d.outPanels(), i%d.outPanels()
	weights := d.Packed[g*d.groupWeights():][:d.groupWeights()]
	k := d.inC * d.spec.KH * d.spec.KW
	a := tile.Side{N: d.outC, Width: tile.MR, LD: k, KInner: true}
	if d.gradX && k > d.inC {
		d.packGrad(weights, g, panel)
		return
	} else if d.gradX { // one tap: the transposed matrix
		a.LD, a.KInner = d.outC, false
	}
	for k0 := 0; k0 < k; k0 += d.blockK {
		kc := min(d.blockK, k-k0)
		a.Pack(weights[d.outPanels()*tile.MR*k0+panel*tile.MR*kc:], d.W[g*d.outC*k:], panel, panel+1, k0, kc)
	}
}

// packGrad packs the transposed weights: the rows are the channels c of
// w[m,c,tap] and the columns the pairs (m, tap), phase by phase.
func (d *direct) packGrad(weights []float32, g, panel int) {
	taps := d.spec.KH * d.spec.KW
	rows := tile.Side{N: d.outC, Width: tile.MR, LD: taps, KInner: true}
	var some [tile.MR * gradTaps]float32
	for m := range d.inC {
		w := d.W[(g*d.inC+m)*d.outC*taps:]
		if len(d.phases) == 1 { // all taps follow each other, within a block
			rows.Pack(weights[d.column(&d.phases[0], panel, m*taps):], w, panel, panel+1, 0, taps)
			continue
		}
		for t0 := 0; t0 < taps; t0 += gradTaps {
			t1 := min(t0+gradTaps, taps)
			rows.Pack(some[:], w, panel, panel+1, t0, t1-t0)
			for q := range d.phases {
				ph := &d.phases[q]
				for i, t := range ph.Taps {
					if t >= t0 && t < t1 {
						to := weights[ph.At+d.column(ph, panel, m*len(ph.Taps)+i):]
						*(*[tile.MR]float32)(to) = [tile.MR]float32(some[tile.MR*(t-t0):])
					}
				}
			}
		}
	}
}

// gradTaps is how many taps packGrad turns at once.
const gradTaps = 64

// column is the place of column k of a panel among the weights of a phase.
func (d *direct) column(ph *patch.Phase, panel, k int) int {
	k0 := k / d.blockK * d.blockK
	kc := min(d.blockK, len(ph.Off)-k0)
	return d.outPanels()*tile.MR*k0 + panel*tile.MR*kc + (k-k0)*tile.MR
}
