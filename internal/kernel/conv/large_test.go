package conv

import (
	"math"
	"testing"
)

// The tables of offsets reach all of the copy of an image, whatever the kernel's size.
func TestCopiesAreAddressable(t *testing.T) {
	for _, k := range []int{3, 256, 1024} {
		s := Spec{N: 1, C: 1, H: 2048, W: 2048, M: 1, KH: k, KW: k, StrideH: 1, StrideW: 1, DilationH: 1,
			DilationW: 1, Group: 1}
		d := newDirect(nil, s)
		if !d.addressable() {
			t.Errorf("kernel %d: a copy of %d floats", k, d.p.Len())
		}
		for _, off := range d.p.Offsets() {
			if off < 0 || int(off) > 4*d.p.Len() || off == math.MaxInt32 {
				t.Fatalf("kernel %d: offset %d of a copy of %d floats", k, off, d.p.Len())
			}
		}
	}
}
