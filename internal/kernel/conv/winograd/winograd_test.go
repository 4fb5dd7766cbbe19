package winograd

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
	"memprobe/internal/tol"
)

var forms = []ref.Form{{M: 2, Stride: 1}, {M: 4, Stride: 1}, {M: 2, Stride: 2}}

// TestChange holds each change of basis against the plain one: any number of
// tiles, rows and columns and tiles apart by odd numbers, forwards and backwards.
func TestChange(t *testing.T) {
	for _, f := range forms {
		for _, c := range f.Changes() {
			l := c.Matrix(f)
			q, p := len(l), len(l[0])
			for n := range 5 {
				for gap := range 3 {
					src := kerneltest.Noise((p*p*n+1)*(tile.NR+gap), 1)
					got, want := kerneltest.Noise((q*q*n+1)*(tile.NR+gap), 2), kerneltest.Noise((q*q*n+1)*(tile.NR+gap), 2)
					tiles := ref.Tiles{N: n, SrcCol: tile.NR + gap, SrcRow: p * (tile.NR + gap), SrcTile: p * p * (tile.NR + gap),
						DstRow: tile.NR + gap, DstCol: q * (tile.NR + gap), DstTile: q * q * (tile.NR + gap)}
					run := func(f func(*ref.Tiles), dst []float32) {
						t := tiles
						t.Src, t.Dst = &src[0], &dst[0]
						if gap == 2 && n > 0 {
							t.Src, t.Dst = &src[(n-1)*t.SrcTile], &dst[(n-1)*t.DstTile]
							t.SrcTile, t.DstTile = -t.SrcTile, -t.DstTile
						}
						f(&t)
					}
					change := newChange(f, c)
					run(change.apply, got)
					run(func(t *ref.Tiles) { ref.Transform(l, t) }, want)
					// Up to 36 terms with coefficients of up to 12.
					if err := tol.Close(got, want, 1e-5, 0); err != nil {
						t.Fatalf("F(%v) %v, %d tiles, gap %d: %v", f, c, n, gap, err)
					}
					kerneltest.Intact(t, got)
				}
			}
		}
	}
}

// winogradConvs are those of the list that Winograd suits, with every padding
// and sizes that tiles do not divide.
func winogradConvs() []method.Spec {
	var list []method.Spec
	for _, s := range kerneltest.AllConvs()[:60] {
		if s.Group = 1; Forms(s) != nil {
			list = append(list, s)
		}
	}
	for i := range 27 {
		s := list[i%len(list)]
		s.N, s.C, s.M, s.H, s.W = 1+i%4, 1+i%19, 1+(i*7)%40, 3+i%9, 3+(i*5)%13
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = i%3, i/3%3, i/9%3, (i+1)%3
		for stride := 1; stride <= 2; stride++ {
			s.StrideH, s.StrideW = stride, stride
			list = append(list, s)
		}
	}
	return append(list, kerneltest.SquareConv(3, 300, 9, 40, 3, 2, 1), kerneltest.SquareConv(7, 300, 6, 40, 3, 1, 1), kerneltest.SquareConv(1, 40, 40, 130, 3, 1, 1),
		kerneltest.SquareConv(49, 20, 16, 33, 3, 1, 1))
}

// TestWinograd holds the passes by Winograd against the definition, whether or
// not they would be chosen.
func TestWinograd(t *testing.T) {
	for _, s := range winogradConvs() {
		nx, nw, ny := s.Lengths()
		x, w, bias, res, dy := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3),
			kerneltest.Noise(ny, 4), kerneltest.Noise(ny, 5)
		y, dx := make([]float64, ny), make([]float64, nx)
		ref.Conv(s, y, kerneltest.Wide(x), kerneltest.Wide(w), kerneltest.Wide(bias), kerneltest.Wide(res))
		dw := make([]float64, nw)
		ref.ConvGradW(s, dw, kerneltest.Wide(x), kerneltest.Wide(dy))
		plain := s
		plain.Bias, plain.Residual, plain.Act = false, false, tile.ActNone
		ref.ConvGradX(plain, dx, kerneltest.Wide(dy), kerneltest.Wide(w))
		constant := s
		constant.Constant = true
		for _, f := range Forms(s) {
			for _, s := range []method.Spec{s, constant} {
				kerneltest.ConvLike(t, s, s.C*9, y, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
					return kerneltest.RunAlgo(New(p, s, f), x, w, bias, res)
				})
			}
			kerneltest.ConvLike(t, plain, s.N*s.OutH()*s.OutW(), dw,
				func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
					g := planGradW(p, plain, f, 1<<15) // several steps
					return g.Name(), g.Scratch(), func(out, scratch []float32) {
						g.Run(method.GradOperands{DW: out, X: x, DY: dy}, scratch)
					}
				})
		}
		for _, f := range GradXForms(s) {
			kerneltest.ConvLike(t, plain, s.M*9, dx, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				return kerneltest.RunAlgo(NewGradX(p, plain, f), dy, w, nil, nil)
			})
		}
	}
}

// TestLate shows that weights that change late, for the few tiles of an image, give the bits
// of those that are packed for many.
func TestLate(t *testing.T) {
	s := kerneltest.SquareConv(40, 300, 7, 40, 3, 1, 1)
	s2 := s
	s2.StrideH, s2.StrideW = 2, 2
	for _, s := range []method.Spec{s, s2} {
		nx, nw, ny := s.Lengths()
		w := kerneltest.Noise(nw, 2)
		for _, f := range Forms(s) {
			lateLike(t, s, f, New, kerneltest.Noise(nx, 1), w, ny)
			lateLike(t, s, f, NewGradX, kerneltest.Noise(ny, 1), w, nx)
		}
	}
}

func lateLike(t *testing.T, s method.Spec, f ref.Form, plan func(*parallel.Pool, method.Spec, ref.Form) *Conv, in, w []float32, n int) {
	t.Helper()
	one := s
	one.N = 1
	whole, part := plan(nil, s, f), plan(nil, one, f)
	if whole.late || !part.late {
		t.Fatalf("%s: late for all images %v, for one %v", whole.Name(), whole.late, part.late)
	}
	want, got := make([]float32, n), make([]float32, n)
	_, scratch, run := kerneltest.RunAlgo(whole, in, w, nil, nil)
	run(want, make([]float32, scratch))
	for i := range s.N {
		_, scratch, run := kerneltest.RunAlgo(part, in[i*len(in)/s.N:][:len(in)/s.N], w, nil, nil)
		run(got[i*n/s.N:][:n/s.N], make([]float32, scratch))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: other bits by images", whole.Name())
	}
}

// TestWinogradNaN shows that what is not finite stays in the tiles that read it.
func TestWinogradNaN(t *testing.T) {
	s := kerneltest.SquareConv(1, 3, 16, 5, 3, 1, 1)
	nx, nw, ny := s.Lengths()
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		x, w, want, y := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), make([]float64, ny), make([]float32, ny)
		ref.Conv(s, want, kerneltest.Wide(x), kerneltest.Wide(w), nil, nil)
		x[5*16+6] = bad // row 5, column 6: read by the tiles of rows 4 to 7 and columns 4 to 7
		_, n, run := kerneltest.RunAlgo(New(nil, s, ref.Form{M: 4, Stride: 1}), x, w, nil, nil)
		run(y, make([]float32, n))
		for i, v := range y {
			row, col := i/16%16, i%16
			if inTile := row/4 == 1 && col/4 == 1; inTile != (v != v) {
				t.Fatalf("%v in the input: output (%d,%d) is %v", bad, row, col, v)
			}
		}
	}
}

// TestTransposedNaN is TestWinogradNaN of a data gradient of stride 2, of either parity of
// the padding.
func TestTransposedNaN(t *testing.T) {
	for pad := range 2 {
		s := kerneltest.SquareConv(1, 3, 16, 5, 3, 2, 1)
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = pad, pad, 1, 1
		nx, nw, ny := s.Lengths()
		w, dy, dx := kerneltest.Noise(nw, 2), kerneltest.Noise(ny, 1), make([]float32, nx)
		dy[3*s.OutW()+3] = float32(math.NaN())
		_, n, run := kerneltest.RunAlgo(NewGradX(nil, s, ref.Form{M: 2, Stride: 2}), dy, w, nil, nil)
		run(dx, make([]float32, n))
		reached := func(i int) bool { return i >= 6-pad && i <= 8-pad }
		inTile := func(i int) bool { return i >= 4 && i < 12-4*pad }
		for i, v := range dx {
			row, col := i/16%16, i%16
			if bad := v != v; bad && !(inTile(row) && inTile(col)) || !bad && reached(row) && reached(col) {
				t.Fatalf("padding %d: NaN in dy: dx (%d,%d) is %v", pad, row, col, v)
			}
		}
	}
}

func BenchmarkChange(b *testing.B) {
	const n = 16
	for _, f := range forms {
		for _, c := range f.Changes() {
			b.Run(fmt.Sprintf("F%v/%v", f, c), func(b *testing.B) {
				src, dst := kerneltest.Noise(36*(n*tile.NR+16), 1), kerneltest.Noise(36*(n*tile.NR+16), 2)
				t := ref.Tiles{N: n, SrcCol: tile.NR, SrcRow: 34 * tile.NR, SrcTile: tile.NR, DstTile: tile.NR,
					DstCol: n*tile.NR + 16, DstRow: 6 * (n*tile.NR + 16)}
				t.Src, t.Dst = &src[0], &dst[0]
				change := newChange(f, c)
				for b.Loop() {
					change.apply(&t)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*tile.NR), "ns/tile")
			})
		}
	}
	b.Run("spread", func(b *testing.B) {
		src, dst := kerneltest.Noise(256*tile.NR, 1), kerneltest.Noise(256*tile.NR, 2)
		p := ref.Planes{Src: &src[0], Dst: &dst[0], Rows: tile.NR, N: 256, LD: 256}
		for b.Loop() {
			tile.Spread(&p)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*256*tile.NR), "ns/float")
	})
}
