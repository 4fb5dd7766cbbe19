package patch

import (
	"slices"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/tile"
)

// Placer interleaves the results of the phases of a data gradient in a plane.
type Placer struct {
	strideH, strideW, h, w int
	width                  int // of the results
	empty                  []bool
	first                  bool      // no tap reaches any phase but the first
	zeros                  []float32 // a row of a phase that no tap reaches
}

func NewPlacer(s method.Spec, phases []Phase) Placer {
	p := Placer{strideH: s.StrideH, strideW: s.StrideW, h: s.H, w: s.W, width: (s.W + s.StrideW - 1) / s.StrideW}
	for _, ph := range phases {
		p.empty = append(p.empty, len(ph.Taps) == 0)
	}
	p.first = !slices.Contains(p.empty[1:], false)
	p.zeros = make([]float32, p.width)
	return p
}

// Place writes the rows of the plane that rows [r0, r1) of the results make up.
// Those of phase q begin at out[q·per].
func (p *Placer) Place(plane, out []float32, per, r0, r1 int) {
	if p.first {
		p.placeFirst(plane, out, r0, r1)
		return
	}
	for h := r0 * p.strideH; h < min(r1*p.strideH, p.h); h++ {
		row, at := plane[h*p.w:][:p.w], (h/p.strideH-r0)*p.width
		first := h % p.strideH * p.strideW
		switch {
		case !slices.Contains(p.empty[first:first+p.strideW], false):
			clear(row)
			continue
		case p.strideW == 2:
			tile.Zip(&row[0], &p.row(first, out, per, at)[0], &p.row(first+1, out, per, at)[0], p.w)
			continue
		}
		for b := range p.strideW {
			src := p.row(first+b, out, per, at)
			for i, w := 0, b; w < p.w; i, w = i+1, w+p.strideW {
				row[w] = src[i]
			}
		}
	}
}

// placeFirst is Place where the other phases are empty.
func (p *Placer) placeFirst(plane, out []float32, r0, r1 int) {
	clear(plane[r0*p.strideH*p.w : min(r1*p.strideH, p.h)*p.w])
	for r := r0; r < r1; r++ {
		row := plane[r*p.strideH*p.w:]
		for i, v := range out[(r-r0)*p.width:][:p.width] {
			row[i*p.strideW] = v
		}
	}
}

func (p *Placer) row(q int, out []float32, per, at int) []float32 {
	if p.empty[q] {
		return p.zeros
	}
	return out[q*per+at:]
}
