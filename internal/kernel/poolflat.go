package kernel

import (
	"math"

	"memprobe/internal/parallel"
)

// maxFlat computes the maxima alone, without their indices. The planes of a chunk
// are laid into one padded array, row after row, so that the maximum down and then
// along the windows is a few passes over long vectors, however small the planes
// are: element i of the results is the maximum of the window that begins at
// element i of the padded array, and those that the strides take are copied out.
type maxFlat struct {
	spec       PoolSpec
	pool       *parallel.Pool
	oh, ow     int
	rows, cols int // of a padded plane
	h, w       int // of the image that windows cover
	block      int // planes of a chunk

	body   func(worker, chunk int)
	y, x   []float32
	arrays [][3][]float32 // of each worker: padded, maxima down, maxima of windows
}

// maxFlatChunk is the number of padded elements of a chunk: its three arrays stay
// in the first level of cache.
const maxFlatChunk = 2048

// newMaxFlat makes the plan; nil where no window covers anything.
func newMaxFlat(p *parallel.Pool, s PoolSpec) *maxFlat {
	m := &maxFlat{spec: s, pool: p, oh: s.OutH(), ow: s.OutW()}
	m.rows = (m.oh-1)*s.StrideH + (s.KH-1)*s.DilationH + 1
	m.cols = (m.ow-1)*s.StrideW + (s.KW-1)*s.DilationW + 1
	m.h, m.w = min(s.H, m.rows-s.PadTop), min(s.W, m.cols-s.PadLeft)
	if m.oh < 1 || m.ow < 1 || m.h < 1 || m.w < 1 {
		return nil
	}
	m.block = max(1, maxFlatChunk/(m.rows*m.cols))
	m.body = m.chunk
	m.arrays = make([][3][]float32, p.Threads())
	for i := range m.arrays {
		for k := range m.arrays[i] {
			m.arrays[i][k] = make([]float32, m.block*m.rows*m.cols)
		}
		for k := range m.arrays[i][0] { // the padding stays
			m.arrays[i][0][k] = float32(math.Inf(-1))
		}
	}
	return m
}

func (m *maxFlat) run(y, x []float32) {
	m.y, m.x = y, x
	m.pool.For(parallel.Chunks(m.spec.N*m.spec.C, m.block), m.body)
	m.y, m.x = nil, nil
}

func (m *maxFlat) chunk(worker, chunk int) {
	s, a := &m.spec, &m.arrays[worker]
	lo, hi := parallel.Range(chunk, m.block, s.N*s.C)
	plane := m.rows * m.cols
	padded := a[0][:(hi-lo)*plane]
	if m.rows == s.H && m.cols == s.W && s.PadTop|s.PadLeft == 0 {
		padded = m.x[lo*plane : hi*plane]
	} else {
		for p := lo; p < hi; p++ {
			copyRows(&padded[(p-lo)*plane+s.PadTop*m.cols+s.PadLeft], &m.x[p*s.H*s.W], m.h, m.w, m.cols, s.W, 1)
		}
	}
	down := maxOfShifts(a[1], padded, s.KH, s.DilationH*m.cols)
	all := maxOfShifts(a[2], down, s.KW, s.DilationW)
	for p := lo; p < hi; p++ {
		copyRows(&m.y[p*m.oh*m.ow], &all[(p-lo)*plane], m.oh, m.ow, m.ow, s.StrideH*m.cols, s.StrideW)
	}
}

// maxOfShifts returns dst[i] = max(x[i], x[i+step], …), taps elements; x itself if
// there is one tap.
func maxOfShifts(dst, x []float32, taps, step int) []float32 {
	if taps == 1 {
		return x
	}
	n := len(x) - (taps-1)*step
	dst = dst[:n]
	table32.max(dst, x[:n], x[step:])
	for k := 2; k < taps; k++ {
		table32.max(dst, dst, x[k*step:])
	}
	return dst
}
