package winograd

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
)

// product is that of the tiles of a block and the weights of the panels [q0, q1):
// products[element][tile][panel][16] = V·U for each element.
type product struct {
	*Conv
	v, products []float32
	u           changed
	raw         rawWeights // of the pass that follows, where weights change late
	next        []ref.Piece
	tiles       int
	q0, q1      int
	written     spans // after the product, fetched meanwhile
}

// byElements multiplies by weights that were changed before.
func (p *product) byElements() {
	for e := range p.elements() {
		for k0 := 0; k0 < p.spec.C; k0 += p.depth {
			p.pass(e, k0)
		}
	}
}

// byPasses changes the weights of a pass for all elements, and multiplies by them while they
// are in the second-level cache. Panels up to end follow.
func (p *product) byPasses(turned []float32, end int) {
	for k0 := 0; k0 < p.spec.C; k0 += p.depth {
		k1 := min(k0+p.depth, p.spec.C)
		p.u.q0, p.u.k0 = p.q0, k0
		for q := p.q0; q < p.q1; q++ {
			p.changeWeights(&p.u, turned, q, k0, k1)
		}
		if p.raw = p.rawWeights(p.q0, p.q1, k1); k1 == p.spec.C {
			p.raw = p.rawWeights(p.q1, min(p.q1+p.inBlock, end), 0)
		}
		for e := range p.elements() {
			p.pass(e, k0)
		}
	}
}

// pass multiplies by the weights of an element from channel k0 on.
func (p *product) pass(e, k0 int) {
	t, u := ref.Tile{RowA: p.ld, StepA: 1, LDC: p.inBlock * tile.NR, N0: tile.VL, N1: tile.VL}, ref.Tile{}
	t.K, t.Accumulate = min(p.depth, p.spec.C-k0), k0 > 0
	t.Fetch = &p.next[0]
	for q := p.q0; q < p.q1; q += 2 {
		t.A = tile.At(p.v, e*p.pitch+p.at(k0))
		p.aim(&t, e, k0, q)
		t.Fetches = p.fetch(e, k0, q)
		var second *ref.Tile
		if q+1 < p.q1 {
			u, second = t, &u
			p.aim(&u, e, k0, q+1)
		}
		tile.RunPair(tile.Strided, &t, second, p.tiles)
	}
}

// aim sets t to the weights of panel q, from channel k0 on, and to its products.
func (p *product) aim(t *ref.Tile, e, k0, q int) {
	t.B0 = tile.At(p.u.floats, p.u.at(p.elements(), q, e, k0))
	c := e*p.outPitch + (q-p.q0)*tile.NR
	t.C0, t.C1 = tile.At(p.products, c), tile.At(p.products, c+tile.VL)
}

// fetch lists what is read and written after the product of panel q and the next, to be fetched while they
// multiply, and returns how many pieces it is.
func (p *product) fetch(e, k0, q int) int {
	if !p.fetches {
		return 0
	}
	pieces := p.next[:0]
	if p.late {
		pieces = p.raw.list(pieces, e, p.elements())
	} else {
		pieces = p.weightsAfter(pieces, e, k0, q)
	}
	if q > p.q0 {
		return len(pieces)
	}
	if k0+p.depth >= p.spec.C {
		pieces = p.written.list(pieces, e, p.elements())
	}
	e, k0 = p.following(e, k0)
	return len(append(pieces, ref.PieceOf(tile.At(p.v, e*p.pitch+p.at(k0)), p.tiles*p.ld)))
}

// following returns the element and the first channel of the pass that follows, the first one after the last.
func (p *product) following(e, k0 int) (nextE, nextK int) {
	k1 := k0 + p.depth
	switch last := e+1 == p.elements(); {
	case p.late && !last:
		return e + 1, k0
	case k1 < p.spec.C && p.late:
		return 0, k1
	case k1 < p.spec.C:
		return e, k1
	case !last:
		return e + 1, 0
	}
	return 0, 0
}

// weightsAfter adds the weights that multiply after those of panel q and the next, changed before, to the pieces.
func (p *product) weightsAfter(pieces []ref.Piece, e, k0, q int) []ref.Piece {
	ahead := p.ahead(e, k0)
	for end := min(q+2, p.q1); q < end; q++ {
		if at := p.u.at(p.elements(), q, e, k0) + ahead; at < len(p.u.floats) {
			pieces = append(pieces, ref.PieceOf(&p.u.floats[at], min(p.depth, p.spec.C-k0)*tile.NR))
		}
	}
	return pieces
}

// ahead is how many floats after the weights of a pass those of the next pass over the same
// panels begin, or where there is none those of the next panels.
func (p *product) ahead(e, k0 int) int {
	switch {
	case k0+p.depth < p.spec.C:
		return p.depth * tile.NR
	case e+1 < p.elements():
		return p.weightPitch - k0*tile.NR
	}
	return (p.inBlock*p.elements()-e)*p.weightPitch - k0*tile.NR
}
