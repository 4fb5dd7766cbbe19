package quant

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/parallel"
)

// MaxPool is a plan for the maxima of windows of planes of bytes [N,C,H,W]; its shape is
// that of a convolution's input and windows. Elements in the padding do not count.
type MaxPool struct {
	spec       ConvSpec
	pool       *parallel.Pool
	flip       uint8
	outH, outW int
	rows       [][]uint8 // of each worker
	y, x       []uint8   // of the run in progress
	body       func(worker, chunk int)
}

// NewMaxPool plans a pooling to outH by outW; signed says what the bytes are.
func NewMaxPool(p *parallel.Pool, s ConvSpec, outH, outW int, signed bool) *MaxPool {
	m := &MaxPool{spec: s, pool: p, flip: flip(signed), outH: outH, outW: outW}
	m.rows = parallel.Apart[uint8](p, m.width()+m.span())
	m.body = m.plane
	return m
}

// width is that of a padded row, which windows may exceed by less than a stride.
func (m *MaxPool) width() int {
	return max(m.spec.W+m.spec.PadLeft, (m.outW-1)*m.spec.StrideW+m.reach()+1)
}

// reach is how far the last tap of a row of a window is from the first.
func (m *MaxPool) reach() int { return (m.spec.KW - 1) * m.spec.DilationW }

// span is how many places windows may begin at.
func (m *MaxPool) span() int { return (m.outW-1)*m.spec.StrideW + 1 }

// Run computes y.
func (m *MaxPool) Run(y, x []uint8) {
	check.Len("x", x, m.spec.N*m.spec.C*m.spec.H*m.spec.W)
	check.Len("y", y, m.spec.N*m.spec.C*m.outH*m.outW)
	m.y, m.x = y, x
	m.pool.For(m.spec.N*m.spec.C, m.body)
	m.y, m.x = nil, nil
}

// plane takes the maxima of the rows of a window first, then along the row at every
// place, of which the strides pick.
func (m *MaxPool) plane(worker, plane int) {
	s := m.spec
	x := m.x[plane*s.H*s.W:][:s.H*s.W]
	buf := m.rows[worker]
	row, best := buf[:m.width()], buf[m.width():]
	for i := range row {
		row[i] = m.flip // the least byte, which the padding keeps
	}
	for r := range m.outH {
		inner := row[s.PadLeft:][:s.W]
		first := true
		for i := range s.KH {
			y := r*s.StrideH + i*s.DilationH - s.PadTop
			switch {
			case y < 0 || y >= s.H:
			case first:
				copy(inner, x[y*s.W:])
				first = false
			default:
				maxBytes(inner, inner, x[y*s.W:][:s.W], m.flip)
			}
		}
		copy(best, row)
		for j := 1; j < s.KW; j++ {
			maxBytes(best, best, row[j*s.DilationW:][:len(best)], m.flip)
		}
		dst := m.y[(plane*m.outH+r)*m.outW:][:m.outW]
		if s.StrideW == 2 {
			evens(dst, best)
			continue
		}
		for j := range dst {
			dst[j] = best[j*s.StrideW]
		}
	}
}
