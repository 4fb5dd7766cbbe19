package picture

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
)

// noise returns n bytes, a third of them 0 or 255.
func noise(s *rng.Stream, n int) []uint8 {
	x := make([]uint8, n)
	for i := range x {
		x[i] = uint8(max(0, min(s.IntN(384)-64, 255)))
	}
	return x
}

// weights returns n weights of about 1/taps, some of them negative.
func weights(s *rng.Stream, n, taps int) []int32 {
	w := make([]int32, n)
	for i := range w {
		w[i] = int32((s.IntN(12) - 2) << 19 / taps)
	}
	return w
}

// The bytes around what a kernel writes must stay, so both results begin as copies of the
// same noise.

func TestBlend(t *testing.T) {
	s := rng.New(1, rng.Bench)
	for n := 1; n < 70; n++ {
		for _, taps := range []int{1, 3, 4, 8, 12} {
			const rows, wide = 5, 23
			src, w, at := noise(&s, rows*wide), weights(&s, n*taps, taps), make([]int32, n)
			for i := range at {
				at[i] = int32(s.IntN(wide - taps + 1))
			}
			got := noise(&s, rows*(n+2)+1)
			want := slices.Clone(got)
			BlendAlong(got[1:], src, rows, n+2, wide, at, w)
			ref.BlendAlong(&want[1], &src[0], rows, n+2, wide, n, &at[0], &w[0], taps)
			if !bytes.Equal(got, want) {
				t.Fatalf("along %d columns with %d taps: other pixels", n, taps)
			}
			tall := noise(&s, taps*(n+3))
			got = noise(&s, n+2)
			want = slices.Clone(got)
			BlendDown(got[1:n+1], tall, n+3, w[:taps])
			ref.BlendDown(&want[1], &tall[0], n+3, n, &w[0], taps)
			if !bytes.Equal(got, want) {
				t.Fatalf("down %d columns with %d taps: other pixels", n, taps)
			}
		}
	}
}

func TestColoursAndDouble(t *testing.T) {
	s := rng.New(2, rng.Bench)
	for n := 1; n < 130; n++ {
		in, got := noise(&s, 3*n+3), noise(&s, 3*n+4)
		want := slices.Clone(got)
		Colours(got[1:][:n], got[n+2:][:n], got[2*n+3:][:n], in, in[n+1:], in[2*n+2:])
		ref.Colours(&want[1], &want[n+2], &want[2*n+3], &in[0], &in[n+1], &in[2*n+2], n)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d pixels have other colours", n)
		}
		Double(got[1:], in[:n+1], in[n+1:][:n+1])
		ref.Double(&want[1], &in[0], &in[n+1], n)
		if !bytes.Equal(got, want) {
			t.Fatalf("between %d samples: other pixels", n+1)
		}
	}
}

// Blocks of few coefficients and of many, and such as overflow.
func TestInverseCosine(t *testing.T) {
	s := rng.New(3, rng.Bench)
	for i := range 2000 {
		var b [64]int32
		for range 1 + i%64 {
			b[s.IntN(64)] = int32(s.Uniform(-1, 1) * math.Ldexp(1, 6+i%26))
		}
		const stride = 11
		got := noise(&s, 7*stride+10)
		want := slices.Clone(got)
		same := b
		InverseCosine(got[1:], stride, &b)
		ref.InverseCosine(&want[1], stride, &same[0])
		if !bytes.Equal(got, want) {
			t.Fatalf("block %d: other samples", i)
		}
	}
}

// The transform in integers is that of the formula, to the rounding of its two passes.
func TestInverseCosineIsTheFormula(t *testing.T) {
	s := rng.New(4, rng.Bench)
	for range 50 {
		var b [64]int32
		for i := range b {
			b[i] = int32(s.IntN(41)) - 20
		}
		want := make([]float64, 64)
		for i := range want {
			x, y, sum := float64(i%8), float64(i/8), 0.0
			for j, c := range b {
				u, v := float64(j%8), float64(j/8)
				term := float64(c) * math.Cos((2*x+1)*u*math.Pi/16) * math.Cos((2*y+1)*v*math.Pi/16) / 4
				if j%8 == 0 {
					term /= math.Sqrt2
				}
				if j/8 == 0 {
					term /= math.Sqrt2
				}
				sum += term
			}
			want[i] = max(0, min(sum+128, 255))
		}
		got := make([]uint8, 64)
		InverseCosine(got, 8, &b)
		for i, w := range want {
			if math.Abs(float64(got[i])-w) > 0.5+0.6 { // half a unit, and 8 roundings of an eighth of one
				t.Fatalf("sample %d is %d, want %.2f", i, got[i], w)
			}
		}
	}
}
