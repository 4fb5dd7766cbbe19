package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// depthPlane is a depthwise convolution of planes so small that the kernel, laid
// out as a matrix from all elements of a plane to all of the result, is one tile
// wide: for each channel the product of [images, plane] and [plane, plane of the
// result]. A chunk of the work is some channels of all images.
type depthPlane struct {
	spec    ConvSpec
	pool    *parallel.Pool
	in, out int     // floats of a plane, read and written
	links   []int32 // pairs: place in a channel's matrix, tap that stands there
	per     int     // channels in a chunk

	packBody, chunkBody           func(worker, chunk int)
	y, x, w, packed               []float32
	bias, residual, biasOfColumns []float32
}

// Most floats of a plane for depthPlane, read and written.
const (
	depthPlaneIn  = 36
	depthPlaneOut = nr
)

// suitsDepthPlane reports whether depthPlane is the method for s.
func suitsDepthPlane(s ConvSpec) bool {
	return isDepthwise(s) && s.H*s.W <= depthPlaneIn && s.OutH()*s.OutW() <= depthPlaneOut && s.N > 0
}

// newDepthPlane makes the forward pass of s or, flipped, its data gradient, which
// is the product with the transposed matrix.
func newDepthPlane(p *parallel.Pool, s ConvSpec, flipped bool) *depthPlane {
	d := &depthPlane{spec: s, pool: p, in: s.H * s.W, out: s.OutH() * s.OutW()}
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
			d.links = append(d.links, int32(from*nr+to), int32(k))
		}
	}
	d.per, _ = parallel.Evenly(s.C, p.Want())
	d.packBody, d.chunkBody = d.packChannels, d.chunk
	return d
}

func (d *depthPlane) name() string { return "depthwise-matrix" }

func (d *depthPlane) matrix() int { return d.in * nr }

func (d *depthPlane) packedLen() int { return d.spec.C * d.matrix() }

func (d *depthPlane) pack(packed, w []float32) {
	d.packed, d.w = packed, w
	d.pool.For(parallel.Chunks(d.spec.C, d.per), d.packBody)
	d.packed, d.w = nil, nil
}

func (d *depthPlane) packChannels(_, chunk int) {
	taps := d.spec.KH * d.spec.KW
	lo, hi := parallel.Range(chunk, d.per, d.spec.C)
	for c := lo; c < hi; c++ {
		m, w := d.packed[c*d.matrix():][:d.matrix()], d.w[c*taps:][:taps]
		clear(m)
		for i := 0; i < len(d.links); i += 2 {
			m[d.links[i]] += w[d.links[i+1]]
		}
	}
}

func (d *depthPlane) scratch() int { return d.pool.Threads() * nr }

func (d *depthPlane) run(y, x, packed, bias, residual, scratch []float32) {
	d.y, d.x, d.packed, d.bias, d.residual, d.biasOfColumns = y, x, packed, bias, residual, scratch
	d.pool.For(parallel.Chunks(d.spec.C, d.per), d.chunkBody)
	d.y, d.x, d.packed, d.bias, d.residual, d.biasOfColumns = nil, nil, nil, nil, nil, nil
}

func (d *depthPlane) chunk(worker, chunk int) {
	s := &d.spec
	lo, hi := parallel.Range(chunk, d.per, s.C)
	bias, second := d.biasOfColumns[worker*nr:][:nr], min(vl, d.out-1) // no pointer past the end
	t := ref.Tile{K: d.in, LDC: s.C * d.out, N0: min(d.out, vl), N1: max(d.out-vl, 0)}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	for c := lo; c < hi; c++ {
		t.A, t.RowA, t.StepA = at(d.x, c*d.in), s.C*d.in, 1
		t.B0 = at(d.packed, c*d.matrix())
		t.C0, t.C1 = at(d.y, c*d.out), at(d.y, c*d.out+second)
		if s.Bias {
			for i := range bias {
				bias[i] = d.bias[c]
			}
			t.Bias0, t.Bias1 = at(bias, 0), at(bias, vl)
		}
		if s.Residual {
			t.Res0, t.Res1 = at(d.residual, c*d.out), at(d.residual, c*d.out+second)
		}
		runTile(stridedTile, &t, s.N)
	}
}

// depthOfPlanes is the plan of a depthwise pass that suits depthPlane.
func depthOfPlanes(p *parallel.Pool, s ConvSpec, flipped bool) convAlgo {
	d := newDepthPlane(p, s, flipped)
	if suitsDepthLanes(d.in) {
		if l := newDepthLanes(d, flipped); len(l.taps) > 0 {
			return l
		}
	}
	return d
}
