package quant

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// number is a byte as what it stands for.
func number(v uint8, signed bool) int64 {
	if signed {
		return int64(int8(v))
	}
	return int64(v)
}

func stream(seed uint64) *rng.Stream {
	s := rng.New(seed, rng.Bench)
	return &s
}

func randomBytes(s *rng.Stream, n int) []uint8 {
	v := make([]uint8, n)
	for i := range v {
		switch v[i] = uint8(s.Uint64()); s.IntN(8) {
		case 0:
			v[i] = 0x80
		case 1:
			v[i] = 0x7f
		case 2:
			v[i] = 0xff
		}
	}
	return v
}

func zeroOf(s *rng.Stream, signed bool) int32 {
	if signed {
		return int32(s.IntN(256)) - 128
	}
	return int32(s.IntN(256))
}

// expect rounds an exact sum as ONNX says, in float64 from the product on.
func expect(sum int64, scale float32, g Grid) uint8 {
	v := math.RoundToEven(float64(float32(sum)*scale)) + float64(g.Zero)
	return uint8(int(min(max(v, float64(g.Lo)), float64(g.Hi))))
}

func weightsOf(s *rng.Stream, n, channels int, skewed bool) Weights {
	w := Weights{W: randomBytes(s, n), Signed: s.IntN(2) == 0}
	switch {
	case !skewed && w.Signed:
	case !skewed:
		w.Zero = []int32{128}
	case s.IntN(2) == 0:
		w.Zero = []int32{zeroOf(s, w.Signed)}
	default:
		for range channels {
			w.Zero = append(w.Zero, zeroOf(s, w.Signed))
		}
	}
	return w
}

func (w *Weights) number(i, m int) int64 {
	z := int32(0)
	if len(w.Zero) > 0 {
		z = w.Zero[min(m, len(w.Zero)-1)]
	}
	return number(w.W[i], w.Signed) - int64(z)
}

func resultOf(s *rng.Stream, channels, k int, signed bool) *Result {
	r := &Result{Grid: Grid{Zero: zeroOf(s, signed), Lo: 0, Hi: 255}}
	if signed {
		r.Grid.Lo, r.Grid.Hi = -128, 127
	}
	if s.IntN(2) == 0 {
		r.Grid.Lo = r.Grid.Zero
	}
	for range channels {
		r.Scale = append(r.Scale, float32(math.Exp(s.Normal())/(5000*math.Sqrt(float64(k)))))
		r.Bias = append(r.Bias, int32(s.IntN(20000))-10000)
	}
	return r
}

// convSums is the definition.
func convSums(c ConvSpec, x []uint8, signed bool, zero int32, w *Weights) []int64 {
	_, _, n := c.Lengths()
	y := make([]int64, n)
	cg, mg, oh, ow := c.C/c.Group, c.M/c.Group, c.OutH(), c.OutW()
	for i := range y {
		q, p, m, img := i%ow, i/ow%oh, i/(ow*oh)%c.M, i/(ow*oh*c.M)
		for ch := range cg {
			for kh := range c.KH {
				for kw := range c.KW {
					h, v := p*c.StrideH+kh*c.DilationH-c.PadTop, q*c.StrideW+kw*c.DilationW-c.PadLeft
					if h < 0 || h >= c.H || v < 0 || v >= c.W {
						continue
					}
					a := number(x[((img*c.C+m/mg*cg+ch)*c.H+h)*c.W+v], signed) - int64(zero)
					y[i] += a * w.number(((m*cg+ch)*c.KH+kh)*c.KW+kw, m)
				}
			}
		}
	}
	return y
}

var shapes = []ConvSpec{
	{N: 1, C: 3, H: 13, W: 13, M: 10, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3,
		PadBottom: 3, PadRight: 3},
	{N: 2, C: 8, H: 9, W: 21, M: 9, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 1, C: 70, H: 6, W: 5, M: 17, KH: 1, KW: 1},
	{N: 3, C: 5, H: 7, W: 7, M: 4, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 1, C: 4, H: 40, W: 40, M: 8, KH: 3, KW: 3, PadBottom: 1, PadRight: 2},
	{N: 1, C: 6, H: 11, W: 12, M: 8, KH: 2, KW: 3, DilationH: 2, DilationW: 3, StrideH: 3, StrideW: 2,
		PadTop: 2, PadLeft: 1},
	{N: 2, C: 12, H: 6, W: 6, M: 6, Group: 3, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 1, C: 5, H: 8, W: 9, M: 5, Group: 5, KH: 3, KW: 3},
	{N: 1, C: 2, H: 1, W: 1, M: 3, KH: 2, KW: 2, StrideH: 2, StrideW: 2, PadBottom: 1, PadRight: 1},
}

func normal(s ConvSpec) ConvSpec {
	for _, v := range []*int{&s.StrideH, &s.StrideW, &s.DilationH, &s.DilationW, &s.Group} {
		*v = max(*v, 1)
	}
	return s
}

func TestConv(t *testing.T) {
	s := stream(1)
	for _, c := range shapes {
		for round := range 6 {
			c = normal(c)
			signed := round%2 == 0
			nx, nw, ny := c.Lengths()
			x, zero, w := randomBytes(s, nx), zeroOf(s, signed), weightsOf(s, nw, c.M, round > 2)
			r := resultOf(s, c.M, nw/c.M, round%3 == 0)
			sums := convSums(c, x, signed, zero, &w)
			name := fmt.Sprintf("%+v round %d", c, round)
			each(func(p *parallel.Pool) {
				plain, plan := NewConv(p, c, signed, w, nil), NewConv(p, c, signed, w, r)
				got, y := make([]int32, ny), make([]uint8, ny)
				plain.RunSums(got, x, zero, make([]float32, plain.Scratch()))
				plan.Run(y, x, zero, make([]float32, plan.Scratch()))
				plane := c.OutH() * c.OutW()
				for i, sum := range sums {
					m := i / plane % c.M
					if int64(got[i]) != sum {
						t.Fatalf("%s: sum %d is %d, want %d", name, i, got[i], sum)
					}
					if want := expect(sum+int64(r.Bias[m]), r.Scale[m], r.Grid); y[i] != want {
						t.Fatalf("%s: byte %d is %d, want %d", name, i, y[i], want)
					}
				}
			})
		}
	}
}

func TestProduct(t *testing.T) {
	s := stream(2)
	for round := range 60 {
		c := ProductSpec{M: 1 + s.IntN(40), N: 1 + s.IntN(100), K: 1 + s.IntN(150), TransW: s.IntN(2) == 0,
			Signed: s.IntN(2) == 0}
		x, zero, w := randomBytes(s, c.M*c.K), zeroOf(s, c.Signed), weightsOf(s, c.K*c.N, c.N, round%2 == 0)
		r := resultOf(s, c.N, c.K, round%3 == 0)
		name := fmt.Sprintf("%+v round %d", c, round)
		each(func(p *parallel.Pool) {
			plain, plan := NewProduct(p, c, w, nil), NewProduct(p, c, w, r)
			got, y := make([]int32, c.M*c.N), make([]uint8, c.M*c.N)
			plain.RunSums(got, x, zero, make([]float32, plain.Scratch()))
			plan.Run(y, x, zero, make([]float32, plan.Scratch()))
			for i := range got {
				row, j, sum := i/c.N, i%c.N, int64(0)
				for k := range c.K {
					at := k*c.N + j
					if c.TransW {
						at = j*c.K + k
					}
					sum += (number(x[row*c.K+k], c.Signed) - int64(zero)) * w.number(at, j)
				}
				if int64(got[i]) != sum {
					t.Fatalf("%s: sum %d is %d, want %d", name, i, got[i], sum)
				}
				if want := expect(sum+int64(r.Bias[j]), r.Scale[j], r.Grid); y[i] != want {
					t.Fatalf("%s: byte %d is %d, want %d", name, i, y[i], want)
				}
			}
		})
	}
}

// each calls f with several numbers of threads, and on every instruction set.
func each(f func(p *parallel.Pool)) {
	everywhere(func() {
		for _, n := range []int{1, 3} {
			p := parallel.New(n)
			f(p)
			p.Close()
		}
	})
}

// Whatever the bytes, pairs of products do not saturate.
func TestTilesOfExtremes(t *testing.T) {
	for _, b := range [][2]uint8{{0x80, 0xff}, {0x7f, 0xff}, {0xff, 0x80}, {0xff, 0x7f}, {0xff, 0xff}} {
		a, v := slices.Repeat([]uint8{b[0]}, 4*rows*3), slices.Repeat([]uint8{b[1]}, 4*cols*3)
		for name, f := range map[string][2]func(*ref.ByteTile){"s8u8": {tileS8U8, ref.TileS8U8},
			"u8s8": {tileU8S8, ref.TileU8S8}} {
			everywhere(func() {
				var c [2][rows * cols]int32
				off := []int{0, 4 * cols, 8 * cols}
				for i := range c {
					f[i](&ref.ByteTile{C: &c[i][0], LDC: cols, A: &a[0], B: &v[0], Offsets: &off[0], Steps: 3})
				}
				if c[0] != c[1] {
					t.Errorf("%s of %#x: %d, want %d", name, b, c[0][0], c[1][0])
				}
			})
		}
	}
}

func TestPasses(t *testing.T) {
	s := stream(3)
	for n := range 100 {
		g := Grid{Zero: zeroOf(s, n%2 == 0), Lo: 0, Hi: 255}
		if n%2 == 0 {
			g.Lo, g.Hi = -128, 127
		}
		x := make([]float32, n)
		scale := float32(math.Exp(s.Normal()))
		for i := range x {
			x[i] = float32(100 * s.Normal())
			switch s.IntN(10) {
			case 0:
				x[i] = (float32(s.IntN(20)) - 9.5) * scale // ties
			case 1:
				x[i] = float32(math.NaN())
			case 2:
				x[i] = float32(math.Inf(s.IntN(2)*2 - 1))
			}
		}
		everywhere(func() {
			y, back := make([]uint8, n), make([]float32, n)
			Quantize(y, x, scale, g)
			Dequantize(back, y, n%2 == 0, scale, g.Zero)
			for i, v := range x {
				want := min(max(math.RoundToEven(float64(v/scale))+float64(g.Zero), float64(g.Lo)), float64(g.Hi))
				if v != v {
					want = float64(g.Lo)
				}
				if got := number(y[i], n%2 == 0); float64(got) != want {
					t.Fatalf("%v with scale %v is %d, want %v", v, scale, got, want)
				}
				if want := float32(int32(want)-g.Zero) * scale; back[i] != want {
					t.Fatalf("%d is %v, want %v", y[i], back[i], want)
				}
			}
		})
		a, b := randomBytes(s, n), randomBytes(s, n)
		sum := NewSum(n%2 == 0, 0.5, 3, 0.25, -7, 0.75, g)
		want := make([]uint8, n)
		ref.AddQuantized(want, a, b, flip(n%2 == 0), sum.scaleA, sum.scaleB, sum.fixed, sum.lo, sum.hi)
		everywhere(func() {
			got := make([]uint8, n)
			sum.Run(got, a, b)
			for i := range got {
				exact := (0.5*float64(number(a[i], n%2 == 0)-3)+0.25*float64(number(b[i], n%2 == 0)+7))/0.75 + float64(g.Zero)
				exact = min(max(exact, float64(g.Lo)), float64(g.Hi))
				if math.Abs(float64(number(got[i], n%2 == 0))-exact) > 0.5001 || got[i] != want[i] {
					t.Fatalf("%d + %d is %d, want %v and as in Go %d", a[i], b[i], got[i], exact, want[i])
				}
			}
		})
	}
}

func TestMaxPool(t *testing.T) {
	s := stream(4)
	for i, c := range append(shapes,
		ConvSpec{N: 1, C: 2, H: 112, W: 112, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
			PadRight: 1}) {
		if c = normal(c); c.KH == 1 {
			continue
		}
		signed := i%2 == 0
		x := randomBytes(s, c.N*c.C*c.H*c.W)
		oh, ow := c.OutH(), c.OutW()
		each(func(p *parallel.Pool) {
			y := make([]uint8, c.N*c.C*oh*ow)
			NewMaxPool(p, c, oh, ow, signed).Run(y, x)
			for j, v := range y {
				best := int64(math.MinInt64)
				for kh := range c.KH {
					for kw := range c.KW {
						h, w := j/ow%oh*c.StrideH+kh*c.DilationH-c.PadTop, j%ow*c.StrideW+kw*c.DilationW-c.PadLeft
						if h >= 0 && h < c.H && w >= 0 && w < c.W {
							best = max(best, number(x[(j/(ow*oh)*c.H+h)*c.W+w], signed))
						}
					}
				}
				if number(v, signed) != best {
					t.Fatalf("%+v: %d is %d, want %d", c, j, number(v, signed), best)
				}
			}
		})
	}
}

func BenchmarkConv(b *testing.B) {
	for _, c := range []ConvSpec{
		{N: 1, C: 3, H: 224, W: 224, M: 64, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3,
			PadRight: 3},
		{N: 1, C: 64, H: 56, W: 56, M: 64, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 1, C: 64, H: 56, W: 56, M: 128, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1,
			PadRight: 1},
		{N: 1, C: 128, H: 28, W: 28, M: 128, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 1, C: 256, H: 14, W: 14, M: 256, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 1, C: 512, H: 7, W: 7, M: 512, KH: 3, KW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	} {
		c = normal(c)
		b.Run(fmt.Sprintf("%d→%d,%dx%d,k%d", c.C, c.M, c.H, c.W, c.KH), func(b *testing.B) {
			s := stream(5)
			nx, nw, ny := c.Lengths()
			plan := NewConv(nil, c, false, Weights{W: randomBytes(s, nw), Signed: true}, resultOf(s, c.M, nw/c.M, false))
			x, y, scratch := randomBytes(s, nx), make([]uint8, ny), make([]float32, plan.Scratch())
			for b.Loop() {
				plan.Run(y, x, 3, scratch)
			}
			b.ReportMetric(2*float64(ny)*float64(nw/c.M)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
		})
	}
}
