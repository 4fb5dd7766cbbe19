package augment

import (
	"fmt"
	"math"

	"memprobe/internal/rng"
)

// Mixer mixes the images of a batch with one another: mixup (Zhang et al. 2018)
// with probability Mixup, CutMix (Yun et al. 2019) with probability CutMix, else
// nothing. A batch has one λ, drawn from Beta(1,1).
type Mixer struct{ Mixup, CutMix float64 }

// Check reports probabilities that are none.
func (m Mixer) Check() error {
	if m.Mixup >= 0 && m.CutMix >= 0 && m.Mixup+m.CutMix <= 1 {
		return nil
	}
	return fmt.Errorf("augment: mixup %v and CutMix %v, want probabilities that sum to at most 1", m.Mixup, m.CutMix)
}

// Mix says how the rows of a batch are mixed: row i becomes λ of itself and 1−λ
// of row Partner[i], everywhere (mixup) or inside a rectangle (CutMix).
type Mix struct {
	Lambda  float64
	Partner []int // a permutation of the batch; nil: nothing is mixed
	cut     bool
	box     box
}

// Draw returns the mix of a step's batch of n images [h,w].
func (m Mixer) Draw(seed, epoch, step uint64, n, h, w int) Mix {
	s := rng.New(seed, rng.Mix, epoch, step)
	u, lambda := s.Float64(), s.Float64() // Beta(1,1) is uniform
	if u >= m.Mixup+m.CutMix {
		return Mix{Lambda: 1}
	}
	x := Mix{Lambda: lambda, Partner: make([]int, n), cut: u >= m.Mixup}
	s.Perm(x.Partner)
	if x.cut {
		x.box = drawCut(&s, h, w, lambda)
		x.Lambda = 1 - float64(x.box.h*x.box.w)/float64(h*w)
	}
	return x
}

// drawCut draws the rectangle of CutMix: its centre is a uniform pixel, its sides
// are √(1−λ) of the image's, and it is cut at the image's edge.
func drawCut(s *rng.Stream, h, w int, lambda float64) box {
	half := 0.5 * math.Sqrt(1-lambda)
	x, y := s.IntN(w), s.IntN(h)
	dx, dy := int(half*float64(w)), int(half*float64(h))
	top, left := max(0, y-dy), max(0, x-dx)
	return box{top, left, min(h, y+dy) - top, min(w, x+dx) - left}
}

// Images mixes x [N,C,H,W], N = len(Partner), in place.
func (m Mix) Images(x []float32, h, w int) {
	if !m.cut {
		m.Targets(x)
		return
	}
	m.cycles(x, func(dst, partner []float32) {
		for plane := 0; plane < len(dst); plane += h * w {
			for y := m.box.top; y < m.box.top+m.box.h; y++ {
				at := plane + y*w + m.box.left
				copy(dst[at:at+m.box.w], partner[at:at+m.box.w])
			}
		}
	})
}

// Targets mixes soft targets t [N,classes], N = len(Partner), in place.
func (m Mix) Targets(t []float32) {
	own, other := float32(m.Lambda), float32(1-m.Lambda)
	m.cycles(t, func(dst, partner []float32) {
		for i, v := range partner {
			dst[i] = own*dst[i] + other*v
		}
	})
}

// cycles calls blend for every row and its partner, in the order of the
// permutation's cycles, so that a row is changed only after it served its
// partner. The first row of a cycle is copied for the last.
func (m Mix) cycles(x []float32, blend func(dst, partner []float32)) {
	n := len(m.Partner)
	if n == 0 {
		return
	}
	size := len(x) / n
	row := func(i int) []float32 { return x[i*size : (i+1)*size] }
	first := make([]float32, size)
	done := make([]bool, n)
	for start := range n {
		if done[start] {
			continue
		}
		copy(first, row(start))
		for i := start; !done[i]; i = m.Partner[i] {
			done[i] = true
			if next := m.Partner[i]; next == start {
				blend(row(i), first)
			} else {
				blend(row(i), row(next))
			}
		}
	}
}
