package jpeg

// The cosines of the transform, times 2^13.
const (
	cos6      = 4433  // √2 cos 6π/16
	cos2less6 = 6270  // √2 (cos 2π/16 − cos 6π/16)
	cos2and6  = 15137 // √2 (cos 2π/16 + cos 6π/16)
)

const (
	scaleBits = 13 // of the cosines
	extraBits = 2  // that columns keep for rows
)

// inverse writes the inverse discrete cosine transform of the coefficients b, plus
// 128, to the 8 x 8 samples at dst, whose rows are stride apart:
//
//	dst[y][x] = 128 + 1/4 Σ C(u) C(v) b[v][u] cos((2x+1)uπ/16) cos((2y+1)vπ/16), C(0) = 1/√2, else 1
//
// in integers, columns first. All products are exact; what is rounded, and where, is
// libjpeg's choice: columns to 2 bits behind the point, rows to integers, halves up.
// last is the last coefficient that is not zero, in the file's order. b is changed.
func inverse(dst []byte, stride int, b *[64]int32, last int) {
	if last == 0 {
		v := clamp((b[0]<<extraBits+16)>>5 + 128)
		for y := range 8 {
			row := dst[y*stride:][:8]
			for x := range row {
				row[x] = v
			}
		}
		return
	}
	columns := 8
	if last < 10 { // those of the first four diagonals
		columns = 4
	}
	for x := range columns {
		c := (*[57]int32)(b[x:])
		if c[8]|c[16]|c[24]|c[32]|c[40]|c[48]|c[56] == 0 {
			v := c[0] << extraBits
			c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v
			c[0] = v
			continue
		}
		const shift, half = scaleBits - extraBits, 1 << (scaleBits - extraBits - 1)
		e0, e1, e2, e3 := even(c[0], c[16], c[32], c[48])
		o0, o1, o2, o3 := odd(c[8], c[24], c[40], c[56])
		c[0], c[56] = (e0+o0+half)>>shift, (e0-o0+half)>>shift
		c[8], c[48] = (e1+o1+half)>>shift, (e1-o1+half)>>shift
		c[16], c[40] = (e2+o2+half)>>shift, (e2-o2+half)>>shift
		c[24], c[32] = (e3+o3+half)>>shift, (e3-o3+half)>>shift
	}
	for y := range 8 {
		r, row := (*[8]int32)(b[8*y:]), (*[8]byte)(dst[y*stride:])
		const shift, half = scaleBits + extraBits + 3, 1<<(scaleBits+extraBits+2) + 128<<(scaleBits+extraBits+3)
		e0, e1, e2, e3 := even(r[0], r[2], r[4], r[6])
		o0, o1, o2, o3 := odd(r[1], r[3], r[5], r[7])
		row[0], row[7] = clamp((e0+o0+half)>>shift), clamp((e0-o0+half)>>shift)
		row[1], row[6] = clamp((e1+o1+half)>>shift), clamp((e1-o1+half)>>shift)
		row[2], row[5] = clamp((e2+o2+half)>>shift), clamp((e2-o2+half)>>shift)
		row[3], row[4] = clamp((e3+o3+half)>>shift), clamp((e3-o3+half)>>shift)
	}
}

// even is what the even coefficients add to the first four results, times 2^13.
func even(c0, c2, c4, c6 int32) (e0, e1, e2, e3 int32) {
	p, q := (c0+c4)<<scaleBits, (c0-c4)<<scaleBits
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

func clamp(v int32) byte {
	if uint32(v) <= 255 {
		return byte(v)
	}
	return byte(^(v >> 31)) // 0 below, 255 above
}
