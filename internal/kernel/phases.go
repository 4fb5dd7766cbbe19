package kernel

import "memprobe/internal/parallel"

// phase is one of the products that make up a pass: the taps that reach the
// outputs with one residue of their position modulo the stride. A forward pass
// has one phase.
type phase struct {
	taps []int
	off  []int32 // byte offsets of its rows of B
	at   int     // where its weights begin among those of a group
}

// convPatches describes the input of a forward pass and its one phase, but for
// the number of channels.
func convPatches(s ConvSpec) (patches, []phase) {
	p := patches{inH: s.H, inW: s.W, outH: s.OutH(), outW: s.OutW(),
		rows: newAxis(s.KH, s.StrideH, s.DilationH, s.PadTop),
		cols: newAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)}
	var ph phase
	for t := range s.KH * s.KW {
		ph.taps = append(ph.taps, t)
	}
	return p, []phase{ph}
}

// gradPatches describes the input of a data gradient, dy, and its phases by row
// and column. Position h = i·stride + r of dx gets tap k from dy at
// (h+pad-k·dilation)/stride, where that is whole.
func gradPatches(s ConvSpec) (patches, []phase) {
	p := patches{inH: s.OutH(), inW: s.OutW(),
		outH: parallel.Chunks(s.H, s.StrideH), outW: parallel.Chunks(s.W, s.StrideW)}
	var residueH, residueW []int
	p.rows, residueH = gradAxis(s.KH, s.StrideH, s.DilationH, s.PadTop)
	p.cols, residueW = gradAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)
	phases := make([]phase, s.StrideH*s.StrideW)
	for t := range s.KH * s.KW {
		ph := &phases[residueH[t/s.KW]*s.StrideW+residueW[t%s.KW]]
		ph.taps = append(ph.taps, t)
	}
	return p, phases
}

// gradAxis describes the taps of a data gradient and the residue of the
// positions that each reaches.
func gradAxis(taps, stride, dilation, pad int) (a axis, residue []int) {
	a.stride = 1
	for k := range taps {
		r := mod(k*dilation-pad, stride)
		a.start, residue = append(a.start, (r+pad-k*dilation)/stride), append(residue, r)
	}
	return a, residue
}
