package quant

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// ConvSpec is the shape of a convolution; its fields for floats do not count.
type ConvSpec = ref.ConvSpec

// mostTiles is how many tiles of columns a chunk computes before it rounds them.
const mostTiles = 16

// Conv is a plan for a convolution of x [N,C,H,W] with constant weights
// [M,C/Group,KH,KW].
type Conv struct {
	spec   ConvSpec
	pool   *parallel.Pool
	signed bool // x
	copy   copier
	result *Result // nil: the sums are the result

	packed  []uint8 // weights [group][panel][step][8][4]
	offsets []int   // of each step in the copy
	sums    []int32 // of the weights of each channel
	zeros   []int32 // of each channel
	skew    int     // rows in front of a group's channels: 1, the sum of the input, if a zero point is not 0

	channels      int // of a group of the result
	panels, tiles int // of a group
	np, nt        int // panels and tiles of a chunk
	bias          []int32
	workers       []convWorker
	packBody      func(worker, chunk int)
	chunkBody     func(worker, chunk int)
	run           convRun
}

type convWorker struct {
	tile  ref.ByteTile
	block []int32 // [8][nt·32]
	total []int32 // sums of the input at each column
	bytes []uint8
	lines []uint8 // of the input
	_     [64]byte
}

type convRun struct {
	y    []uint8
	sums []int32
	x    []uint8
	copy []uint8
}

// NewConv plans a convolution; result is nil where the sums are wanted as they are. It
// copies the weights.
func NewConv(p *parallel.Pool, s ConvSpec, signed bool, w Weights, result *Result) *Conv {
	check.Len("weights", w.W, s.M*(s.C/s.Group)*s.KH*s.KW)
	c := &Conv{spec: s, pool: p, signed: signed, copy: newCopier(s), result: result}
	c.channels = s.M / s.Group
	if w.skewed(s.M) {
		c.skew = 1
	}
	c.panels = parallel.Chunks(c.channels+c.skew, rows)
	c.tiles = parallel.Chunks(c.copy.positions(), cols)
	c.np, c.nt = cut(p, c.panels, c.tiles, s.N*s.Group, mostTiles, c.skew > 0)
	c.offsets = c.copy.steps()
	c.pack(w)
	c.bias = make([]int32, s.M)
	c.workers = make([]convWorker, p.Threads())
	totals, bytes := parallel.Apart[int32](p, c.nt*cols), parallel.Apart[uint8](p, c.nt*cols)
	for i := range c.workers {
		c.workers[i].block = make([]int32, rows*c.nt*cols)
		c.workers[i].total, c.workers[i].bytes = totals[i], bytes[i]
		c.workers[i].lines = make([]uint8, step*c.copy.lineLen())
	}
	c.packBody, c.chunkBody = c.packInput, c.chunk
	return c
}

// PackedLen is the number of bytes of the copy of the weights that a plan makes.
func PackedLen(s ConvSpec) int {
	panels := parallel.Chunks(s.M/s.Group+1, rows)
	return s.Group * panels * rows * step * parallel.Chunks(s.C/s.Group, step) * s.KH * s.KW
}

// pack copies the weights into panels.
func (c *Conv) pack(w Weights) {
	s := c.spec
	in, taps := s.C/s.Group, s.KH*s.KW
	size := rows * step * len(c.offsets)
	c.packed = make([]uint8, s.Group*c.panels*size)
	c.sums, c.zeros = make([]int32, s.M), make([]int32, s.M)
	at := func(g, row, ch, tap int) *uint8 {
		return &c.packed[(g*c.panels+row/rows)*size+((ch/step*taps+tap)*rows+row%rows)*step+ch%step]
	}
	for m := range s.M {
		g, row := m/c.channels, m%c.channels+c.skew
		for i := range in * taps {
			v := w.at(m*in*taps + i)
			*at(g, row, i/taps, i%taps) = uint8(v)
			c.sums[m] += int32(v)
		}
		c.zeros[m] = w.zero(m)
	}
	for g := range s.Group * c.skew {
		for i := range in * taps {
			*at(g, 0, i/taps, i%taps) = 1
		}
	}
}

// Scratch is the number of float32s of workspace that a run wants.
func (c *Conv) Scratch() int { return (c.copy.size() + 4*cols + 3) / 4 }

// Run computes y of bytes, of an input whose zero point is zero.
func (c *Conv) Run(y, x []uint8, zero int32, scratch []float32) {
	check.Len("y", y, c.outputs())
	c.compute(convRun{y: y, x: x}, zero, scratch)
}

// RunSums computes the sums.
func (c *Conv) RunSums(y []int32, x []uint8, zero int32, scratch []float32) {
	check.Len("y", y, c.outputs())
	c.compute(convRun{sums: y, x: x}, zero, scratch)
}

func (c *Conv) outputs() int {
	_, _, y := c.spec.Lengths()
	return y
}

func (c *Conv) compute(r convRun, zero int32, scratch []float32) {
	s := c.spec
	check.Len("x", r.x, s.N*s.C*s.H*s.W)
	check.Len("scratch", scratch, c.Scratch())
	r.copy = bytesOf(scratch)
	c.run = r
	zero += int32(flip(c.signed))
	c.copy.fill, c.copy.flip = uint8(zero), flip(c.signed)
	c.pool.For(c.copy.planes(), c.packBody)
	k := int32(s.C / s.Group * s.KH * s.KW)
	for m := range c.bias {
		var bias []int32
		if c.result != nil {
			bias = c.result.Bias
		}
		c.bias[m] = correction(bias, m, c.sums[m], k, zero, c.zeros[m])
	}
	c.pool.For(s.N*s.Group*parallel.Chunks(c.panels, c.np)*parallel.Chunks(c.tiles, c.nt), c.chunkBody)
	c.run = convRun{}
}

func (c *Conv) packInput(worker, plane int) {
	c.copy.plane(c.run.copy, c.run.x, plane, c.workers[worker].lines)
}

// chunk computes some panels of a group at some tiles of an image.
func (c *Conv) chunk(worker, chunk int) {
	nt, np := parallel.Chunks(c.tiles, c.nt), parallel.Chunks(c.panels, c.np)
	item := chunk / (nt * np)
	t0, t1 := parallel.Range(chunk%nt, c.nt, c.tiles)
	p0, p1 := parallel.Range(chunk/nt%np, c.np, c.panels)
	w := &c.workers[worker]
	w.tile.LDC, w.tile.Steps, w.tile.Offsets = c.nt*cols, len(c.offsets), &c.offsets[0]
	in := item * c.copy.item()
	for p := p0; p < p1; p++ {
		w.tile.A = &c.packed[(item%c.spec.Group*c.panels+p)*rows*step*len(c.offsets)]
		for t := t0; t < t1; t++ {
			w.tile.C, w.tile.B = &w.block[(t-t0)*cols], &c.run.copy[in+t*cols*step]
			tileS8U8(&w.tile)
		}
		for i := range rows {
			c.finish(w, item, p*rows+i-c.skew, w.block[i*c.nt*cols:][:(t1-t0)*cols], t0*cols)
		}
	}
}

// finish stores the sums of a row of a group, which begin at a position.
func (c *Conv) finish(w *convWorker, item, row int, sums []int32, at int) {
	if row < 0 {
		copy(w.total, sums)
		return
	}
	if row >= c.channels {
		return
	}
	m := item%c.spec.Group*c.channels + row
	if z := c.zeros[m]; z != 0 {
		for j, total := range w.total[:len(sums)] {
			sums[j] -= z * total
		}
	}
	plane := c.copy.outH * c.copy.outW
	first := (item/c.spec.Group*c.spec.M + m) * plane
	if c.result == nil {
		dst := c.run.sums[first:][:plane]
		c.copy.rows(at, at+len(sums), func(to, from, n int) {
			for j, v := range sums[from:][:n] {
				dst[to+j] = v + c.bias[m]
			}
		})
		return
	}
	lo, hi := c.result.Grid.bounds()
	out := w.bytes[:len(sums)]
	requantize(out, sums, c.bias[m], c.result.Scale[m], lo, hi, c.result.Grid.Zero)
	dst := c.run.y[first:][:plane]
	c.copy.rows(at, at+len(sums), func(to, from, n int) { copy(dst[to:to+n], out[from:]) })
}
