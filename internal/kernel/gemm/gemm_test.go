package gemm

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// checkGemm holds a plan of s, run on several numbers of threads and with packed
// operands, against the definition in float64.
func checkGemm(t *testing.T, s Spec) {
	t.Helper()
	na, nb, nc := s.Normal().Lengths()
	a, b, bias, c0 := kerneltest.Noise(na, 1), kerneltest.Noise(nb, 2), kerneltest.Noise(max(s.M, s.N), 3),
		kerneltest.Noise(nc, 4)
	want := kerneltest.Wide(c0)
	ref.Gemm(s, want, kerneltest.Wide(a), kerneltest.Wide(b), kerneltest.Wide(bias))
	var first []float32
	check := func(what string, got []float32) {
		t.Helper()
		kerneltest.Intact(t, got)
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
	for _, threads := range kerneltest.ThreadCounts {
		p := parallel.New(threads)
		defer p.Close()
		g := New(p, s)
		scratch := kerneltest.Noise(g.Scratch(), 5)
		if nc == 0 {
			g.Run(nil, a, b, bias, scratch)
			continue
		}
		run := func(f func(c []float32)) []float32 {
			c := kerneltest.Noise(nc, 4)
			f(c)
			kerneltest.Intact(t, scratch)
			return c
		}
		check(fmt.Sprint(threads, " threads"), run(func(c []float32) { g.Run(c, a, b, bias, scratch) }))
		if s.Batch <= 1 {
			packedA, packedB := make([]float32, g.PackedLenA()), make([]float32, g.PackedLenB())
			g.PackA(packedA, a)
			g.PackB(packedB, b, nil)
			check("RunPackedA", run(func(c []float32) { g.RunPackedA(c, packedA, b, bias, scratch) }))
			check("RunPackedB", run(func(c []float32) { g.RunPackedB(c, a, packedB, bias, scratch) }))
		}
	}
}

func TestGemmSizes(t *testing.T) {
	for i := range 1500 {
		r := rng.New(uint64(i), rng.Bench)
		s := Spec{M: r.IntN(71), N: r.IntN(71), K: r.IntN(71), TransA: i&1 != 0, TransB: i&2 != 0}
		s.Accumulate, s.BiasRow, s.BiasCol = i&4 != 0, i%3 == 1, i%3 == 2
		s.Act = tile.Activation(i % 4)
		s.Lo, s.Hi = -0.5, 0.25
		if i&8 != 0 {
			s.Alpha = -0.5
			s.LDA, s.LDB, s.LDC = max(s.M, s.K)+3, max(s.N, s.K)+5, s.N+7
		}
		checkGemm(t, s)
	}
}

func TestGemmLarge(t *testing.T) {
	for _, s := range []Spec{
		{M: 300, N: 500, K: 700}, {M: 1000, N: 17, K: 513, TransA: true}, {M: 5, N: 1500, K: 600, TransB: true},
		{M: 513, N: 300, K: 256, TransA: true, TransB: true, BiasCol: true, Act: tile.ActRelu},
	} {
		checkGemm(t, s)
	}
}

func TestGemmBatch(t *testing.T) {
	for i := range 200 {
		r := rng.New(uint64(i), rng.Bench, 1)
		s := Spec{M: 1 + r.IntN(40), N: 1 + r.IntN(40), K: 1 + r.IntN(70), TransA: i&1 != 0, TransB: i&2 != 0,
			Batch: 1 + r.IntN(9)}
		if i%8 == 6 { // the columns of an item are one panel
			s.N, s.K, s.TransB = tile.NR, 4*s.K, false
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
		s := Spec{M: 20, N: 33, K: 40, Act: tile.ActRelu}
		a, b := kerneltest.Noise(s.M*s.K, 1), kerneltest.Noise(s.K*s.N, 2)
		a[7*s.K+3], b[5*s.N+32] = bad, bad
		got, want := make([]float32, s.M*s.N), make([]float64, s.M*s.N)
		g := New(nil, s)
		g.Run(got, a, b, nil, make([]float32, g.Scratch()))
		ref.Gemm(s, want, kerneltest.Wide(a), kerneltest.Wide(b), nil)
		if err := tol.Close(got, want, 1e-5, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGemmDoesNotAllocate(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	s := Spec{M: 200, N: 300, K: 300}
	g := New(p, s)
	a, b, c, scratch := kerneltest.Noise(s.M*s.K, 1), kerneltest.Noise(s.K*s.N, 2), kerneltest.Noise(s.M*s.N, 3),
		make([]float32, g.Scratch())
	if n := testing.AllocsPerRun(20, func() { g.Run(c, a, b, nil, scratch) }); n != 0 {
		t.Fatalf("Run allocates %v times", n)
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []Spec{
		{M: 1024, N: 1024, K: 1024}, {M: 512, N: 512, K: 512}, {M: 128, N: 128, K: 128}, {M: 64, N: 64, K: 64},
		{M: 512, N: 512, K: 4608, TransB: true}, {M: 32, N: 10, K: 512, TransB: true}, {M: 1, N: 1000, K: 512, TransB: true},
		{M: 65, N: 65, K: 64, TransB: true, Batch: 24, StrideA: 65 * 64, StrideB: 65 * 64, StrideC: 65 * 65},
		{M: 520, N: 576, K: 192, TransB: true}, {M: 520, N: 192, K: 768, TransB: true},
	} {
		for threads := 1; threads <= 2; threads++ {
			b.Run(fmt.Sprintf("%dx%dx%d/batch%d/threads%d", s.M, s.N, s.K, s.Batch, threads), func(b *testing.B) {
				p := parallel.New(threads)
				defer p.Close()
				g := New(p, s)
				na, nb, nc := s.Normal().Lengths()
				a, bb, c, scratch := kerneltest.Noise(na, 1), kerneltest.Noise(nb, 2), kerneltest.Noise(nc, 3),
					make([]float32, g.Scratch())
				kerneltest.ReportBest(b, float64(2*s.M*s.N*s.K*max(s.Batch, 1)), func() { g.Run(c, a, bb, nil, scratch) })
			})
		}
	}
}
