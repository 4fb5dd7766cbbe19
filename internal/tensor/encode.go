package tensor

import "encoding/binary"

// AppendLE appends elements [lo, hi) of t to dst, little-endian.
func (t *Tensor) AppendLE(dst []byte, lo, hi int) []byte {
	switch t.DType.Size() {
	case 8:
		for _, v := range Words[uint64](t)[lo:hi] {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		}
	case 4:
		for _, v := range Words[uint32](t)[lo:hi] {
			dst = binary.LittleEndian.AppendUint32(dst, v)
		}
	case 2:
		for _, v := range Words[uint16](t)[lo:hi] {
			dst = binary.LittleEndian.AppendUint16(dst, v)
		}
	default:
		dst = append(dst, t.memory[lo:hi]...)
	}
	return dst
}

// SetLE sets the elements of t from lo on to those that src holds, little-endian.
// A byte of a Bool is true unless it is 0.
func (t *Tensor) SetLE(src []byte, lo int) {
	switch t.DType.Size() {
	case 8:
		dst := Words[uint64](t)[lo:]
		for i := range len(src) / 8 {
			dst[i] = binary.LittleEndian.Uint64(src[8*i:])
		}
	case 4:
		dst := Words[uint32](t)[lo:]
		for i := range len(src) / 4 {
			dst[i] = binary.LittleEndian.Uint32(src[4*i:])
		}
	case 2:
		dst := Words[uint16](t)[lo:]
		for i := range len(src) / 2 {
			dst[i] = binary.LittleEndian.Uint16(src[2*i:])
		}
	default:
		dst := t.memory[lo:][:len(src)]
		copy(dst, src)
		if t.DType == Bool {
			for i, v := range dst {
				dst[i] = min(v, 1)
			}
		}
	}
}
