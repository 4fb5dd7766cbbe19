package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// matrix is a depthwise convolution of planes so small that the kernel, laid
// out as a matrix from all elements of a plane to all of the result, is one tile
// wide: for each channel the product of [images, plane] and [plane, plane of the
// result]. A chunk of the work is some channels of all images.
type matrix struct {
	spec    method.Spec
	pool    *parallel.Pool
	in, out int     // floats of a plane, read and written
	links   []int32 // pairs: place in a channel's matrix, tap that stands there
	per     int     // channels in a chunk

	packBody, chunkBody func(worker, chunk int)
	matrixRun
}

// matrixRun is the run in progress.
type matrixRun struct {
	method.Operands
	biasOfColumns []float32 // a channel's bias 16 times over, for each worker
}

// Most floats of a plane for matrix, read and written.
const (
	matrixIn  = 36
	matrixOut = tile.NR
)

// suitsMatrix reports whether matrix is the method for s.
func suitsMatrix(s method.Spec) bool {
	return Is(s) && s.H*s.W <= matrixIn && s.OutH()*s.OutW() <= matrixOut && s.N > 0
}

// newMatrix makes the forward pass of s or, flipped, its data gradient, which
// is the product with the transposed matrix.
func newMatrix(p *parallel.Pool, s method.Spec, flipped bool) *matrix {
	d := &matrix{spec: s, pool: p, in: s.H * s.W, out: s.OutH() * s.OutW()}
	if flipped {
		d.in, d.out = d.out, d.in
	}
	for o := range s.OutH() * s.OutW() {
		for k := range s.KH * s.KW {
			h := o/s.OutW()*s.StrideH - s.PadTop + k/s.KW*s.DilationH
			w := o%s.OutW()*s.StrideW - s.PadLeft + k%s.KW*s.DilationW
			if h < 0 || h >= s.H || w < 0 || w >= s.W {
				continue
			}
			from, to := h*s.W+w, o
			if flipped {
				from, to = to, from
			}
			d.links = append(d.links, int32(from*tile.NR+to), int32(k))
		}
	}
	d.per, _ = parallel.Evenly(s.C, p.Want())
	d.packBody, d.chunkBody = d.packChannels, d.chunk
	return d
}

func (d *matrix) Name() string { return "depthwise-matrix" }

func (d *matrix) matrixLen() int { return d.in * tile.NR }

func (d *matrix) PackedLen() int { return d.spec.C * d.matrixLen() }

func (d *matrix) Pack(packed, w []float32) {
	d.Operands = method.Operands{Packed: packed, W: w}
	d.pool.For(parallel.Chunks(d.spec.C, d.per), d.packBody)
	d.Operands = method.Operands{}
}

func (d *matrix) packChannels(_, chunk int) {
	taps := d.spec.KH * d.spec.KW
	lo, hi := parallel.Range(chunk, d.per, d.spec.C)
	for c := lo; c < hi; c++ {
		m, w := d.Packed[c*d.matrixLen():][:d.matrixLen()], d.W[c*taps:][:taps]
		clear(m)
		for i := 0; i < len(d.links); i += 2 {
			m[d.links[i]] += w[d.links[i+1]]
		}
	}
}

func (d *matrix) Scratch() int { return d.pool.Threads() * tile.NR }

func (d *matrix) Run(o method.Operands, scratch []float32) {
	d.matrixRun = matrixRun{o, scratch}
	d.pool.For(parallel.Chunks(d.spec.C, d.per), d.chunkBody)
	d.matrixRun = matrixRun{}
}

func (d *matrix) chunk(worker, chunk int) {
	s := &d.spec
	lo, hi := parallel.Range(chunk, d.per, s.C)
	bias, second := d.biasOfColumns[worker*tile.NR:][:tile.NR], min(tile.VL, d.out-1) // no pointer past the end
	t := ref.Tile{K: d.in, LDC: s.C * d.out, N0: min(d.out, tile.VL), N1: max(d.out-tile.VL, 0)}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	for c := lo; c < hi; c++ {
		t.A, t.RowA, t.StepA = tile.At(d.X, c*d.in), s.C*d.in, 1
		t.B0 = tile.At(d.Packed, c*d.matrixLen())
		t.C0, t.C1 = tile.At(d.Y, c*d.out), tile.At(d.Y, c*d.out+second)
		if s.Bias {
			for i := range bias {
				bias[i] = d.Bias[c]
			}
			t.Bias0, t.Bias1 = tile.At(bias, 0), tile.At(bias, tile.VL)
		}
		if s.Residual {
			t.Res0, t.Res1 = tile.At(d.Residual, c*d.out), tile.At(d.Residual, c*d.out+second)
		}
		tile.Run(tile.Strided, &t, s.N)
	}
}
