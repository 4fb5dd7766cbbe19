package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// noise returns n numbers in [-1,1) with a guard before and after them.
func noise(n int, seed uint64) []float32 {
	r := rng.New(seed, rng.Bench)
	v := make([]float32, n+2*guards)
	for i := range v {
		v[i] = guard
	}
	v = v[guards : guards+n]
	for i := range v {
		v[i] = float32(r.Uniform(-1, 1))
	}
	return v
}

const (
	guards = 37
	guard  = float32(-123456)
)

// intact fails where a guard around v has changed.
func intact(t *testing.T, v []float32) {
	t.Helper()
	n := len(v)
	for _, g := range v[:n+guards][n:] {
		if g != guard {
			t.Fatal("wrote past the end")
		}
	}
}

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// checkGemm holds a plan of s, run on several numbers of threads and with packed
// operands, against the definition in float64.
func checkGemm(t *testing.T, s GemmSpec) {
	t.Helper()
	na, nb, nc := s.Normal().Lengths()
	a, b, bias, c0 := noise(na, 1), noise(nb, 2), noise(max(s.M, s.N), 3), noise(nc, 4)
	want := wide(c0)
	ref.Gemm(s, want, wide(a), wide(b), wide(bias))
	var first []float32
	check := func(what string, got []float32) {
		t.Helper()
		intact(t, got)
		if first == nil {
			// K products of at most 1, in another order and in float32.
			if err := tol.Close(got, want, 2e-7*float64(s.K+4), 1e-6); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
			first = got
		} else if !slices.Equal(first, got) {
			t.Fatalf("%+v: %s differs in bits", s, what)
		}
	}
	for _, threads := range threadCounts {
		p := parallel.New(threads)
		defer p.Close()
		g := NewGemm(p, s)
		scratch := noise(g.Scratch(), 5)
		if nc == 0 {
			g.Run(nil, a, b, bias, scratch)
			continue
		}
		run := func(f func(c []float32)) []float32 {
			c := noise(nc, 4)
			f(c)
			intact(t, scratch)
			return c
		}
		check(fmt.Sprint(threads, " threads"), run(func(c []float32) { g.Run(c, a, b, bias, scratch) }))
		if s.Batch <= 1 {
			check("RunPackedA", run(func(c []float32) { g.RunPackedA(c, g.PackA(a), b, bias, scratch) }))
			check("RunPackedB", run(func(c []float32) { g.RunPackedB(c, a, g.PackB(b), bias, scratch) }))
		}
	}
}

func TestGemmSizes(t *testing.T) {
	for i := range 1500 {
		r := rng.New(uint64(i), rng.Bench)
		s := GemmSpec{M: r.IntN(71), N: r.IntN(71), K: r.IntN(71), TransA: i&1 != 0, TransB: i&2 != 0}
		s.Accumulate, s.BiasRow, s.BiasCol = i&4 != 0, i%3 == 1, i%3 == 2
		s.Act = Activation(i % 4)
		s.Lo, s.Hi = -0.5, 0.25
		if i&8 != 0 {
			s.Alpha = -0.5
			s.LDA, s.LDB, s.LDC = max(s.M, s.K)+3, max(s.N, s.K)+5, s.N+7
		}
		checkGemm(t, s)
	}
}

func TestGemmLarge(t *testing.T) {
	for _, s := range []GemmSpec{
		{M: 300, N: 500, K: 700}, {M: 1000, N: 17, K: 513, TransA: true}, {M: 5, N: 1500, K: 600, TransB: true},
		{M: 513, N: 300, K: 256, TransA: true, TransB: true, BiasCol: true, Act: ActRelu},
	} {
		checkGemm(t, s)
	}
}

func TestGemmBatch(t *testing.T) {
	for i := range 200 {
		r := rng.New(uint64(i), rng.Bench, 1)
		s := GemmSpec{M: 1 + r.IntN(40), N: 1 + r.IntN(40), K: 1 + r.IntN(70), TransA: i&1 != 0, TransB: i&2 != 0, Batch: 1 + r.IntN(9)}
		if i%8 == 6 { // the columns of an item are one panel
			s.N, s.K, s.TransB = nr, 4*s.K, false
		}
		s.StrideA, s.StrideB, s.StrideC = s.M*s.K, s.K*s.N, s.M*s.N
		switch i % 4 {
		case 1:
			s.StrideB = 0
		case 2:
			s.StrideA = 0
		case 3: // heads side by side, as attention has them
			s.TransA, s.TransB = false, true
			s.LDA, s.LDB, s.LDC = s.K*s.Batch, s.K*s.Batch, s.N*s.Batch
			s.StrideA, s.StrideB, s.StrideC = s.K, s.K, s.N
		}
		checkGemm(t, s)
	}
}

// An infinity or a NaN reaches exactly the row or the column that it is in.
func TestGemmNaN(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		s := GemmSpec{M: 20, N: 33, K: 40, Act: ActRelu}
		a, b := noise(s.M*s.K, 1), noise(s.K*s.N, 2)
		a[7*s.K+3], b[5*s.N+32] = bad, bad
		got, want := make([]float32, s.M*s.N), make([]float64, s.M*s.N)
		g := NewGemm(nil, s)
		g.Run(got, a, b, nil, make([]float32, g.Scratch()))
		ref.Gemm(s, want, wide(a), wide(b), nil)
		if err := tol.Close(got, want, 1e-5, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGemmDoesNotAllocate(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	s := GemmSpec{M: 200, N: 300, K: 300}
	g := NewGemm(p, s)
	a, b, c, scratch := noise(s.M*s.K, 1), noise(s.K*s.N, 2), noise(s.M*s.N, 3), make([]float32, g.Scratch())
	if n := testing.AllocsPerRun(20, func() { g.Run(c, a, b, nil, scratch) }); n != 0 {
		t.Fatalf("Run allocates %v times", n)
	}
}

// reportBest measures f, which does the given number of operations. On a shared
// machine the best of the runs says more than their mean.
func reportBest(b *testing.B, flops float64, f func()) {
	best := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(flops/float64(best.Nanoseconds()), "best-GFLOP/s")
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []GemmSpec{
		{M: 1024, N: 1024, K: 1024}, {M: 512, N: 512, K: 512}, {M: 128, N: 128, K: 128}, {M: 64, N: 64, K: 64},
		{M: 512, N: 512, K: 4608, TransB: true}, {M: 32, N: 10, K: 512, TransB: true}, {M: 1, N: 1000, K: 512, TransB: true},
		{M: 65, N: 65, K: 64, TransB: true, Batch: 24, StrideA: 65 * 64, StrideB: 65 * 64, StrideC: 65 * 65},
		{M: 520, N: 576, K: 192, TransB: true}, {M: 520, N: 192, K: 768, TransB: true},
	} {
		for threads := 1; threads <= 2; threads++ {
			b.Run(fmt.Sprintf("%dx%dx%d/batch%d/threads%d", s.M, s.N, s.K, s.Batch, threads), func(b *testing.B) {
				p := parallel.New(threads)
				defer p.Close()
				g := NewGemm(p, s)
				na, nb, nc := s.Normal().Lengths()
				a, bb, c, scratch := noise(na, 1), noise(nb, 2), noise(nc, 3), make([]float32, g.Scratch())
				reportBest(b, float64(2*s.M*s.N*s.K*max(s.Batch, 1)), func() { g.Run(c, a, bb, nil, scratch) })
			})
		}
	}
}
