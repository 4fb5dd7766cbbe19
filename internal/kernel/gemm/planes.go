package gemm

import (
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// planes makes B and C of planes: column n·plane+i of both is element i of image n
// of x [images,in,plane] and of y [images,out,plane]. So planes of few elements fill
// panels together.
type planes struct {
	images, in, out, plane int
	// Where there is a residual the activation follows it, and not the product.
	lo, hi float32
	clamps bool
}

// NewOfPlanes plans the product of A [out,in] with every image of planes. With a
// residual the activation of the spec, whose N is images·plane, is applied after it.
func NewOfPlanes(p *parallel.Pool, s Spec, images, plane int, residual bool) *Plan {
	c := &planes{images: images, in: s.K, out: s.M, plane: plane}
	s.N = images * plane
	if residual {
		c.lo, c.hi, c.clamps = s.Act.Bounds(s.Lo, s.Hi)
		s.Act = tile.ActNone
	}
	g := New(p, s)
	g.planes, g.spec.LDC = c, g.cols*tile.NR
	return g
}

// pack packs the panels [p0, p1) of the columns for k in [k0, k0+kc).
func (c *planes) pack(dst, x []float32, p0, p1, k0, kc int) {
	for p := p0; p < p1; p++ {
		c.packPanel(dst[(p-p0)*tile.NR*kc:][:tile.NR*kc], x, p*tile.NR, k0)
	}
}

// piece is n neighbouring columns of a panel, from column to on, which x has at from.
type piece struct{ from, to, n int }

func (c *planes) packPanel(dst, x []float32, col, k0 int) {
	var list [tile.NR]piece
	n, end := 0, min(col+tile.NR, c.images*c.plane)
	for q := col; q < end; n++ {
		i := q % c.plane
		list[n] = piece{(q/c.plane*c.in+k0)*c.plane + i, q - col, min(c.plane-i, end-q)}
		q += list[n].n
	}
	switch {
	case end < col+tile.NR:
		clear(dst)
	case c.plane == 4:
		c.packQuads(dst, x, (*[4]piece)(list[:4]))
		return
	}
	for k := 0; k < len(dst); k += tile.NR {
		for i := range list[:n] {
			p := &list[i]
			// Whole vectors are copied faster than a few elements. What they write
			// too much, the next piece or row corrects.
			to, from := dst[k+p.to:], x[p.from:]
			switch {
			case len(to) < tile.NR || len(from) < tile.NR:
				copy(to[:p.n], from)
			case p.n <= 4:
				*(*[4]float32)(to) = *(*[4]float32)(from)
			case p.n <= 8:
				*(*[8]float32)(to) = *(*[8]float32)(from)
			case p.n <= 12:
				*(*[12]float32)(to) = *(*[12]float32)(from)
			default:
				*(*[tile.NR]float32)(to) = *(*[tile.NR]float32)(from)
			}
			p.from += c.plane
		}
	}
}

// packQuads is packPanel for planes of four elements.
func (c *planes) packQuads(dst, x []float32, list *[4]piece) {
	for ; len(dst) > 0; dst = dst[tile.NR:] {
		row := (*[tile.NR]float32)(dst)
		for i := range list {
			*(*[4]float32)(row[4*i:]) = *(*[4]float32)(x[list[i].from:])
			list[i].from += 4
		}
	}
}

// place copies a block of the product, its rows [m0, m1) and columns [q0, q1), to
// their places in y, which is C. The block's rows are ld floats apart.
func (c *planes) place(r *run, block []float32, ld, m0, m1, q0, q1 int) {
	for q := q0; q < q1; {
		n := min(c.plane-q%c.plane, q1-q)
		to := (q/c.plane*c.out+m0)*c.plane + q%c.plane
		if r.residual != nil {
			c.addResidual(r, block[q-q0:], to, n, ld, m1-m0)
		} else {
			copyPieces(r.c[to:], block[q-q0:], n, c.plane, ld, m1-m0)
		}
		q += n
	}
}

// copyPieces copies rows pieces of n elements.
func copyPieces(dst, src []float32, n, dstLD, srcLD, rows int) {
	if n == 4 { // planes of 4 are the most frequent
		for r := range rows {
			*(*[4]float32)(dst[r*dstLD:]) = *(*[4]float32)(src[r*srcLD:])
		}
		return
	}
	for r := range rows {
		copy(dst[r*dstLD:][:n], src[r*srcLD:])
	}
}

// addResidual is copyPieces to y[to:] with what follows the product.
func (c *planes) addResidual(g *run, src []float32, to, n, ld, rows int) {
	lo, hi, clamps := c.lo, c.hi, c.clamps
	t := vec.Of[float32]()
	for r := range rows {
		at := to + r*c.plane
		dst, from, res := g.c[at:][:n], src[r*ld:][:n], g.residual[at:][:n]
		if n >= tile.VL {
			t.Add(dst, from, res)
			if clamps {
				t.Clip(dst, dst, lo, hi)
			}
			continue
		}
		for i, v := range from { // done before a vector's mask would be made
			v += res[i]
			if clamps && v < lo {
				v = lo
			}
			if clamps && v > hi {
				v = hi
			}
			dst[i] = v
		}
	}
}
