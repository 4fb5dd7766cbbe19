package kerneltest

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// byRef convolves by the definition.
type byRef struct{ s method.Spec }

func (b byRef) Name() string             { return "ref" }
func (b byRef) PackedLen() int           { _, n, _ := b.s.Lengths(); return n }
func (b byRef) Pack(packed, w []float32) { copy(packed, w) }
func (b byRef) Scratch() int             { return 0 }
func (b byRef) Run(o method.Operands, _ []float32) {
	ref.Conv(b.s, o.Y, o.X, o.Packed, o.Bias, o.Residual)
}

// The cases are valid, and some of each kind are among them; the definition in float32
// passes the check that is for methods.
func TestCases(t *testing.T) {
	kinds := map[string]int{}
	for _, s := range AllConvs() {
		if err := s.Validate(); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		for kind, is := range map[string]bool{"depthwise": s.Group > 1 && s.C == s.Group, "dilated": s.DilationH > 1,
			"strided": s.StrideW > 1, "pointwise": s.KH*s.KW == 1, "residual": s.Residual, "uneven": s.PadTop != s.PadBottom} {
			if is {
				kinds[kind]++
			}
		}
	}
	if len(kinds) != 6 {
		t.Errorf("the cases are of %v", kinds)
	}
	s := SquareConv(2, 4, 6, 4, 3, 2, 2)
	nx, nw, ny := s.Lengths()
	x, w, want := Noise(nx, 1), Noise(nw, 2), make([]float64, ny)
	ref.Conv(s, want, Wide(x), Wide(w), nil, nil)
	ConvLike(t, s, 2*9, want, func(*parallel.Pool) (string, int, func(out, scratch []float32)) {
		return RunAlgo(byRef{s}, x, w, nil, nil)
	})
	Threads(t, func(p *parallel.Pool) [][]float32 {
		y := make([]float32, 100)
		p.For(100, func(_, i int) { y[i] = float32(i) })
		return [][]float32{y}
	})
	Agree(t, "copy", x, Wide(x), 0)
}

func TestWritesOutsideAreSeen(t *testing.T) {
	x, check := Guarded(5, 3)
	if copy(x, []float32{1, 2, 3, 4, 5}); check() != nil {
		t.Error(check())
	}
	if *(*float32)(unsafe.Add(unsafe.Pointer(&x[4]), 4)) = 1; check() == nil {
		t.Error("a write past the end is not seen")
	}
	nan := float32(math.NaN())
	if Same([]float32{1, nan}, []float32{1, nan}) != nil || Same([]float32{1}, []float32{1 + 1e-7}) == nil ||
		Same[float32](nil, nil) != nil {
		t.Error("bits are compared wrongly")
	}
	if a, b := Noise(9, 1), Noise(9, 1); !slices.Equal(a, b) || slices.Equal(a, Noise(9, 2)) {
		t.Error("noise is not a function of its seed")
	}
	if m := ref.Sum(Normal(10000, 1, 3)) / 10000; math.Abs(m-3) > 0.05 { // five standard errors
		t.Errorf("mean %g, want 3", m)
	}
}
