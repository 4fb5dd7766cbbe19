package kerneltest

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// SquareConv is a convolution as networks have them: padded to keep the size.
func SquareConv(n, c, h, m, k, stride, group int) method.Spec {
	pad := k / 2
	return method.Spec{N: n, C: c, H: h, W: h, M: m, KH: k, KW: k, StrideH: stride, StrideW: stride,
		DilationH: 1, DilationW: 1, PadTop: pad, PadLeft: pad, PadBottom: pad, PadRight: pad, Group: group}
}

// randomConv draws a small valid convolution that may have anything odd.
func randomConv(seed uint64) method.Spec {
	r := rng.New(seed, rng.Bench, 2)
	for {
		s := method.Spec{N: 1 + r.IntN(5), H: 1 + r.IntN(21), W: 1 + r.IntN(37), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4),
			StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2),
			PadTop: r.IntN(4), PadLeft: r.IntN(4), PadBottom: r.IntN(4), PadRight: r.IntN(4), Group: 1 + r.IntN(3)}
		s.C, s.M = s.Group*(1+r.IntN(20)), s.Group*(1+r.IntN(20))
		if seed%4 == 0 {
			s.Group, s.C, s.M = 1+r.IntN(40), 1, 1+r.IntN(2)
			s.C, s.M = s.Group*s.C, s.Group*s.M
		}
		if seed%3 == 0 { // the usual shape
			s.KH, s.KW, s.StrideH, s.StrideW, s.DilationH, s.DilationW = 3, 3, 1, 1, 1, 1
			s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = 1, 1, 1, 1
		}
		s.Bias, s.Residual = r.IntN(2) == 0, r.IntN(2) == 0
		s.Act, s.Lo, s.Hi = ref.Activation(r.IntN(4)), -0.25, 0.5
		if s.Validate() == nil {
			return s
		}
	}
}

// usualConv lists the layers of the networks that matter, at a small batch.
var usualConv = []method.Spec{
	{N: 3, C: 3, H: 32, W: 32, M: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1,
		PadBottom: 1, PadRight: 1},
	{N: 2, C: 3, H: 64, W: 64, M: 32, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3,
		PadBottom: 3, PadRight: 3},
	{N: 2, C: 64, H: 32, W: 32, M: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1,
		PadBottom: 1, PadRight: 1},
	{N: 2, C: 64, H: 32, W: 32, M: 128, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1,
		PadBottom: 1, PadRight: 1},
	{N: 2, C: 64, H: 32, W: 32, M: 128, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 3, C: 128, H: 14, W: 14, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 100, H: 2, W: 2, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 300, H: 1, W: 1, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 5, C: 300, H: 5, W: 5, M: 130, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 4, C: 30, H: 4, W: 4, M: 50, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 128, H: 4, W: 4, M: 100, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1,
		PadBottom: 1, PadRight: 1},
	{N: 9, C: 256, H: 2, W: 2, M: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1,
		PadBottom: 1, PadRight: 1},
	{N: 2, C: 40, H: 15, W: 15, M: 40, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadTop: 3, PadLeft: 3, PadBottom: 3,
		PadRight: 3, Group: 40},
	{N: 2, C: 40, H: 16, W: 16, M: 40, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 40},
	{N: 2, C: 9, H: 32, W: 33, M: 9, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 9},
	{N: 2, C: 9, H: 33, W: 71, M: 9, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 9},
	{N: 2, C: 9, H: 14, W: 14, M: 9, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 2, PadBottom: 2,
		PadRight: 2, Group: 9},
	{N: 2, C: 9, H: 9, W: 7, M: 9, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 2, PadLeft: 2, PadBottom: 2,
		PadRight: 2, Group: 9},
	{N: 1, C: 9, H: 19, W: 40, M: 9, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 4, PadLeft: 3, Group: 9},
	{N: 1, C: 9, H: 17, W: 35, M: 9, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 2, PadBottom: 2,
		PadRight: 1, Group: 9},
	{N: 9, C: 40, H: 4, W: 4, M: 40, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadTop: 3, PadLeft: 3, PadBottom: 3,
		PadRight: 3, Group: 40},
	{N: 14, C: 70, H: 5, W: 6, M: 70, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 70},
	{N: 1, C: 30, H: 2, W: 2, M: 30, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 30},
	{N: 1, C: 3, H: 64, W: 64, M: 192, KH: 16, KW: 16, StrideH: 16, StrideW: 16},
	{N: 3, C: 90, H: 7, W: 7, M: 50, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 7, C: 50, H: 7, W: 7, M: 90, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 2, C: 30, H: 14, W: 13, M: 90, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 8, C: 50, H: 7, W: 7, M: 90, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 2, C: 24, H: 20, W: 20, M: 24, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 6},
	{N: 2, C: 64, H: 14, W: 14, M: 64, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
		PadRight: 1, Group: 2},
}

func AllConvs() []method.Spec {
	list := slices.Clone(usualConv)
	for i := range list {
		s := &list[i]
		s.DilationH, s.DilationW, s.Group = 1, 1, max(s.Group, 1)
		s.Bias, s.Residual = i%2 == 0, i%3 == 0
		s.Act, s.Lo, s.Hi = ref.Activation(i/3%3), -0.25, 0.5
	}
	for seed := range uint64(200) {
		list = append(list, randomConv(seed))
	}
	return list
}

// ConvLike checks a pass for one spec: the same bits for any number of threads,
// close to want, nothing written past the ends.
func ConvLike(t *testing.T, s method.Spec, terms int, want []float64,
	plan func(p *parallel.Pool) (name string, scratch int, run func(out, scratch []float32))) {
	t.Helper()
	var first []float32
	for _, threads := range ThreadCounts {
		p := parallel.New(threads)
		defer p.Close()
		name, n, run := plan(p)
		out, scratch := Noise(len(want), 9), Noise(n, 8)
		run(out, scratch)
		Intact(t, out)
		Intact(t, scratch)
		if first == nil {
			first = out
			// A product of at most 1 for each term; Winograd's transforms
			// widen the rounding by a small factor.
			if err := tol.Close(out, want, 4e-7*float64(terms+8), 2e-6); err != nil {
				t.Fatalf("%s %+v: %v", name, s, err)
			}
		} else if !slices.Equal(first, out) {
			t.Fatalf("%s %+v: %d threads give other bits", name, s, threads)
		}
	}
}

func RunAlgo(a method.Conv, x, w, bias, res []float32) (string, int, func(out, scratch []float32)) {
	n := a.PackedLen()
	return a.Name(), n + a.Scratch(), func(out, scratch []float32) {
		a.Pack(scratch[:n], w)
		a.Run(method.Operands{Y: out, X: x, W: w, Packed: scratch[:n], Bias: bias, Residual: res}, scratch[n:])
	}
}
