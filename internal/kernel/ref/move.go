package ref

// Transpose is dst[j,i] = src[i,j] for src [rows,cols], whose rows lie lds
// elements apart, and dst, whose rows lie ldd apart.
func Transpose[T any](dst, src []T, rows, cols, ldd, lds int) {
	for i := range rows {
		for j := range cols {
			dst[j*ldd+i] = src[i*lds+j]
		}
	}
}

// Permute is ONNX's Transpose: axis i of dst is axis perm[i] of src.
func Permute[T any](dst, src []T, shape, perm []int) {
	stride := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= shape[i]
	}
	for to := range n {
		rest, from := to, 0
		for i := len(perm) - 1; i >= 0; i-- {
			d := shape[perm[i]]
			from += rest % d * stride[perm[i]]
			rest /= d
		}
		dst[to] = src[from]
	}
}

// Repeat is dst = n times each element of x, one after the other.
func Repeat[T any](dst, x []T, n int) {
	for i := range dst[:len(x)*n] {
		dst[i] = x[i/n]
	}
}

// FromUint8 is x/255.
func FromUint8[T Float](dst []T, x []uint8) {
	for i := range dst {
		dst[i] = T(x[i]) / 255
	}
}

// Split puts the elements of src in turn into even and odd.
func Split[T any](even, odd, src []T) {
	for i := range even {
		even[i], odd[i] = src[2*i], src[2*i+1]
	}
}

// Join undoes Split.
func Join[T any](dst, even, odd []T) {
	for i := range even {
		dst[2*i], dst[2*i+1] = even[i], odd[i]
	}
}
