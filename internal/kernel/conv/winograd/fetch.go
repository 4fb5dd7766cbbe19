package winograd

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// pieces bounds how many are fetched during a product: of weights, of V and of the output.
func (w *Conv) pieces() int {
	weights := max(2, parallel.Chunks(max(stepPanels*tile.NR, w.depth), w.elements()))
	return weights + 1 + parallel.Chunks(max(w.images, w.inBlock*tile.NR), w.elements()) + 1
}

// spans are pieces of memory of n floats, pitch floats apart.
type spans struct {
	x               []float32
	count, n, pitch int
}

// list adds a part of so many to the pieces that are fetched.
func (s *spans) list(pieces []ref.Piece, part, parts int) []ref.Piece {
	total := s.count * s.n
	for at, end := part*total/parts, (part+1)*total/parts; at < end; {
		n := min(s.n-at%s.n, end-at)
		pieces = append(pieces, ref.PieceOf(&s.x[at/s.n*s.pitch+at%s.n], n))
		at += n
	}
	return pieces
}

// written are the spans of the output that a block's panels [q0, q1) are stored in.
func (w *Conv) written(b *block, q0, q1 int) spans {
	plane, m0, m1 := w.height*w.width, q0*tile.NR, min(q1*tile.NR, w.spec.M)
	if b.r1-b.r0 == w.rows {
		return spans{w.Y[(b.n0*w.spec.M+m0)*plane:], b.n1 - b.n0, (m1 - m0) * plane, w.spec.M * plane}
	}
	h0, h1 := b.r0*w.side, min(b.r1*w.side, w.height)
	return spans{w.Y[(b.n0*w.spec.M+m0)*plane+h0*w.width:], m1 - m0, (h1 - h0) * w.width, plane}
}
