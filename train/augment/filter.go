package augment

import "math"

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
		for y := range im.h {
			filterRow(plane[y*im.w:(y+1)*im.w], p[y*im.w:(y+1)*im.w], kx)
		}
		filterColumns(p, plane, im.h, im.w, ky)
	}
}

func filterRow(dst, src, k []float32) {
	half := len(k) / 2
	for x := range dst {
		sum := float32(0)
		if x >= half && x+half < len(src) {
			for j, v := range src[x-half : x+half+1] {
				sum += k[j] * v
			}
		} else {
			for j, f := range k {
				sum += f * src[reflect(x+j-half, len(src))]
			}
		}
		dst[x] = sum
	}
}

func filterColumns(dst, src []float32, h, w int, k []float32) {
	half := len(k) / 2
	for y := range h {
		row := dst[y*w : (y+1)*w]
		clear(row)
		for j, f := range k {
			from := src[reflect(y+j-half, h)*w:][:w]
			for x, v := range from {
				row[x] += f * v
			}
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
