package patch

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/parallel"
)

// Phase is one of the products that make up a pass: the taps that reach the
// outputs with one residue of their position modulo the stride. A forward pass
// has one phase.
type Phase struct {
	Taps []int
	Off  []int32 // byte offsets of its rows of B
	At   int     // where its weights begin among those of a group
}

// Forward describes the input of a forward pass and its one phase, but for
// the number of channels.
func Forward(s method.Spec) (Input, []Phase) {
	p := Input{InH: s.H, InW: s.W, OutH: s.OutH(), OutW: s.OutW(),
		Rows: newAxis(s.KH, s.StrideH, s.DilationH, s.PadTop),
		Cols: newAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)}
	var ph Phase
	for t := range s.KH * s.KW {
		ph.Taps = append(ph.Taps, t)
	}
	return p, []Phase{ph}
}

// GradX describes the input of a data gradient, dy, and its phases by row
// and column. Position h = i·stride + r of dx gets tap k from dy at
// (h+pad-k·dilation)/stride, where that is whole.
func GradX(s method.Spec) (Input, []Phase) {
	p := Input{InH: s.OutH(), InW: s.OutW(),
		OutH: parallel.Chunks(s.H, s.StrideH), OutW: parallel.Chunks(s.W, s.StrideW)}
	var residueH, residueW []int
	p.Rows, residueH = gradAxis(s.KH, s.StrideH, s.DilationH, s.PadTop)
	p.Cols, residueW = gradAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)
	phases := make([]Phase, s.StrideH*s.StrideW)
	for t := range s.KH * s.KW {
		ph := &phases[residueH[t/s.KW]*s.StrideW+residueW[t%s.KW]]
		ph.Taps = append(ph.Taps, t)
	}
	return p, phases
}

// gradAxis describes the taps of a data gradient and the residue of the
// positions that each reaches.
func gradAxis(taps, stride, dilation, pad int) (a Axis, residue []int) {
	a.Stride = 1
	for k := range taps {
		r := mod(k*dilation-pad, stride)
		a.start, residue = append(a.start, (r+pad-k*dilation)/stride), append(residue, r)
	}
	return a, residue
}
