package ref

import "unsafe"

// PackCopy copies a strip of a matrix whose rows are k: dst[k][0:width] = src[k·ld : k·ld+width].
func PackCopy(dst, src *float32, ld, k, width int) {
	for i := range k {
		copy(unsafe.Slice(at(dst, i*width), width), unsafe.Slice(at(src, i*ld), width))
	}
}

// PackCopies is PackCopy of four panels of NR, one beside the other in src and one after
// the other in dst.
func PackCopies(dst, src *float32, ld, k int) {
	for p := range 4 {
		PackCopy(at(dst, p*k*NR), at(src, p*NR), ld, k, NR)
	}
}

// PackTranspose copies a strip of a matrix whose columns are k: dst[k][i] = src[i·ld+k], i < width.
func PackTranspose(dst, src *float32, ld, k, width int) {
	for i := range width {
		for j, v := range unsafe.Slice(at(src, i*ld), k) {
			*at(dst, j*width+i) = v
		}
	}
}

// PackGather is PackTranspose of NR rows that begin at the byte offsets off:
// dst[k][i] = src[off[i]/4+k].
func PackGather(dst, src *float32, off *int32, k int) {
	for i, o := range unsafe.Slice(off, NR) {
		for j, v := range unsafe.Slice(at(src, int(o)/4), k) {
			*at(dst, j*NR+i) = v
		}
	}
}

// Pick copies n elements that are stride apart: dst[i] = src[i·stride].
func Pick(dst, src *float32, n, stride int) {
	for i := range n {
		*at(dst, i) = *at(src, i*stride)
	}
}

// Zip writes n elements, in turn of even and of odd: dst[2i] = even[i], dst[2i+1] = odd[i].
func Zip(dst, even, odd *float32, n int) {
	for i := range n {
		from := even
		if i%2 != 0 {
			from = odd
		}
		*at(dst, i) = *at(from, i/2)
	}
}
