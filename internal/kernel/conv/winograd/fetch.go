package winograd

import "memprobe/internal/kernel/tile"

// spans are pieces of memory of n floats, pitch floats apart.
type spans struct {
	x               []float32
	count, n, pitch int
}

// fetch brings a part of so many into the second level of the cache.
func (s *spans) fetch(part, parts int) {
	total := s.count * s.n
	for at, end := part*total/parts, (part+1)*total/parts; at < end; {
		n := min(s.n-at%s.n, end-at)
		tile.Fetch(s.x[at/s.n*s.pitch+at%s.n:][:n])
		at += n
	}
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
