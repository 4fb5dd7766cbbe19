package ref

import "unsafe"

// blendBits is the precision of the integer weights that bytes are filtered by, that of PIL.
const blendBits = 22

// clamped is v as a byte: 0 below, 255 above.
func clamped(v int32) uint8 { return uint8(max(0, min(v, 255))) }

// BlendAlong filters rows of bytes, n columns of each, with taps neighbours from at[x] on:
//
//	dst[y·ldd+x] = clamp((2²¹ + Σ weight[k·n+x]·src[y·lds+at[x]+k]) >> 22)
func BlendAlong(dst, src *uint8, rows, ldd, lds, n int, at, weight *int32, taps int) {
	to, from := unsafe.Slice(dst, (rows-1)*ldd+n), unsafe.Slice(src, rows*lds)
	first, w := unsafe.Slice(at, n), unsafe.Slice(weight, taps*n)
	for y := range rows {
		for x := range n {
			sum, pixels := int32(1<<(blendBits-1)), from[y*lds+int(first[x]):][:taps]
			for k, v := range pixels {
				sum += w[k*n+x] * int32(v)
			}
			to[y*ldd+x] = clamped(sum >> blendBits)
		}
	}
}

// BlendDown filters n columns of bytes, whose rows are ld apart:
//
//	dst[x] = clamp((2²¹ + Σ weight[k]·src[k·ld+x]) >> 22)
func BlendDown(dst, src *uint8, ld, n int, weight *int32, taps int) {
	to, from, w := unsafe.Slice(dst, n), unsafe.Slice(src, (taps-1)*ld+n), unsafe.Slice(weight, taps)
	for x := range to {
		sum := int32(1 << (blendBits - 1))
		for k, by := range w {
			sum += by * int32(from[k*ld+x])
		}
		to[x] = clamped(sum >> blendBits)
	}
}

// Colours makes colours of n pixels of Y, Cb and Cr, by JFIF with 16 bits behind the point:
//
//	R = Y + 1.402 (Cr−128)
//	G = Y − 0.344136 (Cb−128) − 0.714136 (Cr−128)
//	B = Y + 1.772 (Cb−128)
func Colours(r, g, b, luma, blue, red *uint8, n int) {
	toR, toG, toB := unsafe.Slice(r, n), unsafe.Slice(g, n), unsafe.Slice(b, n)
	y, cb, cr := unsafe.Slice(luma, n), unsafe.Slice(blue, n), unsafe.Slice(red, n)
	for i := range toR {
		y, cb, cr := int32(y[i]), int32(cb[i])-128, int32(cr[i])-128
		const half = 1 << 15
		toR[i] = clamped(y + (91881*cr+half)>>16)
		toG[i] = clamped(y + (-22554*cb-46802*cr+half)>>16)
		toB[i] = clamped(y + (116130*cb+half)>>16)
	}
}

// Double makes the 2n pixels between n+1 samples, each of which is 3/4 of near and 1/4 of
// far: with s[i] = 3·near[i] + far[i],
//
//	dst[2i], dst[2i+1] = (3·s[i]+s[i+1]+7) >> 4, (3·s[i+1]+s[i]+8) >> 4
func Double(dst, near, far *uint8, n int) {
	to, u, v := unsafe.Slice(dst, 2*n), unsafe.Slice(near, n+1), unsafe.Slice(far, n+1)
	a := 3*int32(u[0]) + int32(v[0])
	for i := range n {
		b := 3*int32(u[i+1]) + int32(v[i+1])
		to[2*i], to[2*i+1] = uint8((3*a+b+7)>>4), uint8((3*b+a+8)>>4)
		a = b
	}
}

// The cosines of the transform, times 2^13.
const (
	cos6      = 4433  // √2 cos 6π/16
	cos2less6 = 6270  // √2 (cos 2π/16 − cos 6π/16)
	cos2and6  = 15137 // √2 (cos 2π/16 + cos 6π/16)
)

const (
	cosineBits = 13 // of the cosines
	extraBits  = 2  // that columns keep for rows
)

// InverseCosine writes the inverse discrete cosine transform of the 64 coefficients b, plus
// 128, to the 8 x 8 samples at dst, whose rows are stride apart:
//
//	dst[y][x] = 128 + 1/4 Σ C(u) C(v) b[v][u] cos((2x+1)uπ/16) cos((2y+1)vπ/16), C(0) = 1/√2, else 1
//
// in integers, columns first. All products are exact; what is rounded, and where, is
// libjpeg's choice: columns to 2 bits behind the point, rows to integers, halves up. b is
// changed.
func InverseCosine(dst *uint8, stride int, b *int32) {
	block := (*[64]int32)(unsafe.Pointer(b))
	for x := range 8 {
		c := (*[57]int32)(block[x:])
		if top := c[0] >> 17; c[8]|c[16]|c[24]|c[32]|c[40]|c[48]|c[56] == 0 && (top == 0 || top == -1) {
			v := c[0] << extraBits // as below, where nothing overflows
			c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v
			c[0] = v
			continue
		}
		const shift, half = cosineBits - extraBits, 1 << (cosineBits - extraBits - 1)
		e0, e1, e2, e3 := even(c[0], c[16], c[32], c[48])
		o0, o1, o2, o3 := odd(c[8], c[24], c[40], c[56])
		c[0], c[56] = (e0+o0+half)>>shift, (e0-o0+half)>>shift
		c[8], c[48] = (e1+o1+half)>>shift, (e1-o1+half)>>shift
		c[16], c[40] = (e2+o2+half)>>shift, (e2-o2+half)>>shift
		c[24], c[32] = (e3+o3+half)>>shift, (e3-o3+half)>>shift
	}
	out := unsafe.Slice(dst, 7*stride+8)
	for y := range 8 {
		r, row := (*[8]int32)(block[8*y:]), (*[8]uint8)(out[y*stride:])
		const shift, half = cosineBits + extraBits + 3, 1<<(cosineBits+extraBits+2) + 128<<(cosineBits+extraBits+3)
		e0, e1, e2, e3 := even(r[0], r[2], r[4], r[6])
		o0, o1, o2, o3 := odd(r[1], r[3], r[5], r[7])
		row[0], row[7] = clamped((e0+o0+half)>>shift), clamped((e0-o0+half)>>shift)
		row[1], row[6] = clamped((e1+o1+half)>>shift), clamped((e1-o1+half)>>shift)
		row[2], row[5] = clamped((e2+o2+half)>>shift), clamped((e2-o2+half)>>shift)
		row[3], row[4] = clamped((e3+o3+half)>>shift), clamped((e3-o3+half)>>shift)
	}
}

// even is what the even coefficients add to the first four results, times 2^13.
func even(c0, c2, c4, c6 int32) (e0, e1, e2, e3 int32) {
	p, q := (c0+c4)<<cosineBits, (c0-c4)<<cosineBits
	m := (c2 + c6) * cos6
	s, t := m+c2*cos2less6, m-c6*cos2and6
	return p + s, q + t, q - t, p - s
}

// odd is what the odd coefficients add to the first four results, times 2^13, and
// subtract from the last four. libjpeg rounds the terms of a factorised form, so that
// one cosine has two values here.
func odd(c1, c3, c5, c7 int32) (o0, o1, o2, o3 int32) {
	return 11363*c1 + 9633*c3 + 6437*c5 + 2260*c7,
		9633*c1 - 2259*c3 - 11362*c5 - 6436*c7,
		6437*c1 - 11362*c3 + 2261*c5 + 9633*c7,
		2260*c1 - 6436*c3 + 9633*c5 - 11363*c7
}
