package jpeg

import "memprobe/internal/kernel/picture"

// inverse writes the inverse discrete cosine transform of the coefficients b, plus 128, to
// the 8 x 8 samples at dst, whose rows are stride apart (see picture.InverseCosine). last
// is the last coefficient that is not zero, in the file's order. b is changed.
func inverse(dst []byte, stride int, b *[64]int32, last int) {
	if last > 0 {
		picture.InverseCosine(dst, stride, b)
		return
	}
	v := clamp((b[0]<<2+16)>>5 + 128) // as the transform rounds
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = v
		}
	}
}

func clamp(v int32) byte {
	if uint32(v) <= 255 {
		return byte(v)
	}
	return byte(^(v >> 31)) // 0 below, 255 above
}
