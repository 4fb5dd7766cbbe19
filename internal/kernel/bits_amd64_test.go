//go:build amd64 && !purego

package kernel

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// withoutAVX512 calls f on the kernels of package avx2.
func withoutAVX512(f func()) {
	saved := useAVX512
	useAVX512 = false
	defer func() { useAVX512 = saved }()
	f()
}

// sameBits fails unless run gives the same bits with AVX-512, whatever its width is
// worth, as without.
func sameBits(t *testing.T, what any, run func() []float32) {
	t.Helper()
	saved := fullWidth512
	defer func() { fullWidth512 = saved }()
	fullWidth512 = false
	got := run()
	fullWidth512 = true
	if !slices.Equal(got, run()) {
		t.Fatalf("%+v: tiles of 512 and of 256 bits differ in bits", what)
	}
	withoutAVX512(func() {
		if !slices.Equal(got, run()) {
			t.Fatalf("%+v: AVX-512 and AVX2 differ in bits", what)
		}
	})
}

func needAVX512(t *testing.T) {
	if !useAVX512 {
		t.Skip("no AVX-512")
	}
}

func TestTileBits(t *testing.T) {
	needAVX512(t)
	for trial := range tileCases {
		c := newTileCase(trial)
		for _, f := range []func(t, u *ref.Tile, rows int){pairOf(packedTile), pairOf(offsetTile), c.inPlace(trial, pairOf(stridedTile)),
			each(oneOf(packedTile)), each(oneOf(offsetTile)), c.inPlace(trial, each(oneOf(stridedTile)))} {
			sameBits(t, c, func() []float32 { return c.run(trial, f) })
		}
	}
}

func TestGemmBits(t *testing.T) {
	needAVX512(t)
	for _, s := range []GemmSpec{
		{M: 130, N: 150, K: 600}, {M: 1, N: 100, K: 70, TransB: true}, {M: 65, N: 65, K: 16, TransB: true, Batch: 5, StrideA: 65 * 16, StrideB: 65 * 16, StrideC: 65 * 65},
	} {
		na, nb, nc := s.Normal().Lengths()
		g := NewGemm(nil, s)
		a, b := noise(na, 1), noise(nb, 2)
		sameBits(t, s, func() []float32 {
			c := make([]float32, nc)
			g.Run(c, a, b, nil, make([]float32, g.Scratch()))
			return c
		})
	}
}

func TestConvBits(t *testing.T) {
	needAVX512(t)
	for _, s := range []ConvSpec{
		squareConv(3, 20, 13, 37, 3, 1, 1), squareConv(2, 3, 19, 16, 7, 2, 1), squareConv(5, 40, 4, 70, 1, 1, 1), squareConv(2, 16, 9, 32, 3, 2, 2),
	} {
		nx, nw, ny := s.Lengths()
		x, w, dy := noise(nx, 1), noise(nw, 2), noise(ny, 3)
		forward := []convAlgo{newDirect(nil, s)}
		backward := []convAlgo{newDirectGradX(nil, s)}
		if suitsWinograd(s) {
			forward = append(forward, newWinograd(nil, s, 2), newWinograd(nil, s, 4))
			backward = append(backward, newWinogradGradX(nil, s, 2), newWinogradGradX(nil, s, 4))
		}
		run := func(a convAlgo, in []float32, n int) func() []float32 {
			return func() []float32 {
				out, packed := make([]float32, n), make([]float32, a.packedLen())
				a.pack(packed, w)
				a.run(out, in, packed, nil, nil, make([]float32, a.scratch()))
				return out
			}
		}
		for _, a := range forward {
			sameBits(t, s, run(a, x, ny))
		}
		for _, a := range backward {
			sameBits(t, s, run(a, dy, nx))
		}
		gradW := newGradWAlgo(nil, s)
		sameBits(t, s, func() []float32 {
			dw := make([]float32, nw)
			gradW.run(dw, x, dy, make([]float32, gradW.scratch()))
			return dw
		})
	}
}

// The rows of planes where they lie give the bits of padded copies, and agree with
// ref.
func TestDepthRowsBits(t *testing.T) {
	needAVX512(t)
	for _, s := range allConvs() {
		if !suitsDepthRows(s) {
			continue
		}
		nx, nw, ny := s.Lengths()
		x, w, bias, res := noise(nx, 1), noise(nw, 2), noise(s.M, 3), noise(ny, 4)
		run := func(a convAlgo) []float32 {
			y := make([]float32, ny)
			packed := make([]float32, a.packedLen())
			a.pack(packed, w)
			a.run(y, x, packed, bias, res, make([]float32, a.scratch()))
			return y
		}
		rows := run(newDepthRows(nil, s))
		if !slices.Equal(rows, run(newDepthwise(nil, s, false))) {
			t.Errorf("%+v: AVX-512 and AVX2 differ in bits", s)
		}
		want := make([]float32, ny)
		d := ref.DepthRows{H: s.H, Width: s.W, OutH: s.OutH(), OutW: s.OutW(), PadTop: s.PadTop, PadLeft: s.PadLeft}
		d.Lo, d.Hi, d.Clamp = s.Act.Bounds(s.Lo, s.Hi)
		for p := range s.N * s.C {
			d.X, d.W, d.Y = &x[p*s.H*s.W], &w[p%s.C*s.KH*s.KW], &want[p*d.OutH*d.OutW]
			if s.Bias {
				d.Bias = bias[p%s.C]
			}
			if s.Residual {
				d.Residual = &res[p*d.OutH*d.OutW]
			}
			ref.DepthRowsConv(&d, s.KH, s.StrideH)
		}
		if err := tol.Close(rows, wide(want), 1e-5, 1e-5); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// The lanes of small planes give the bits of products, and agree with ref.
func TestDepthLanesBits(t *testing.T) {
	needAVX512(t)
	cases := 0
	for i, s := range allConvs() {
		s.StrideH, s.StrideW = min(s.StrideH, 2), min(s.StrideW, 2)
		s.C, s.M, s.Group, s.H, s.W = 2+i%9, 2+i%9, 2+i%9, 1+i%4, 1+i%5
		s.N += i % 17
		if s.Validate() != nil || !suitsDepthPlane(s) || s.H*s.W > nr {
			continue
		}
		for _, flipped := range []bool{false, true} {
			m := newDepthPlane(nil, s, flipped)
			if flipped {
				m.spec.Bias, m.spec.Residual = false, false
			}
			l := newDepthLanes(m, flipped)
			if len(l.taps) == 0 {
				continue
			}
			nx, ny := s.N*s.C*m.in, s.N*s.C*m.out
			x, w, bias, res := noise(nx, 1), noise(s.C*s.KH*s.KW, 2), noise(s.M, 3), noise(ny, 4)
			run := func(a convAlgo) []float32 {
				y, packed := noise(ny, 9), make([]float32, a.packedLen())
				a.pack(packed, w)
				a.run(y, x, packed, bias, res, make([]float32, a.scratch()))
				intact(t, y)
				return y
			}
			got := run(l)
			withoutAVX512(func() {
				if !slices.Equal(got, run(m)) {
					t.Errorf("%+v: AVX-512 and AVX2 differ in bits", s)
				}
			})
			l.y, l.x, l.w, l.bias, l.residual = make([]float32, ny), x, make([]float32, l.packedLen()), bias, res
			l.pack(l.w, w)
			d := l.channels(0, s.C)
			ref.DepthLanesConv(&d)
			if err := tol.Close(got[:ny], wide(l.y), 1e-5, 1e-5); err != nil {
				t.Errorf("%+v: %v", s, err)
			}
			cases++
		}
	}
	if cases < 50 {
		t.Errorf("%d cases, want 50 at least", cases)
	}
}
