//go:build amd64 && !purego

package depthwise

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
	"memprobe/internal/tol"
)

// The rows of planes where they lie give the bits of padded copies, and agree with
// ref.
func TestDepthRowsBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	list := kerneltest.AllConvs()
	for size := 1; size < 40; size++ { // with every padding, bias, residual and activation of the list
		s := list[size]
		s.N, s.C, s.M, s.Group, s.H, s.W = 2, 3, 3, 3, size, 1+size*7%37
		s.KH, s.KW, s.StrideH, s.StrideW, s.DilationH, s.DilationW = 7, 7, 1, 1, 1, 1
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = 3, size%4, 3, 6-size%4
		list = append(list, s)
	}
	for i := range 800 { // small planes
		s := list[i%39]
		s.N, s.C, s.M, s.Group, s.H, s.W = 1+i%2, 2, 2, 2, 1+i%17, 1+i/17%17
		s.KH, s.StrideH, s.DilationH, s.DilationW = 3+2*(i%3), 1+i/3%2, 1, 1
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = i%s.KH, i/7%s.KH, s.KH/2, i/5%s.KH
		s.KW, s.StrideW = s.KH, s.StrideH
		if s.Validate() == nil {
			list = append(list, s)
		}
	}
	cases := map[[3]int]int{}
	for _, s := range list {
		if !suitsRows(s) {
			continue
		}
		if newRows(nil, s).halves {
			cases[[3]int{s.KH, s.StrideH, 2}]++
		} else {
			cases[[3]int{s.KH, s.StrideH, 1}]++
		}
		nx, nw, ny := s.Lengths()
		x, w, bias, res := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
		run := func(a method.Conv) []float32 {
			y := make([]float32, ny)
			packed := make([]float32, a.PackedLen())
			a.Pack(packed, w)
			a.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: res}, make([]float32, a.Scratch()))
			return y
		}
		rows := run(newRows(nil, s))
		if !slices.Equal(rows, run(newPadded(nil, s, false))) {
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
		if err := tol.Close(rows, kerneltest.Wide(want), 1e-5, 1e-5); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, c := range [][3]int{{3, 1, 1}, {3, 2, 1}, {5, 1, 1}, {5, 2, 1}, {7, 1, 1}, {3, 1, 2}, {3, 2, 2}, {5, 1, 2}, {5, 2, 2}, {7, 1, 2}} {
		if cases[c] < 8 {
			t.Errorf("%d windows of %dx%[2]d with a stride of %d and %d rows in a vector, want 8 at least", cases[c], c[0], c[1], c[2])
		}
	}
}

// What is read and written with channels innermost has the bits of planes, on any number of threads,
// and agrees with ref.
func TestDepthTurnedBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	pool := parallel.New(3)
	defer pool.Close()
	for i, d := range [][4]int{ // channels, height, width, window
		{16, 7, 7, 3}, {48, 7, 7, 5}, {32, 14, 14, 5}, {32, 14, 14, 3}, {16, 28, 28, 5}, {16, 3, 14, 3}, {16, 1, 13, 5}, {48, 2, 27, 3},
		{16, 14, 14, 5}, {32, 28, 28, 3}, {16, 28, 28, 5}, {16, 2, 40, 3}, {48, 4, 54, 5}, {16, 6, 14, 3},
	} {
		s := kerneltest.SquareConv(2, d[0], d[1], d[0], d[3], 1+i/8, d[0])
		s.W = d[2]
		s.Bias, s.Act, s.Lo, s.Hi = i%3 > 0, ref.Activation(i%4), -0.25, 0.5
		if !SuitsTurned(s) {
			t.Fatalf("%+v does not suit", s)
		}
		nx, nw, ny := s.Lengths()
		x, w, bias := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3)
		run := func(a method.Conv, x []float32) []float32 {
			y, packed := kerneltest.Noise(ny, 9), make([]float32, a.PackedLen())
			a.Pack(packed, w)
			a.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias}, make([]float32, a.Scratch()))
			kerneltest.Intact(t, y)
			return y
		}
		want, turnedX := run(newPadded(nil, s, false), x), kerneltest.Turned(x, s.C, s.H*s.W)
		for _, p := range []*parallel.Pool{nil, pool} {
			if !slices.Equal(want, kerneltest.Planes(run(NewTurned(p, s), turnedX), s.C, s.OutH()*s.OutW())) {
				t.Errorf("%+v: other bits than those of planes", s)
			}
		}
		c := NewTurned(nil, s).(*turned)
		c.Operands = method.Operands{Y: make([]float32, ny), X: turnedX, Packed: make([]float32, c.PackedLen()), Bias: bias}
		c.Pack(c.Packed, w)
		for q := range s.N * c.panels {
			a := c.arguments(q)
			ref.DepthTurnedConv(&a, s.KH, s.StrideH)
		}
		if err := tol.Close(kerneltest.Planes(c.Y, s.C, s.OutH()*s.OutW()), kerneltest.Wide(want), 1e-5, 1e-5); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// The lanes of small planes give the bits of products, and agree with ref.
func TestDepthLanesBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	cases := 0
	for i, s := range kerneltest.AllConvs() {
		s.StrideH, s.StrideW = min(s.StrideH, 2), min(s.StrideW, 2)
		s.C, s.M, s.Group, s.H, s.W = 2+i%9, 2+i%9, 2+i%9, 1+i%4, 1+i%5
		s.N += i % 17
		if s.Validate() != nil || !suitsMatrix(s) || s.H*s.W > tile.NR {
			continue
		}
		for _, flipped := range []bool{false, true} {
			m := newMatrix(nil, s, flipped)
			if flipped {
				m.spec.Bias, m.spec.Residual = false, false
			}
			l := newLanes(m, flipped)
			if len(l.taps) == 0 {
				continue
			}
			nx, ny := s.N*s.C*m.in, s.N*s.C*m.out
			x, w, bias, res := kerneltest.Noise(nx, 1), kerneltest.Noise(s.C*s.KH*s.KW, 2), kerneltest.Noise(s.M, 3),
				kerneltest.Noise(ny, 4)
			run := func(a method.Conv) []float32 {
				y, packed := kerneltest.Noise(ny, 9), make([]float32, a.PackedLen())
				a.Pack(packed, w)
				a.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: res}, make([]float32, a.Scratch()))
				kerneltest.Intact(t, y)
				return y
			}
			got := run(l)
			kerneltest.WithoutAVX512(func() {
				if !slices.Equal(got, run(m)) {
					t.Errorf("%+v: AVX-512 and AVX2 differ in bits", s)
				}
			})
			l.Operands = method.Operands{Y: make([]float32, ny), X: x, Packed: make([]float32, l.PackedLen()),
				Bias: bias, Residual: res}
			l.Pack(l.Packed, w)
			d := l.channels(0, s.C)
			ref.DepthLanesConv(&d)
			if err := tol.Close(got[:ny], kerneltest.Wide(l.Y), 1e-5, 1e-5); err != nil {
				t.Errorf("%+v: %v", s, err)
			}
			cases++
		}
	}
	if cases < 50 {
		t.Errorf("%d cases, want 50 at least", cases)
	}
}
