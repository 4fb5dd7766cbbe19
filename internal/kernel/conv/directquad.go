package conv

import (
	"slices"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// quadDepth is the most rows of B with which tiles of four vectors are used: what they read of
// a copy stays in the first-level cache.
const quadDepth = 192

// suitsQuads reports whether the products can be of tiles of four vectors of 16 columns, and
// are with them about as full as with vectors of 8.
func (d *direct) suitsQuads() bool {
	if !tile.HasQuads() || d.placesLater || len(d.phases[0].Off) > min(d.blockK, quadDepth) {
		return false
	}
	narrow := len(d.p.Vectors(d.p.Band, d.p.Images, tile.VL))
	return 16*tile.NR*len(d.vectorsOf(d.p.Band, d.p.Images)) <= 17*tile.VL*narrow
}

// vectors lists the columns of a band.
func (d *direct) vectors(rows, images int) []ref.Vector {
	if d.quads {
		return d.vectorsOf(rows, images)
	}
	return d.p.Vectors(rows, images, tile.VL)
}

// vectorsOf lists the columns of a band in fours of vectors of 16; what fills the last four up
// stores nothing.
func (d *direct) vectorsOf(rows, images int) []ref.Vector {
	list := d.p.Vectors(rows, images, tile.NR)
	for len(list)%(ref.QuadNR/tile.NR) > 0 {
		none := list[len(list)-1]
		none.N = 0
		list = append(list, none)
	}
	return list
}

// inputOf is one of some equal parts of the rows that a job copies of a plane, i of its images and
// channels together.
func (d *direct) inputOf(j *job, i, part, parts int) []float32 {
	rows, width := &d.p.Rows, d.p.InW
	first := min(max(slices.Min(rows.First)+j.r0*rows.Stride, 0), d.p.InH)
	end := max(min(slices.Max(rows.First)+(j.r1-1+rows.Reach)*rows.Stride+1, d.p.InH), first)
	lo, hi := parallel.Range(part, parallel.Chunks((end-first)*width, parts), (end-first)*width)
	plane := ((j.n0+i/d.inC)*d.spec.Group+j.g)*d.inC + i%d.inC
	return d.X[plane*d.p.InH*width+first*width:][min(lo, hi):hi]
}

// sweepQuads is sweep of the one phase by tiles of four vectors, of results of job i that begin at
// Y[base]. What the next job copies is fetched meanwhile.
func (d *direct) sweepQuads(i int, j *job, xs []float32, base int) {
	s := &d.spec
	var next job
	if !d.sharesCopies {
		d.fill(xs, j, 0, d.inC)
		if i+1 < d.inputs() {
			next = d.job(i + 1)
		}
	}
	const four = ref.QuadNR / tile.NR
	m := j.p0 * tile.MR
	rows := min(j.p1*tile.MR, d.outC) - m
	off := d.phases[0].Off
	q := ref.Quad{K: len(off), Off: &off[0], LDC: d.outPlane, NextStep: 4 * d.outPlane,
		A: tile.At(d.Packed, j.g*d.groupWeights()+m*len(off)), B: &xs[0]}
	base += m * d.outPlane
	q.C = tile.At(d.Y, base)
	q.Lo, q.Hi, q.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		q.Bias = tile.At(d.Bias, j.g*d.outC+m)
	}
	if s.Residual {
		q.Residual = tile.At(d.Residual, base)
	}
	for v := 0; v < len(j.cols); v += four {
		q.Cols, q.NextRows = &j.cols[v], 0
		if v+four < len(j.cols) {
			q.Next, q.NextRows = tile.At(d.Y, base+int(j.cols[v+four].Dst)), rows
		}
		for c := range (next.n1 - next.n0) * d.inC {
			tile.Fetch(d.inputOf(&next, c, v/four, len(j.cols)/four))
		}
		tile.RunQuad(&q, rows)
	}
}
