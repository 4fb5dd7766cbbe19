package picture

import "memprobe/internal/kernel/check"

// Padded is the multiple of taps that BlendAlong computes fast with.
const Padded = 4

// BlendAlong filters rows of bytes, n = len(at) columns of each, with the neighbours from
// at[x] on, as many as weight [taps,n] has, in units of 2⁻²²:
//
//	dst[y·ldd+x] = clamp((2²¹ + Σ weight[k·n+x]·src[y·lds+at[x]+k]) >> 22)
//
// at[x]+taps must be lds at most; sums must fit into 31 bits.
func BlendAlong(dst, src []uint8, rows, ldd, lds int, at, weight []int32) {
	n := len(at)
	if rows < 1 || n < 1 {
		return
	}
	taps := len(weight) / n
	if taps < 1 || ldd < n || len(dst) < (rows-1)*ldd+n || len(src) < rows*lds {
		panic("kernel: BlendAlong: slices shorter than the plane")
	}
	for _, a := range at {
		if a < 0 || int(a) > lds-taps {
			panic("kernel: BlendAlong: neighbours beyond the row")
		}
	}
	blendAlong(&dst[0], &src[0], rows, ldd, lds, n, &at[0], &weight[0], taps)
}

// BlendDown filters columns of bytes, whose rows are ld apart, with as many neighbours as
// there are weights, in units of 2⁻²²:
//
//	dst[x] = clamp((2²¹ + Σ weight[k]·src[k·ld+x]) >> 22)
func BlendDown(dst, src []uint8, ld int, weight []int32) {
	if len(dst) == 0 {
		return
	}
	if len(weight) < 1 || len(src) < (len(weight)-1)*ld+len(dst) {
		panic("kernel: BlendDown: slices shorter than the plane")
	}
	blendDown(&dst[0], &src[0], ld, len(dst), &weight[0], len(weight))
}

// Colours makes colours of pixels of Y, Cb and Cr, by JFIF with 16 bits behind the point:
//
//	R = Y + 1.402 (Cr−128)
//	G = Y − 0.344136 (Cb−128) − 0.714136 (Cr−128)
//	B = Y + 1.772 (Cb−128)
//
// None of the results may overlap an operand.
func Colours(r, g, b, luma, blue, red []uint8) {
	if len(r) == 0 {
		return
	}
	check.Cover(len(r), g, b, luma, blue, red)
	colours(&r[0], &g[0], &b[0], &luma[0], &blue[0], &red[0], len(r))
}

// Double makes two pixels between each two neighbours of samples that are 3/4 of near and
// 1/4 of far, 2·(len(near)−1) in all: with s[i] = 3·near[i] + far[i],
//
//	dst[2i], dst[2i+1] = (3·s[i]+s[i+1]+7) >> 4, (3·s[i+1]+s[i]+8) >> 4
func Double(dst, near, far []uint8) {
	n := len(near) - 1
	if n < 1 {
		return
	}
	check.Len("far", far, n+1)
	check.Len("dst", dst, 2*n)
	double(&dst[0], &near[0], &far[0], n)
}

// InverseCosine writes the inverse discrete cosine transform of the coefficients b, plus
// 128, to the 8 x 8 samples at dst, whose rows are stride apart:
//
//	dst[y][x] = 128 + 1/4 Σ C(u) C(v) b[v][u] cos((2x+1)uπ/16) cos((2y+1)vπ/16), C(0) = 1/√2, else 1
//
// in integers, columns first, as libjpeg's "islow" rounds. b is changed.
func InverseCosine(dst []uint8, stride int, b *[64]int32) {
	check.Len("dst", dst, 7*stride+8)
	inverseCosine(&dst[0], stride, &b[0])
}
