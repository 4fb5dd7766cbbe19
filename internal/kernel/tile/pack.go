package tile

import (
	"unsafe"

	"memprobe/internal/kernel/ref"
)

const (
	MR = ref.MR // rows of a panel of A
	NR = ref.NR // columns of a panel of B
	VL = ref.VL
)

// At is the address of s[i], without a check. It must lie in s's array: a pointer
// past the end would be an error to the garbage collector.
func At(s []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i))
}

// Side is one operand of a product: n rows of A, or n columns of B, over k.
// It is read in panels of width of them; a packed panel is [k][width], the last
// one filled up with zeros.
type Side struct {
	N, Width int
	LD       int
	KInner   bool // (i, k) lies at i·ld+k, else at k·ld+i
}

func (s Side) Panels() int { return (s.N + s.Width - 1) / s.Width }

// Pack packs the panels [p0, p1) for k in [k0, k0+kc), one after the other.
func (s Side) Pack(dst, src []float32, p0, p1, k0, kc int) {
	if kc == 0 {
		return
	}
	ki, ik := s.LD, 1
	if s.KInner {
		ki, ik = ik, ki
	}
	for p, n := p0, 0; p < p1; p += n {
		i := p * s.Width
		from, to := src[k0*ki+i*ik:], dst[(p-p0)*s.Width*kc:][:s.Width*kc]
		n = 1
		switch {
		case !s.KInner && s.Width == NR && p+4 <= p1 && i+4*NR <= s.N:
			n = 4
			packCopies(&to[0], &from[0], s.LD, kc)
		case i+s.Width > s.N:
			packEdge(to, from, ki, ik, kc, s.N-i, s.Width)
		case s.KInner:
			packTranspose(&to[0], &from[0], s.LD, kc, s.Width)
		default:
			packCopy(&to[0], &from[0], s.LD, kc, s.Width)
		}
	}
}

// packEdge packs a panel of n < width rows or columns.
func packEdge(dst, src []float32, ki, ik, kc, n, width int) {
	clear(dst)
	for i := range n {
		for k := range kc {
			dst[k*width+i] = src[k*ki+i*ik]
		}
	}
}
