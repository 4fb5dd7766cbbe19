package ref

import (
	"math"
	"unsafe"
)

// ScaleRows interpolates along rows, n columns of each:
//
//	dst[y·ldd+x] = l + weight[x]·(r−l),  l, r = src[y·lds+at[x]], src[y·lds+at[x]+1]
func ScaleRows(dst, src *float32, rows, ldd, lds, n int, at *int32, weight *float32) {
	to, from := unsafe.Slice(dst, (rows-1)*ldd+n), unsafe.Pointer(src)
	ats, ws := unsafe.Slice(at, n), unsafe.Slice(weight, n)
	for y := range rows {
		for x, i := range ats {
			pair := (*[2]float32)(unsafe.Add(from, 4*(y*lds+int(i))))
			to[y*ldd+x] = fma(ws[x], pair[1]-pair[0], pair[0])
		}
	}
}

// ScaleColumns interpolates between rows ld apart, n columns of each:
//
//	dst[y·n+x] = u + weight[y]·(l−u),  u, l = src[at[y]·ld+x], src[(at[y]+1)·ld+x]
func ScaleColumns(dst, src *float32, rows, ld, n int, at *int32, weight *float32) {
	to := unsafe.Slice(dst, rows*n)
	ats, ws := unsafe.Slice(at, rows), unsafe.Slice(weight, rows)
	for y, i := range ats {
		upper := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(src), 4*int(i)*ld)), ld+n)
		for x := range n {
			to[y*n+x] = fma(ws[y], upper[ld+x]-upper[x], upper[x])
		}
	}
}

// GatherInside is dst[i] = src[at[i]], or 0 where at[i] is negative, i < n.
func GatherInside(dst, src *float32, at *int32, n int) {
	to := unsafe.Slice(dst, n)
	for i, j := range unsafe.Slice(at, n) {
		to[i] = 0
		if j >= 0 {
			to[i] = *(*float32)(unsafe.Add(unsafe.Pointer(src), 4*int(j)))
		}
	}
}

// TurnHue turns the hue of n pixels by sixths of the circle, from 0 to 6. With
// V = max(r,g,b), C = V − min(r,g,b), a hue h in sixths of the circle has the
// channels
//
//	V − C·clip(min(k, 4−k), 0, 1),  k = (m + h) mod 6,  m = 5, 3, 1 for r, g, b.
func TurnHue(r, g, b *float32, n int, turn float32) {
	rs, gs, bs := unsafe.Slice(r, n), unsafe.Slice(g, n), unsafe.Slice(b, n)
	for i, x := range rs {
		y, z := gs[i], bs[i]
		v := max(x, y, z)
		c := v - min(x, y, z)
		if c == 0 {
			continue
		}
		h := 4 + (x-y)/c
		switch v {
		case x:
			h = (y - z) / c
		case y:
			h = 2 + (z-x)/c
		}
		h += turn
		rs[i], gs[i], bs[i] = v-c*hat(5+h), v-c*hat(3+h), v-c*hat(1+h)
	}
}

// hat is clip(min(k, 4−k), 0, 1) of k mod 6.
func hat(k float32) float32 {
	k -= 6 * float32(math.Floor(float64(k/6)))
	return max(0, min(k, 4-k, 1))
}
