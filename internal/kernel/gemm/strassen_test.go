package gemm

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/tol"
)

// inRows and inPlanes place Outer·Len·Inner rows of so many columns.
func inRows(s Halved, columns int) Places {
	return Places{Outer: s.Len * s.Inner * columns, Row: columns, Col: 1}
}

func inPlanes(s Halved, columns int) Places {
	return Places{Outer: s.Len * columns, Row: 1, Col: s.Len}
}

// halvedCases are products of odd and even halves, of one block and of several, of several
// steps of k, and of rows and planes on either side.
func halvedCases() (all []Halved) {
	for _, d := range [][5]int{{2, 7, 1, 64, 64}, {2, 49, 1, 512, 128}, {1, 9, 1, 900, 96}, {1, 2, 1, 2, 32}, {1, 450, 1, 66, 64},
		{3, 5, 3, 40, 32}, {1, 131, 2, 128, 1152}} {
		s := Halved{Outer: d[0], Len: d[1], Inner: d[2], K: d[3], N: d[4]}
		for i := range 4 {
			if i > 0 && s.Inner > 1 {
				continue
			}
			s.A, s.C = inRows(s, s.K), inRows(s, s.N)
			if i&1 != 0 {
				s.A = inPlanes(s, s.K)
			}
			if i&2 != 0 {
				s.C = inPlanes(s, s.N)
			}
			all = append(all, s)
			s.Bias, s.Residual, s.Act, s.Lo, s.Hi, s.TransB = true, true, ref.ActClip, -1, 2, true
			all = append(all, s)
			s.Bias, s.Residual, s.Act, s.TransB = false, false, ref.ActNone, false
		}
	}
	for i := range all {
		if all[i].LDB = all[i].N; all[i].TransB {
			all[i].LDB = all[i].K
		}
	}
	return all
}

type halvedOperands struct{ a, b, bias, c []float32 }

// operands are of s; c is the old one, and the residual.
func operands(s Halved) halvedOperands {
	rows := s.Outer * s.Len * s.Inner
	return halvedOperands{kerneltest.Noise(rows*s.K, 1), kerneltest.Noise(s.K*s.N, 2), kerneltest.Noise(s.N, 3), kerneltest.Noise(rows*s.N, 4)}
}

// run computes s, with the residual in the memory of the result where it may be.
func (o *halvedOperands) run(t testing.TB, p *parallel.Pool, s Halved) []float32 {
	g := NewStrassen(p, s)
	packed, scratch, c := kerneltest.Noise(g.PackedLen(), 5), kerneltest.Noise(g.Scratch(), 6), kerneltest.Noise(len(o.c), 4)
	g.Pack(packed, o.b)
	residual := c
	if s.C.Row == 1 {
		residual = o.c
	}
	g.Run(c, o.a, packed, o.bias, residual, scratch)
	if t, ok := t.(*testing.T); ok {
		for _, x := range [][]float32{packed, scratch, c} {
			kerneltest.Intact(t, x)
		}
	}
	return c
}

// exact is s in float64.
func (o *halvedOperands) exact(s Halved) []float64 {
	want := kerneltest.Wide(o.c)
	lo, hi, _ := s.Act.Bounds(s.Lo, s.Hi)
	for outer := range s.Outer {
		for r := range s.Len * s.Inner {
			for n := range s.N {
				sum := 0.0
				for k := range s.K {
					b := o.b[(k*s.N+n)%len(o.b)]
					if s.TransB {
						b = o.b[n*s.K+k]
					}
					sum += float64(o.a[outer*s.A.Outer+r*s.A.Row+k*s.A.Col]) * float64(b)
				}
				if s.Bias {
					sum += float64(o.bias[n])
				}
				at := outer*s.C.Outer + r*s.C.Row + n*s.C.Col
				if s.Residual {
					sum += want[at]
				}
				want[at] = min(max(sum, float64(lo)), float64(hi))
			}
		}
	}
	return want
}

func TestStrassen(t *testing.T) {
	for _, s := range halvedCases() {
		o := operands(s)
		want := o.exact(s)
		kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
			got := o.run(t, p, s)
			// K products of at most 1, in another order and in float32.
			if err := tol.Close(got, want, 2e-7*float64(s.K+4), 1e-6); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
			return [][]float32{got}
		})
	}
}

// The root mean square of the error, relative to that of the result, is at most twice that of
// one product.
func TestStrassenError(t *testing.T) {
	for _, k := range []int{64, 512, 1536} {
		s := Halved{Outer: 1, Len: 64, Inner: 1, K: k, N: 64, LDB: 64, A: Places{Row: k, Col: 1}, C: Places{Row: 64, Col: 1}}
		o := halvedOperands{a: kerneltest.Normal(64*k, 1, 0), b: kerneltest.Normal(64*k, 2, 0), c: make([]float32, 64*64)}
		want, one := o.exact(s), make([]float32, 64*64)
		g := New(nil, Spec{M: 64, N: 64, K: k})
		g.Run(one, o.a, o.b, nil, make([]float32, g.Scratch()))
		rms := func(x []float32) float64 {
			wrong, all := 0.0, 0.0
			for i, w := range want {
				wrong, all = wrong+math.Pow(float64(x[i])-w, 2), all+w*w
			}
			return math.Sqrt(wrong / all)
		}
		got, plain := rms(o.run(t, nil, s)), rms(one)
		t.Logf("%d terms: one product %.2g, halves %.2g", k, plain, got)
		if got > 2.5*plain || got > 8e-7 {
			t.Errorf("%d terms: error %.2g, of one product %.2g", k, got, plain)
		}
	}
}

// What an image holds does not reach the rows of another.
func TestStrassenKeepsImagesApart(t *testing.T) {
	for _, s := range halvedCases() {
		if s.Outer == 1 {
			continue
		}
		o := operands(s)
		want := o.run(t, nil, s)
		for i := range s.Len * s.Inner * s.K { // of the second outer place
			o.a[s.A.Outer+i] = float32(math.NaN())
		}
		got := o.run(t, nil, s)
		if !slices.Equal(got[:s.C.Outer], want[:s.C.Outer]) || !slices.Equal(got[2*s.C.Outer:], want[2*s.C.Outer:]) {
			t.Errorf("%+v: another image's rows have changed", s)
		}
	}
}

func BenchmarkStrassen(b *testing.B) {
	for _, d := range [][4]int{{2, 197, 768, 3072}, {2, 197, 3072, 768}, {2, 196, 384, 1536}, {2, 784, 192, 768}, {2, 196, 1024, 512},
		{2, 784, 256, 512}, {2, 49, 1024, 2048}} {
		s := Halved{Outer: d[0], Len: d[1], Inner: 1, K: d[2], N: d[3], LDB: d[3]}
		o := operands(s)
		rate := func(b *testing.B, run func()) {
			for b.Loop() {
				run()
			}
			b.ReportMetric(2*float64(len(o.a)*s.N)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		}
		for _, place := range []struct {
			name string
			of   func(Halved, int) Places
		}{{"rows", inRows}, {"planes", inPlanes}} {
			s.A, s.C = place.of(s, s.K), place.of(s, s.N)
			g := NewStrassen(nil, s)
			packed, scratch := make([]float32, g.PackedLen()), make([]float32, g.Scratch())
			g.Pack(packed, o.b)
			b.Run(fmt.Sprint(d, " halves in ", place.name), func(b *testing.B) {
				rate(b, func() { g.Run(o.c, o.a, packed, nil, nil, scratch) })
			})
		}
		g := New(nil, Spec{M: s.Outer * s.Len, N: s.N, K: s.K})
		packed, scratch := make([]float32, g.PackedLenB()), make([]float32, g.Scratch())
		g.PackIntoB(packed, o.b)
		b.Run(fmt.Sprint(d, " one product"), func(b *testing.B) { rate(b, func() { g.RunPackedB(o.c, o.a, packed, nil, scratch) }) })
	}
}

// Large products are worth it, those of which more is moved than saved are not. In planes, of which all
// sums of weights are packed, fewer rows are enough.
func TestWorthwhile(t *testing.T) {
	for _, c := range []struct {
		rows, k, n       int
		inRows, inPlanes bool
	}{{197, 768, 3072, true, true}, {196, 1024, 512, true, true}, {196, 384, 1536, true, true}, {196, 128, 512, false, false},
		{3136, 96, 384, false, false}, {49, 1024, 2048, false, true}, {25, 1024, 2048, false, false}, {1, 1024, 1024, false, false}} {
		s := Halved{Outer: 2, Len: c.rows, Inner: 1, K: c.k, N: c.n, LDB: c.n}
		s.A, s.C = inRows(s, s.K), inRows(s, s.N)
		planes := s
		planes.A, planes.C = inPlanes(s, s.K), inPlanes(s, s.N)
		if rows, planes := s.Worthwhile(), planes.Worthwhile(); rows != c.inRows || planes != c.inPlanes {
			t.Errorf("twice %d rows, %d to %d: worthwhile %v in rows, %v in planes", c.rows, c.k, c.n, rows, planes)
		}
	}
}

// Packed weights take a quarter more memory in rows, three quarters more in planes, and the bits of a product are the same.
func TestStrassenPacks(t *testing.T) {
	s := Halved{Outer: 2, Len: 49, Inner: 1, K: 128, N: 256, LDB: 256}
	s.A, s.C = inRows(s, s.K), inRows(s, s.N)
	o, c := operands(s), [2][]float32{}
	for i, packs := range []int{topSum, factors} {
		g := NewStrassen(nil, s)
		if g.PackedLen() != 5*s.K*s.N/4 {
			t.Errorf("%d floats of packed weights in rows", g.PackedLen())
		}
		g.packedFactors = packs
		packed, scratch := make([]float32, g.PackedLen()), make([]float32, g.Scratch())
		g.Pack(packed, o.b)
		c[i] = make([]float32, len(o.c))
		g.Run(c[i], o.a, packed, nil, nil, scratch)
	}
	if !slices.Equal(c[0], c[1]) {
		t.Error("sums that are packed give other bits")
	}
	s.A, s.C = inPlanes(s, s.K), inPlanes(s, s.N)
	if n := NewStrassen(nil, s).PackedLen(); n != 7*s.K*s.N/4 {
		t.Errorf("%d floats of packed weights in planes", n)
	}
}

// What is fetched is what is multiplied next: sums of rows, the panels after those of a group, the next product's,
// the next group's and the next step's, and nothing at the end.
func TestStrassenFetches(t *testing.T) {
	s := Halved{Outer: 1, Len: 40, Inner: 1, K: 1600, N: 640, LDB: 640} // 20 panels, three steps
	s.A, s.C = inRows(s, s.K), inRows(s, s.N)
	g := NewStrassen(nil, s)
	if g.group != 8 || g.kept != 20 || g.step != 267 {
		t.Fatalf("groups of %d of %d panels, steps of %d", g.group, g.kept, g.step)
	}
	g.packed = make([]float32, g.PackedLen())
	w := workspace{pieces: g.pieces[0], rows: make([]float32, 7*g.sumLen())}
	for _, c := range []struct {
		k, start, m, q            int
		nextQ, nextM, nextK, want int
	}{{0, 0, 0, 0, 2, 0, 0, 2}, {0, 0, 0, 6, 0, 1, 0, 2}, {0, 0, 6, 6, 8, 0, 0, 2}, {0, 16, 6, 18, 0, 0, 267, 2}, {534, 16, 5, 18, 16, 6, 534, 2},
		{534, 16, 6, 18, 0, 0, 0, 0}} {
		at := group{0, 20, c.start, min(c.start+8, 20), c.k}
		n := g.fetched(&w, &block{}, &at, c.m, c.q)
		if n != 1+c.want {
			t.Errorf("%+v: %d pieces", c, n)
		} else if n > 1 {
			if want := ref.PieceOf(g.packedOf(c.nextQ, c.nextM, c.nextK), min(267, 800-c.nextK)*16); w.pieces[1] != want {
				t.Errorf("%+v: not the piece that comes next", c)
			}
		}
		part := (c.q - c.start) / 2
		lo, hi := part*g.sumLen()/((at.end-at.start)/2), (part+1)*g.sumLen()/((at.end-at.start)/2)
		if want := ref.PieceOf(&w.rows[(c.m+1)%7*g.sumLen()+lo], hi-lo); w.pieces[0] != want {
			t.Errorf("%+v: not this part of the sums that come next", c)
		}
	}
}

// With the last product of whole planes comes what they are joined from and to.
func TestStrassenFetchesPlanes(t *testing.T) {
	s := Halved{Outer: 2, Len: 40, Inner: 1, K: 64, N: 128, LDB: 128, Residual: true} // four panels
	s.A, s.C = inPlanes(s, s.K), inPlanes(s, s.N)
	g, o := NewStrassen(nil, s), operands(s)
	g.packed, g.c, g.residual = make([]float32, g.PackedLen()), make([]float32, len(o.c)), o.c
	w := workspace{pieces: g.pieces[0], products: make([]float32, 7*g.kept*g.productLen())}
	b, at := block{0, 2, 0, 20}, group{0, 4, 0, 4, 0}
	if n := g.fetched(&w, &b, &at, 5, 2); n != 2 {
		t.Errorf("%d pieces with another product", n)
	}
	var want []ref.Piece
	for panel := 2; panel < 4; panel++ {
		want = append(want, ref.PieceOf(&w.products[7*panel*g.productLen()], 6*g.productLen()))
	}
	for image := range 2 {
		for _, column := range []int{32, 64 + 32} {
			from := (image*128 + column) * 40
			want = append(want, ref.PieceOf(&o.c[from], 32*40), ref.PieceOf(&g.c[from], 32*40))
		}
	}
	if n := g.fetched(&w, &b, &at, 6, 2); !slices.Equal(w.pieces[:n], want) {
		t.Errorf("%d pieces %v, want %v", n, w.pieces[:n], want)
	}
}
