package winograd

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

const taps = 9 // of a window

// changed holds weights of another basis, U[panel][element][C][16], from a panel and a channel on.
type changed struct {
	floats []float32
	q0, k0 int
	pitch  int // between elements
}

// at is where the weights of panel q for one of the elements begin, from channel k on.
func (u *changed) at(elements, q, e, k int) int {
	return ((q-u.q0)*elements+e)*u.pitch + (k-u.k0)*tile.NR
}

// PackedLen is 0 where weights change as they are multiplied.
func (w *Conv) PackedLen() int {
	if w.late {
		return 0
	}
	return w.panels * w.elements() * w.weightPitch
}

// lateLen is the length of the weights that change at a time.
func (w *Conv) lateLen() int { return w.inBlock * w.elements() * w.weightPitch }

// Pack changes the basis of the weights, unless that is for later.
func (w *Conv) Pack(packed, weights []float32) {
	if w.late {
		return
	}
	w.Operands = method.Operands{Packed: packed, W: weights}
	w.pool.For(w.panels*parallel.Chunks(w.spec.C, packChannels), w.packBody)
	w.Operands = method.Operands{}
}

func (w *Conv) packPart(worker, i int) {
	parts := parallel.Chunks(w.spec.C, packChannels)
	k0, k1 := parallel.Range(i%parts, packChannels, w.spec.C)
	w.changeWeights(&changed{w.Packed, 0, 0, w.weightPitch}, w.turned[worker], i/parts, k0, k1)
}

// changeWeights changes the basis of the weights of panel q and of the channels [k0, k1).
// turned is workspace.
func (w *Conv) changeWeights(u *changed, turned []float32, q, k0, k1 int) {
	first, row, col := w.taps.numbered(3, 3*tile.NR, tile.NR)
	t := ref.Tiles{SrcRow: row, SrcCol: col, SrcTile: taps * tile.NR,
		DstRow: w.form.Size() * u.pitch, DstCol: u.pitch, DstTile: tile.NR}
	for ; k0 < k1; k0 += packChannels {
		t.N = min(packChannels, k1-k0)
		w.turn(turned, q, k0, t.N)
		t.Src, t.Dst = &turned[first], tile.At(u.floats, u.at(w.elements(), q, 0, k0))
		w.weight.apply(&t)
	}
}

// turn copies the weights of panel q for n channels from k0 on, [channel][tap][16].
func (w *Conv) turn(turned []float32, q, k0, n int) {
	if !w.transposed {
		rows := tile.Side{N: w.spec.M, Width: tile.NR, LD: w.spec.C * taps, KInner: true}
		rows.Pack(turned, w.W, q, q+1, k0*taps, n*taps)
		return
	}
	rows := tile.Side{N: w.spec.M, Width: tile.NR, LD: taps, KInner: true} // of weights [C][M][3][3]
	for c := range n {
		rows.Pack(turned[c*taps*tile.NR:], w.W[(k0+c)*w.spec.M*taps:], q, q+1, 0, taps)
	}
}

// rawWeights are n pieces of the weights before they change, step floats apart.
type rawWeights struct {
	w               []float32
	n, length, step int
}

// rawWeights are those of the panels [q0, q1), from channel k0 on, of a pass.
func (w *Conv) rawWeights(q0, q1, k0 int) rawWeights {
	m0, m1, k1 := q0*tile.NR, min(q1*tile.NR, w.spec.M), min(k0+w.depth, w.spec.C)
	switch {
	case m0 >= m1 || k0 >= k1:
		return rawWeights{}
	case w.transposed:
		return rawWeights{w.W[(k0*w.spec.M+m0)*taps:], k1 - k0, (m1 - m0) * taps, w.spec.M * taps}
	}
	return rawWeights{w.W[(m0*w.spec.C+k0)*taps:], m1 - m0, (k1 - k0) * taps, w.spec.C * taps}
}

// list adds the i-th of so many parts of the weights to the pieces that are fetched.
func (r *rawWeights) list(pieces []ref.Piece, i, parts int) []ref.Piece {
	for j := i * r.n / parts; j < (i+1)*r.n/parts; j++ {
		pieces = append(pieces, ref.PieceOf(&r.w[j*r.step], r.length))
	}
	return pieces
}
