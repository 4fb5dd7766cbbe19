package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Is tells that each channel is convolved on its own.
func Is(s method.Spec) bool { return s.C == s.Group && s.M == s.Group && s.Group > 1 }

// New plans the forward pass of s by the method that suits it best.
func New(p *parallel.Pool, s method.Spec) method.Conv {
	if suitsMatrix(s) {
		return newSmall(p, s, false)
	}
	if suitsRows(s) {
		return newRows(p, s)
	}
	return newPadded(p, s, false)
}

// NewGradX plans the data gradient of s by the method that suits it best.
func NewGradX(p *parallel.Pool, s method.Spec) method.Conv {
	if suitsMatrix(s) && s.H*s.W <= matrixOut {
		return newSmall(p, s, true)
	}
	return newPadded(p, s, true)
}

// newSmall plans a pass over planes that suit matrix: by lanes where that is faster.
func newSmall(p *parallel.Pool, s method.Spec, flipped bool) method.Conv {
	d := newMatrix(p, s, flipped)
	if suitsLanes(d.in) {
		if l := newLanes(d, flipped); len(l.taps) > 0 {
			return l
		}
	}
	return d
}

// layOut lays the copy of a plane out: flat where rows of the output fill
// so few vectors that more copies cost less.
func layOut(p *patch.Input) {
	p.Size(patch.Split, p.OutH, 1)
	wide := len(p.Vectors(p.OutH, 1, ref.VL))
	p.Size(patch.Flat, p.OutH, 1)
	if 3*len(p.Vectors(p.OutH, 1, ref.VL)) > 2*wide {
		p.Size(patch.Split, p.OutH, 1)
	}
	p.Tabulate()
}

// divide divides the channels of an image so that there are chunks enough.
func divide(p *parallel.Pool, s method.Spec) (per, parts int) {
	flops := 2 * s.N * s.C * s.OutH() * s.OutW() * s.KH * s.KW
	want := min(p.Want(), flops/parallel.ChunkFlops)
	return parallel.Evenly(s.C, max(1, min(s.C, parallel.Chunks(want, max(s.N, 1)))))
}
