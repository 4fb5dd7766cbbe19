package kernel

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"

	"memprobe/internal/tol"
)

var changes = []ref.Change{ref.ChangeInput, ref.ChangeOutput, ref.ChangeWeight, ref.ChangeOutputGrad, ref.ChangeWeightGrad}

// TestChange holds each change of basis against the plain one: any number of
// tiles, rows and columns and tiles apart by odd numbers, forwards and backwards.
func TestChange(t *testing.T) {
	for _, m := range []int{2, 4} {
		for _, c := range changes {
			l := c.Matrix(m)
			q, p := len(l), len(l[0])
			for n := range 5 {
				for gap := range 3 {
					src := noise((p*p*n+1)*(nr+gap), 1)
					got, want := noise((q*q*n+1)*(nr+gap), 2), noise((q*q*n+1)*(nr+gap), 2)
					tiles := ref.Tiles{N: n, SrcCol: nr + gap, SrcRow: p * (nr + gap), SrcTile: p * p * (nr + gap),
						DstRow: nr + gap, DstCol: q * (nr + gap), DstTile: q * q * (nr + gap)}
					run := func(f func(*ref.Tiles), dst []float32) {
						t := tiles
						t.Src, t.Dst = &src[0], &dst[0]
						if gap == 2 && n > 0 {
							t.Src, t.Dst = &src[(n-1)*t.SrcTile], &dst[(n-1)*t.DstTile]
							t.SrcTile, t.DstTile = -t.SrcTile, -t.DstTile
						}
						f(&t)
					}
					change := newChange(m, c)
					run(change.apply, got)
					run(func(t *ref.Tiles) { ref.Transform(l, t) }, want)
					// Up to 36 terms with coefficients of up to 12.
					if err := tol.Close(got, want, 1e-5, 0); err != nil {
						t.Fatalf("F(%d) %v, %d tiles, gap %d: %v", m, c, n, gap, err)
					}
					intact(t, got)
				}
			}
		}
	}
}

func TestSpread(t *testing.T) {
	for n := 1; n < 70; n++ {
		for rows := 1; rows <= nr; rows++ {
			src, bias, res := noise(n*nr+n, 1), noise(rows, 2), noise(rows*(n+3), 3)
			got, want := noise(rows*(n+3), 4), noise(rows*(n+3), 4)
			p := ref.Planes{Src: &src[n], Rows: rows, N: n, LD: n + 3, Lo: -0.5, Hi: 0.7}
			if n&1 != 0 {
				p.Bias = &bias[0]
			}
			if n&2 != 0 {
				p.Residual = &res[0]
			}
			p.Dst = &got[0]
			spread(&p)
			p.Dst = &want[0]
			ref.Spread(&p)
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("%d pixels, %d rows: %v", n, rows, err)
			}
			intact(t, got)
		}
	}
}

// winogradConvs are those of the list that Winograd suits, with every padding
// and sizes that tiles do not divide.
func winogradConvs() []ConvSpec {
	var list []ConvSpec
	for _, s := range allConvs()[:60] {
		if s.Group = 1; suitsWinograd(s) {
			list = append(list, s)
		}
	}
	for i := range 27 {
		s := list[i%len(list)]
		s.N, s.C, s.M, s.H, s.W = 1+i%4, 1+i%19, 1+(i*7)%40, 3+i%9, 3+(i*5)%13
		s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = i%3, i/3%3, i/9%3, (i+1)%3
		list = append(list, s)
	}
	return append(list, squareConv(7, 300, 6, 40, 3, 1, 1), squareConv(1, 40, 40, 130, 3, 1, 1),
		squareConv(49, 20, 16, 33, 3, 1, 1))
}

// TestWinograd holds the passes by Winograd against the definition, whether or
// not they would be chosen.
func TestWinograd(t *testing.T) {
	for _, s := range winogradConvs() {
		nx, nw, ny := s.Lengths()
		x, w, bias, res, dy := noise(nx, 1), noise(nw, 2), noise(s.M, 3), noise(ny, 4), noise(ny, 5)
		y, dx := make([]float64, ny), make([]float64, nx)
		ref.Conv(s, y, wide(x), wide(w), wide(bias), wide(res))
		dw := make([]float64, nw)
		ref.ConvGradW(s, dw, wide(x), wide(dy))
		plain := s
		plain.Bias, plain.Residual, plain.Act = false, false, ActNone
		ref.ConvGradX(plain, dx, wide(dy), wide(w))
		for _, m := range []int{2, 4} {
			convLike(t, s, s.C*9, y, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				return runAlgo(newWinograd(p, s, m), x, w, bias, res)
			})
			convLike(t, plain, s.M*9, dx, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				return runAlgo(newWinogradGradX(p, plain, m), dy, w, nil, nil)
			})
			convLike(t, plain, s.N*s.OutH()*s.OutW(), dw, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				g := planWinogradW(p, plain, m, 1<<15) // several steps
				return g.name(), g.scratch(), func(out, scratch []float32) { g.run(out, x, dy, scratch) }
			})
		}
	}
}

func runAlgo(a convAlgo, x, w, bias, res []float32) (string, int, func(out, scratch []float32)) {
	n := a.packedLen()
	return a.name(), n + a.scratch(), func(out, scratch []float32) {
		a.pack(scratch[:n], w)
		a.run(out, x, scratch[:n], bias, res, scratch[n:])
	}
}

// TestWinogradError bounds the error against float64 relative to the root mean
// square of the output, for normal inputs, and beside that of direct convolution.
func TestWinogradError(t *testing.T) {
	for _, c := range []int{16, 64, 512} {
		s := squareConv(2, c, 8, 16, 3, 1, 1)
		nx, nw, ny := s.Lengths()
		x, w := normal(nx, 1, 0), normal(nw, 2, 0)
		want, y := make([]float64, ny), make([]float32, ny)
		ref.Conv(s, want, wide(x), wide(w), nil, nil)
		scale := rms(want)
		measure := func(a convAlgo) (root, worst float64) {
			_, n, run := runAlgo(a, x, w, nil, nil)
			run(y, make([]float32, n))
			diff := make([]float64, ny)
			for i := range diff {
				diff[i] = (float64(y[i]) - want[i]) / scale
				worst = max(worst, math.Abs(diff[i]))
			}
			return rms(diff), worst
		}
		direct, directWorst := measure(newDirect(nil, s))
		t.Logf("%d channels: direct %.2g, at most %.2g", c, direct, directWorst)
		for m, limit := range map[int]float64{2: 2, 4: 6} {
			root, worst := measure(newWinograd(nil, s, m))
			t.Logf("%d channels: F(%d) %.2g, at most %.2g", c, m, root, worst)
			if !(root <= limit*direct) || !(root <= 2e-6) || !(worst <= 8*root) {
				t.Errorf("%d channels: F(%d) errs by %.2g, at most %.2g; direct %.2g", c, m, root, worst, direct)
			}
		}
	}
}

func rms(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(v)))
}

// TestWinogradNaN shows that what is not finite stays in the tiles that read it.
func TestWinogradNaN(t *testing.T) {
	s := squareConv(1, 3, 16, 5, 3, 1, 1)
	nx, nw, ny := s.Lengths()
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		x, w, want, y := noise(nx, 1), noise(nw, 2), make([]float64, ny), make([]float32, ny)
		ref.Conv(s, want, wide(x), wide(w), nil, nil)
		x[5*16+6] = bad // row 5, column 6: read by the tiles of rows 4 to 7 and columns 4 to 7
		_, n, run := runAlgo(newWinograd(nil, s, 4), x, w, nil, nil)
		run(y, make([]float32, n))
		for i, v := range y {
			row, col := i/16%16, i%16
			if inTile := row/4 == 1 && col/4 == 1; inTile != (v != v) {
				t.Fatalf("%v in the input: output (%d,%d) is %v", bad, row, col, v)
			}
		}
	}
}

func BenchmarkChange(b *testing.B) {
	const n = 16
	for _, m := range []int{2, 4} {
		for _, c := range changes {
			b.Run(fmt.Sprintf("F%d/%v", m, c), func(b *testing.B) {
				src, dst := noise(36*(n*nr+16), 1), noise(36*(n*nr+16), 2)
				t := ref.Tiles{N: n, SrcCol: nr, SrcRow: 34 * nr, SrcTile: nr, DstTile: nr, DstCol: n*nr + 16, DstRow: 6 * (n*nr + 16)}
				t.Src, t.Dst = &src[0], &dst[0]
				change := newChange(m, c)
				for b.Loop() {
					change.apply(&t)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*nr), "ns/tile")
			})
		}
	}
	b.Run("spread", func(b *testing.B) {
		src, dst := noise(256*nr, 1), noise(256*nr, 2)
		p := ref.Planes{Src: &src[0], Dst: &dst[0], Rows: nr, N: 256, LD: 256}
		for b.Loop() {
			spread(&p)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*256*nr), "ns/float")
	})
}
