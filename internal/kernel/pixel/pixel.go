package pixel

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
)

// ScaleRows interpolates along the rows of a plane, len(at) columns of each:
//
//	dst[y·ldd+x] = l + weight[x]·(r−l),  l, r = src[y·lds+at[x]], src[y·lds+at[x]+1]
//
// dst and src must not overlap. It panics if dst is too short; at must lie within
// src.
func ScaleRows(dst, src []float32, rows, ldd, lds int, at []int32, weight []float32) {
	n := len(at)
	if rows < 1 || n < 1 || ldd < n || len(dst) < (rows-1)*ldd+n || len(src) < (rows-1)*lds+2 || len(weight) < n {
		panic("kernel: ScaleRows: slices shorter than the plane")
	}
	scaleRows(&dst[0], &src[0], rows, ldd, lds, n, &at[0], &weight[0])
}

// ScaleColumns interpolates between rows of src, ld apart, n columns of each:
//
//	dst[y·n+x] = u + weight[y]·(l−u),  u, l = src[at[y]·ld+x], src[(at[y]+1)·ld+x]
//
// y < len(at). dst and src must not overlap. It panics if dst is too short; at
// must lie within src.
func ScaleColumns(dst, src []float32, ld, n int, at []int32, weight []float32) {
	if n < 1 || len(at) < 1 || len(dst) < len(at)*n || len(src) < ld+n || len(weight) < len(at) {
		panic("kernel: ScaleColumns: slices shorter than the plane")
	}
	scaleColumns(&dst[0], &src[0], len(at), ld, n, &at[0], &weight[0])
}

// GatherInside computes dst[i] = src[at[i]], or 0 where at[i] is negative, for
// every i of at. dst and src must not overlap.
func GatherInside(dst, src []float32, at []int32) {
	if len(at) == 0 {
		return
	}
	if len(dst) < len(at) || len(src) == 0 {
		panic("kernel: GatherInside: slices shorter than the plane")
	}
	gatherInside(&dst[0], &src[0], &at[0], len(at))
}

// TurnHue turns the hue of the pixels whose channels are r, g and b, in place, by
// turn sixths of the circle, 0 ≤ turn ≤ 6. With V = max(r,g,b) and C = V −
// min(r,g,b), a hue h in sixths of the circle has the channels
//
//	V − C·clip(min(k, 4−k), 0, 1),  k = (m + h) mod 6,  m = 5, 3, 1 for r, g, b.
//
// Pixels with a NaN or an infinity become anything.
func TurnHue(r, g, b []float32, turn float32) {
	check.Cover(len(r), g, b)
	whole := len(r) &^ 7
	if whole > 0 {
		turnHue(&r[0], &g[0], &b[0], whole, turn)
	}
	if whole < len(r) {
		ref.TurnHue(&r[whole], &g[whole], &b[whole], len(r)-whole, turn)
	}
}
