package memory

import (
	"strings"
	"unsafe"
)

const (
	// largeFrom is the size in bytes from which memory is worth huge pages.
	largeFrom = 4 << 20
	// pieceMost is the size in floats up to which Pieces asks for more than it needs.
	pieceMost = 32 << 20 / 4
	// page is a page in floats.
	page = 4096 / 4
)

// Bytes returns n zero bytes, as make does. Large memory lies on huge pages where the
// system has them: the first touch of one costs hardly more than that of a small one.
func Bytes(n int) []byte {
	if n < largeFrom {
		return make([]byte, n)
	}
	b := untouched(n)
	clear(b)
	return b
}

// Floats returns n zeros, as make does, on huge pages like Bytes.
func Floats(n int) []float32 {
	return floats(Bytes(4 * n))
}

// Uncleared returns n elements with whatever they hold, on huge pages like Bytes. A T has no
// pointer, and takes any bits.
func Uncleared[T any](n int) []T {
	var one T
	size := n * int(unsafe.Sizeof(one))
	if size < largeFrom {
		return make([]T, n)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(untouched(size)))), n)
}

func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// untouched returns n bytes with whatever they hold, of which nothing but the first was
// touched: make may write zeros to all before there is advice.
func untouched(n int) []byte {
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0)
	all := unsafe.Slice(unsafe.StringData(b.String()), n) // all that Grow made room for; nobody has the string
	advise(all)
	return all
}

// Pieces hands out memory of many sizes that is given back together, once nobody holds
// any of it: it lies side by side, so that small pieces are on huge pages too. The zero
// value is ready. Large pieces, and small ones in a large whole, begin on a page: where packed
// weights lay on odd lines of the cache, MnasNet took a tenth longer.
type Pieces struct {
	rest  []float32
	given int
}

// Floats returns n floats with whatever they hold.
func (p *Pieces) Floats(n int) []float32 {
	if n > len(p.rest) {
		p.rest = Uncleared[float32](max(n, min(p.given, pieceMost)))
	}
	out := p.rest[:n:n]
	n = min((n+page-1)/page*page, len(p.rest))
	p.rest, p.given = p.rest[n:], p.given+n
	return out
}
