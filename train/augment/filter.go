package augment

import (
	"math"

	"memprobe/internal/kernel/vec"
)

// gaussian fills k, whose length is odd, with exp(−x²/2σ²) about its centre,
// scaled to sum to 1.
func gaussian(k []float32, sigma float64) {
	half := float64(len(k)-1) / 2
	sum := 0.0
	for i := range k {
		x := (float64(i) - half) / sigma
		sum += math.Exp(-0.5 * x * x)
	}
	for i := range k {
		x := (float64(i) - half) / sigma
		k[i] = float32(math.Exp(-0.5*x*x) / sum)
	}
}

// blur filters rows with kx and columns with ky; beyond its edge the image is
// reflected, the edge itself not repeated. plane is workspace.
func blur(im image, kx, ky, plane []float32) {
	for i := range im.c {
		p := im.plane(i)
		filterRows(plane, p, im.w, kx)
		filterColumns(p, plane, im.h, im.w, ky)
	}
}

// filterRows filters the plane as if it were one row, then the ends of each row
// again.
func filterRows(dst, src []float32, w int, k []float32) {
	half := len(k) / 2
	if n := len(src) - 2*half; n > 0 {
		vec.MulScalar(dst[half:half+n], src[:n], k[0])
		for j, f := range k[1:] {
			vec.Axpy(dst[half:half+n], src[j+1:j+1+n], f)
		}
	}
	for row := 0; row < len(src); row += w {
		filterEnds(dst[row:row+w], src[row:row+w], 0, min(half, w), k)
		filterEnds(dst[row:row+w], src[row:row+w], max(half, w-half), w, k)
	}
}

// filterEnds filters positions [lo,hi) of a row.
func filterEnds(dst, src []float32, lo, hi int, k []float32) {
	for x := lo; x < hi; x++ {
		sum := float32(0)
		for j, f := range k {
			sum += f * src[reflect(x+j-len(k)/2, len(src))]
		}
		dst[x] = sum
	}
}

// filterColumns filters all rows whose neighbours lie in the plane at once, the
// others one by one.
func filterColumns(dst, src []float32, h, w int, k []float32) {
	half := len(k) / 2
	sum := func(y, rows int, from func(j int) int) {
		to := dst[y*w : (y+rows)*w]
		vec.MulScalar(to, src[from(0)*w:][:len(to)], k[0])
		for j := 1; j < len(k); j++ {
			vec.Axpy(to, src[from(j)*w:][:len(to)], k[j])
		}
	}
	if h > 2*half {
		sum(half, h-2*half, func(j int) int { return j })
	}
	for y := range h {
		if y < half || y >= h-half {
			sum(y, 1, func(j int) int { return reflect(y+j-half, h) })
		}
	}
}

// reflect brings an index at most n−1 beyond [0,n) back into it.
func reflect(i, n int) int {
	if i < 0 {
		return -i
	}
	if i >= n {
		return 2*(n-1) - i
	}
	return i
}

// sharpness is clip(f·x + (1−f)·s), s the image smoothed by 3×3 weights of 1, 5
// at the centre, over 13; the border, and an image without an interior, is not
// smoothed.
func sharpness(dst, src image, f float32) {
	copy(dst.pix, src.pix)
	if src.h < 3 || src.w < 3 {
		return
	}
	for i := range src.c {
		p, to := src.plane(i), dst.plane(i)
		for y := 1; y < src.h-1; y++ {
			above, row, below := p[(y-1)*src.w:y*src.w], p[y*src.w:(y+1)*src.w], p[(y+1)*src.w:(y+2)*src.w]
			for x := 1; x < src.w-1; x++ {
				smooth := above[x-1] + above[x] + above[x+1] + row[x-1] + 5*row[x] + row[x+1] + below[x-1] + below[x] + below[x+1]
				to[y*src.w+x] = max(0, min(1, f*row[x]+(1-f)*(smooth/13)))
			}
		}
	}
}
