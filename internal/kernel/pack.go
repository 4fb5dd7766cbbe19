package kernel

import (
	"unsafe"

	"memprobe/internal/kernel/ref"
)

const (
	mr = ref.MR // rows of a panel of A
	nr = ref.NR // columns of a panel of B
	vl = ref.VL
)

// at is the address of s[i], without a check. It must lie in s's array: a pointer
// past the end would be an error to the garbage collector.
func at(s []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i))
}

// side is one operand of a product: n rows of A, or n columns of B, over k.
// It is read in panels of width of them; a packed panel is [k][width], the last
// one filled up with zeros.
type side struct {
	n, width int
	ld       int
	kInner   bool // (i, k) lies at i·ld+k, else at k·ld+i
}

func (s side) panels() int { return (s.n + s.width - 1) / s.width }

// pack packs the panels [p0, p1) for k in [k0, k0+kc), one after the other.
func (s side) pack(dst, src []float32, p0, p1, k0, kc int) {
	if kc == 0 {
		return
	}
	ki, ik := s.ld, 1
	if s.kInner {
		ki, ik = ik, ki
	}
	for p := p0; p < p1; p++ {
		i := p * s.width
		from, to := src[k0*ki+i*ik:], dst[(p-p0)*s.width*kc:][:s.width*kc]
		switch {
		case i+s.width > s.n:
			packEdge(to, from, ki, ik, kc, s.n-i, s.width)
		case s.kInner:
			packTranspose(&to[0], &from[0], s.ld, kc, s.width)
		default:
			packCopy(&to[0], &from[0], s.ld, kc, s.width)
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
