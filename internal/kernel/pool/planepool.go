package pool

import (
	"math"

	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// planePool computes maxima without their indices, or averages. The planes of a chunk
// are laid into one padded array, row after row, so that combining down and then
// along the windows is a few passes over long vectors, however small the planes
// are: element i of the results is of the window that begins at element i of the
// padded array, and those that the strides take are copied out.
type planePool struct {
	spec       Spec
	pool       *parallel.Pool
	combine    vec.Binary[float32]
	padding    float32 // what combining ignores
	oh, ow     int
	rows, cols int       // of a padded plane
	h, w       int       // of the image that windows cover
	perPass    int       // planes that are in the arrays together
	perChunk   int       // planes of a chunk
	counts     []float32 // averages: what the sums of a pass are divided by
	inPlace    *rows     // or nil

	arrays [][3][]float32 // of each worker: padded, combined down, windows
	body   func(worker, chunk int)
	poolRun[float32]
}

// planeChunk is the number of padded elements of a pass: its three arrays stay in
// the first level of cache.
const planeChunk = 2048

// newPlanePool makes the plan, of averages where elements of windows are counted; nil
// where no window covers anything.
func newPlanePool(p *parallel.Pool, s Spec, countH, countW []float32) *planePool {
	m := &planePool{spec: s, pool: p, combine: vec.Of[float32]().Max, padding: float32(math.Inf(-1)),
		oh: s.OutH(), ow: s.OutW()}
	m.rows = (m.oh-1)*s.StrideH + (s.KH-1)*s.DilationH + 1
	m.cols = (m.ow-1)*s.StrideW + (s.KW-1)*s.DilationW + 1
	m.h, m.w = min(s.H, m.rows-s.PadTop), min(s.W, m.cols-s.PadLeft)
	if m.oh < 1 || m.ow < 1 || m.h < 1 || m.w < 1 {
		return nil
	}
	m.perPass = max(1, min(planeChunk/(m.rows*m.cols), s.N*s.C))
	m.perChunk = m.perPass
	m.body = m.chunk
	if countH != nil {
		m.combine, m.padding = vec.Of[float32]().Add, 0
		for range m.perPass {
			for _, h := range countH {
				for _, w := range countW {
					m.counts = append(m.counts, h*w)
				}
			}
		}
	}
	if hasRows() && suitsRows(s) {
		m.inPlace = newRows(m)
		m.perChunk = max(1, poolChunk/(s.H*s.W))
	}
	return m
}

func (m *planePool) run(y, x []float32) {
	if m.arrays == nil {
		m.allocate()
	}
	m.poolRun = poolRun[float32]{y: y, x: x}
	m.pool.For(parallel.Chunks(m.spec.N*m.spec.C, m.perChunk), m.body)
	m.poolRun = poolRun[float32]{}
}

func (m *planePool) allocate() {
	m.arrays = make([][3][]float32, m.pool.Threads())
	for i := range m.arrays {
		for k := range m.arrays[i] {
			m.arrays[i][k] = make([]float32, m.perPass*m.rows*m.cols)
		}
		for k := range m.arrays[i][0] { // the padding stays
			m.arrays[i][0][k] = m.padding
		}
	}
}

func (m *planePool) chunk(worker, chunk int) {
	lo, hi := parallel.Range(chunk, m.perChunk, m.spec.N*m.spec.C)
	if m.inPlace != nil && m.inPlace.run(m.y, m.x, lo, hi) {
		return
	}
	for ; lo < hi; lo += m.perPass {
		m.pass(worker, lo, min(lo+m.perPass, hi))
	}
}

// pass computes the planes [lo, hi).
func (m *planePool) pass(worker, lo, hi int) {
	s, a := &m.spec, &m.arrays[worker]
	plane := m.rows * m.cols
	padded := a[0][:(hi-lo)*plane]
	if m.rows == s.H && m.cols == s.W && s.PadTop|s.PadLeft == 0 {
		padded = m.x[lo*plane : hi*plane]
	} else {
		for p := lo; p < hi; p++ {
			tile.CopyRows(&padded[(p-lo)*plane+s.PadTop*m.cols+s.PadLeft], &m.x[p*s.H*s.W], m.h, m.w, m.cols, s.W, 1)
		}
	}
	down := m.shifts(a[1], padded, s.KH, s.DilationH*m.cols)
	all := m.shifts(a[2], down, s.KW, s.DilationW)
	for p := lo; p < hi; p++ {
		tile.CopyRows(&m.y[p*m.oh*m.ow], &all[(p-lo)*plane], m.oh, m.ow, m.ow, s.StrideH*m.cols, s.StrideW)
	}
	if m.counts != nil {
		y := m.y[lo*m.oh*m.ow : hi*m.oh*m.ow]
		vec.Of[float32]().Div(y, y, m.counts[:len(y)])
	}
}

// shifts combines x[i], x[i+step], …, taps elements, to dst[i]; it returns x itself
// if there is one tap.
func (m *planePool) shifts(dst, x []float32, taps, step int) []float32 {
	if taps == 1 {
		return x
	}
	n := len(x) - (taps-1)*step
	dst = dst[:n]
	m.combine(dst, x[:n], x[step:])
	for k := 2; k < taps; k++ {
		m.combine(dst, dst, x[k*step:])
	}
	return dst
}
