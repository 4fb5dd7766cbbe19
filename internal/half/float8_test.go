package half

import (
	"math"
	"testing"
)

// Every value is encoded as the bits that it was decoded from.
func TestFormatsRoundTrip(t *testing.T) {
	for name, f := range map[string]*Format{"E2M1": E2M1, "E4M3FN": E4M3FN, "E4M3FNUZ": E4M3FNUZ, "E5M2": E5M2,
		"E5M2FNUZ": E5M2FNUZ, "E8M0": E8M0} {
		size := f.exponent + f.fraction
		if !f.unsigned {
			size++
		}
		finite := 0
		for b := range 1 << size {
			v := f.Decode(uint8(b))
			if v != v || math.IsInf(float64(v), 0) {
				continue
			}
			finite++
			if got := f.Encode(v, true, "nearest"); got != uint8(b) {
				t.Errorf("%s: %#x is %v, which becomes %#x", name, b, v, got)
			}
		}
		if finite < 1<<size-8 {
			t.Errorf("%s: %d of %d are finite", name, finite, 1<<size)
		}
	}
}

func TestFormatsRound(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		f        *Format
		v        float32
		saturate bool
		mode     string
		want     uint8
	}{
		{E4M3FN, 17, true, "", 0x58},    // between 16 and 18: to the even one
		{E4M3FN, 19, true, "", 0x5a},    // between 18 and 20
		{E4M3FN, 1e9, true, "", 0x7e},   // the largest, 448
		{E4M3FN, -1e9, false, "", 0xff}, // no infinity: NaN
		{E5M2, 1e9, false, "", 0x7c},
		{E5M2, -inf, true, "", 0xfb},
		{E5M2, nan, true, "", 0x7e},
		{E4M3FNUZ, float32(math.Copysign(0, -1)), true, "", 0},
		{E4M3FNUZ, nan, true, "", 0x80},
		{E2M1, 2.5, true, "", 4},
		{E2M1, 100, false, "", 7},
		{E8M0, 3, true, "up", 129},
		{E8M0, 3, true, "down", 128},
		{E8M0, 2.9, true, "nearest", 128},
	} {
		if got := c.f.Encode(c.v, c.saturate, c.mode); got != c.want {
			t.Errorf("%+v: %v becomes %#x, want %#x", *c.f, c.v, got, c.want)
		}
	}
}
