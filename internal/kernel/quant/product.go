package quant

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// ProductSpec is the shape of y [M,N] = x [M,K]·w, where w is [K,N], or [N,K] where it is
// transposed.
type ProductSpec struct {
	M, N, K int
	TransW  bool
	Signed  bool // x
}

// Product is a plan for a product with constant weights.
type Product struct {
	spec   ProductSpec
	pool   *parallel.Pool
	result *Result // nil: the sums are the result

	packed  []uint8 // weights [tile][step][32][4]
	offsets []int
	sums    []int32 // of the weights of each column
	zeros   []int32 // of each column
	skewed  bool    // a zero point is not 0

	panels, tiles, np, nt int // of rows and of columns, in all and of a chunk
	bias                  []int32
	scale                 []float32
	workers               []productWorker
	packBody, chunkBody   func(worker, chunk int)
	run                   productRun
}

type productWorker struct {
	tile  ref.ByteTile
	block []int32 // [8][nt·32]
	bytes []uint8
	_     [64]byte
}

type productRun struct {
	y      []uint8
	sums   []int32
	x      []uint8
	packed []uint8 // x [panel][step][8][4]
	total  []int32 // of the rows of x
}

// NewProduct plans a product; result is nil where the sums are wanted as they are. It
// copies the weights.
func NewProduct(p *parallel.Pool, s ProductSpec, w Weights, result *Result) *Product {
	check.Len("weights", w.W, s.K*s.N)
	c := &Product{spec: s, pool: p, result: result, skewed: w.skewed(s.N)}
	c.panels, c.tiles = parallel.Chunks(s.M, rows), parallel.Chunks(s.N, cols)
	c.np, c.nt = cut(p, min(c.panels, 8), c.tiles, parallel.Chunks(c.panels, 8), mostTiles, false)
	steps := parallel.Chunks(s.K, step)
	for i := range steps {
		c.offsets = append(c.offsets, i*cols*step)
	}
	c.packed = make([]uint8, c.tiles*steps*cols*step)
	padded := c.tiles * cols
	c.sums, c.zeros, c.bias, c.scale = make([]int32, padded), make([]int32, padded), make([]int32, padded),
		make([]float32, padded)
	rowW, colW := s.N, 1
	if s.TransW {
		rowW, colW = 1, s.K
	}
	for j := range s.N {
		to := c.packed[(j/cols*steps*cols+j%cols)*step:]
		for k := range s.K {
			v := w.at(k*rowW + j*colW)
			to[k/step*cols*step+k%step] = uint8(v)
			c.sums[j] += int32(v)
		}
		c.zeros[j] = w.zero(j)
	}
	if result != nil {
		copy(c.scale, result.Scale)
	}
	c.workers = make([]productWorker, p.Threads())
	bytes := parallel.Apart[uint8](p, c.nt*cols)
	for i := range c.workers {
		c.workers[i].block = make([]int32, rows*c.nt*cols)
		c.workers[i].bytes = bytes[i]
	}
	c.packBody, c.chunkBody = c.packInput, c.chunk
	return c
}

// ProductLen is the number of bytes of the copy of the weights that a plan makes.
func ProductLen(s ProductSpec) int {
	return parallel.Chunks(s.N, cols) * cols * parallel.Chunks(s.K, step) * step
}

// Scratch is the number of float32s of workspace that a run wants.
func (c *Product) Scratch() int { return c.panels*rows*len(c.offsets) + c.panels*rows }

// Run computes y of bytes, of an input whose zero point is zero.
func (c *Product) Run(y, x []uint8, zero int32, scratch []float32) {
	check.Len("y", y, c.spec.M*c.spec.N)
	c.compute(productRun{y: y, x: x}, zero, scratch)
}

// RunSums computes the sums.
func (c *Product) RunSums(y []int32, x []uint8, zero int32, scratch []float32) {
	check.Len("y", y, c.spec.M*c.spec.N)
	c.compute(productRun{sums: y, x: x}, zero, scratch)
}

func (c *Product) compute(r productRun, zero int32, scratch []float32) {
	s := c.spec
	check.Len("x", r.x, s.M*s.K)
	check.Len("scratch", scratch, c.Scratch())
	n := c.panels * rows * len(c.offsets)
	r.packed, r.total = bytesOf(scratch[:n]), int32sOf(scratch[n:])
	c.run = r
	zero += int32(flip(s.Signed))
	for j := range s.N {
		var bias []int32
		if c.result != nil {
			bias = c.result.Bias
		}
		c.bias[j] = correction(bias, j, c.sums[j], int32(s.K), zero, c.zeros[j])
	}
	c.pool.For(c.panels, c.packBody)
	c.pool.For(parallel.Chunks(c.panels, c.np)*parallel.Chunks(c.tiles, c.nt), c.chunkBody)
	c.run = productRun{}
}

// packInput copies the rows of a panel, those after the last being 0.
func (c *Product) packInput(_, panel int) {
	k, f := c.spec.K, flip(c.spec.Signed)
	to := c.run.packed[panel*rows*step*len(c.offsets):][:rows*step*len(c.offsets)]
	if k%step != 0 || (panel+1)*rows > c.spec.M {
		clear(to)
	}
	for i := range min(rows, c.spec.M-panel*rows) {
		x := c.run.x[(panel*rows+i)*k:][:k]
		for s := range k / step {
			o, v := to[(s*rows+i)*step:][:step], x[s*step:][:step]
			o[0], o[1], o[2], o[3] = v[0]^f, v[1]^f, v[2]^f, v[3]^f
		}
		for j := k &^ (step - 1); j < k; j++ {
			to[(j/step*rows+i)*step+j%step] = x[j] ^ f
		}
		if c.skewed {
			total := int32(0)
			for _, v := range x {
				total += int32(v ^ f)
			}
			c.run.total[panel*rows+i] = total
		}
	}
}

// chunk computes some panels of rows at some tiles of columns.
func (c *Product) chunk(worker, chunk int) {
	nt := parallel.Chunks(c.tiles, c.nt)
	t0, t1 := parallel.Range(chunk%nt, c.nt, c.tiles)
	p0, p1 := parallel.Range(chunk/nt, c.np, c.panels)
	w := &c.workers[worker]
	size := step * len(c.offsets)
	w.tile.LDC, w.tile.Steps, w.tile.Offsets = c.nt*cols, len(c.offsets), &c.offsets[0]
	for p := p0; p < p1; p++ {
		w.tile.A = &c.run.packed[p*rows*size]
		for t := t0; t < t1; t++ {
			w.tile.C, w.tile.B = &w.block[(t-t0)*cols], &c.packed[t*cols*size]
			tileU8S8(&w.tile)
		}
		for i := range min(rows, c.spec.M-p*rows) {
			c.finish(w, p*rows+i, w.block[i*c.nt*cols:][:(t1-t0)*cols], t0*cols)
		}
	}
}

// finish stores the sums of a row, which begin at a column.
func (c *Product) finish(w *productWorker, row int, sums []int32, at int) {
	if c.skewed {
		total := c.run.total[row]
		for j, z := range c.zeros[at:][:len(sums)] {
			sums[j] -= z * total
		}
	}
	n := min(len(sums), c.spec.N-at)
	first := row*c.spec.N + at
	if c.result == nil {
		bias := c.bias[at:][:n]
		for j, v := range sums[:n] {
			c.run.sums[first+j] = v + bias[j]
		}
		return
	}
	lo, hi := c.result.Grid.bounds()
	out := w.bytes[:len(sums)]
	requantizeColumns(out, sums, c.bias[at:], c.scale[at:], lo, hi, c.result.Grid.Zero)
	copy(c.run.y[first:first+n], out)
}
