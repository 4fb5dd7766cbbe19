package vec

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestReductions(t *testing.T) {
	for n := range 258 {
		a, _ := kerneltest.Guarded(n, n%8)
		b, _ := kerneltest.Guarded(n, (n+3)%8)
		copy(a, kerneltest.Normal(n, 1, 0.5))
		copy(b, kerneltest.Normal(n, 2, -1))
		wa, wb := kerneltest.Wide(a), kerneltest.Wide(b)
		got := []float64{Sum(a), SumSq(a), Dot(a, b), float64(MaxOf(a)), float64(MinOf(a))}
		want := []float64{ref.Sum(wa), ref.SumSq(wa), ref.Dot(wa, wb), ref.MaxOf(wa), ref.MinOf(wa)}
		// float64 sums of at most 257 exact terms.
		if err := tol.Close(got, want, 1e-12, 1e-13); err != nil {
			t.Fatalf("length %d: %v", n, err)
		}
		// of about 100
		if err := tol.Close([]float64{Of[float32]().ShortDot(a, b)}, []float64{ref.Dot(wa, wb)}, 1e-5, 0); err != nil {
			t.Fatalf("length %d: short: %v", n, err)
		}
		dst, check := kerneltest.Guarded(n, n%8)
		e := make([]float64, n)
		if err := tol.Close([]float64{Of[float32]().ExpSum(dst, a, 0.75)}, []float64{ref.ExpSum(e, wa, 0.75)}, 0,
			2e-7); err != nil {
			t.Fatalf("length %d: %v", n, err)
		}
		if n > 0 {
			if err := tol.Close(dst, e, 0, 4e-7); err != nil { // the argument is rounded
				t.Fatalf("length %d: %v", n, err)
			}
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAddWide(t *testing.T) {
	for n := range 70 {
		x, check := kerneltest.Guarded(n, n%8)
		copy(x, kerneltest.Normal(n, 1, 0.5))
		got, want := make([]float64, n+1), make([]float64, n+1)
		for i := range got {
			got[i] = math.Sqrt(float64(i))
			want[i] = got[i]
		}
		AddWide(got[:n], x)
		ref.AddWide(want[:n], x)
		if !slices.Equal(got, want) {
			t.Fatalf("length %d: %v, want %v", n, got, want)
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

// Rows have the bits of the passes one by one, in place too.
func TestSoftmaxRows(t *testing.T) {
	tab := Of[float32]()
	for d := 1; d < 150; d++ {
		n := (1 + d%4) * d
		x := kerneltest.Normal(n, 1, 0.5)
		y, check := kerneltest.Guarded(n, d%8)
		want, wide := make([]float32, n), make([]float64, n)
		for i := 0; i < n; i += d {
			row := want[i:][:d]
			tab.MulScalar(row, row, float32(1/tab.ExpSum(row, x[i:][:d], tab.MaxOf(x[i:][:d]))))
		}
		tab.SoftmaxRows(y, x, d)
		if err := kerneltest.Same(y, want); err != nil {
			t.Fatalf("rows of %d: %v", d, err)
		}
		ref.SoftmaxRows(wide, kerneltest.Wide(x), d)
		if err := tol.Close(y, wide, 0, 1e-6); err != nil {
			t.Fatalf("rows of %d: %v", d, err)
		}
		copy(y, x)
		tab.SoftmaxRows(y, y, d)
		if err := kerneltest.Same(y, want); err != nil {
			t.Fatalf("rows of %d, in place: %v", d, err)
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
	tab.SoftmaxRows(nil, nil, 0)
}

// Extremes at each place, repeated, and with NaN before or behind.
func TestExtremes(t *testing.T) {
	nan := float32(math.NaN())
	for n := 1; n < 70; n++ {
		for at := range n {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i % 3)
			}
			for _, v := range []float32{9, -9, nan, float32(math.Inf(1)), float32(math.Inf(-1))} {
				x[at] = v
				x[n-1] = v
				if g, w := [2]int{ArgMax(x), ArgMin(x)}, [2]int{ref.ArgMax(x), ref.ArgMin(x)}; g != w {
					t.Fatalf("%v: positions %v, want %v", x, g, w)
				}
				got, want := []float32{MaxOf(x), MinOf(x)}, []float32{ref.MaxOf(x), ref.MinOf(x)}
				if err := tol.Close(got, want, 0, 0); err != nil {
					t.Fatalf("%v: %v", x, err)
				}
			}
		}
	}
	if ArgMax[float32](nil) != -1 || ArgMin[float32](nil) != -1 {
		t.Error("position of the extreme of nothing, want -1")
	}
}

// The passes of normalisations over every row length, in place too.
func TestRowPasses(t *testing.T) {
	type vecs = [6][]float32                       // mean, a, b, p, q, c
	lengths := []int{1023, 1024, 1025, 2048, 3101} // sums in float32 are of 1024
	for s := 1; s < 80; s++ {
		lengths = append(lengths, s)
	}
	for _, s := range lengths {
		rows := 1 + s%5
		if s == 1 {
			rows = 61 // a path of its own
		}
		n := rows * s
		x, dy, res := kerneltest.Normal(n, 1, 2), kerneltest.Normal(n, 2, 0), kerneltest.Normal(n, 3, 0)
		var k vecs
		var w [6][]float64
		for i := range k {
			k[i] = kerneltest.Normal(rows, uint64(10+i), 0.5)
			w[i] = kerneltest.Wide(k[i])
		}
		wx, wdy, wres := kerneltest.Wide(x), kerneltest.Wide(dy), kerneltest.Wide(res)
		tab, oracle := Of[float32](), plain[float64]()
		for name, c := range map[string][2]any{
			"normalize": {func(y []float32) { tab.Normalize(y, x, k[0], k[1], k[2], s) },
				func(y []float64) { oracle.Normalize(y, wx, w[0], w[1], w[2], s) }},
			"normalizeRelu": {func(y []float32) { tab.NormalizeRelu(y, x, k[0], k[1], k[2], s) },
				func(y []float64) { oracle.NormalizeRelu(y, wx, w[0], w[1], w[2], s) }},
			"normalizeAdd": {func(y []float32) { tab.NormalizeAdd(y, x, res, k[0], k[1], k[2], s) },
				func(y []float64) { oracle.NormalizeAdd(y, wx, wres, w[0], w[1], w[2], s) }},
			"normalizeAddRelu": {func(y []float32) { tab.NormalizeAddRelu(y, x, res, k[0], k[1], k[2], s) },
				func(y []float64) { oracle.NormalizeAddRelu(y, wx, wres, w[0], w[1], w[2], s) }},
			"normalizeGrad": {func(y []float32) { tab.NormalizeGrad(y, dy, x, k[0], k[3], k[4], k[5], s) },
				func(y []float64) { oracle.NormalizeGrad(y, wdy, wx, w[0], w[3], w[4], w[5], s) }},
			"gatedNormGrad": {func(y []float32) { tab.GatedNormGrad(y, dy, x, k[0], k[1], k[2], k[3], k[4], k[5], s) },
				func(y []float64) { oracle.GatedNormGrad(y, wdy, wx, w[0], w[1], w[2], w[3], w[4], w[5], s) }},
		} {
			dst, check := kerneltest.Guarded(n, s%8)
			want := make([]float64, n)
			c[0].(func([]float32))(dst)
			c[1].(func([]float64))(want)
			if err := tol.Scaled(dst, want, 5e-7); err != nil {
				t.Fatalf("%s, rows of %d: %v", name, s, err)
			}
			if err := check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		totals := func(f func(a, b []float64)) []float64 {
			v := normalWide(2*rows, 5) // totals add to what is there
			f(v[:rows], v[rows:])
			return v
		}
		masked, intact := kerneltest.Guarded(n, s%8)
		wmasked := make([]float64, n)
		for name, c := range map[string][2]func(a, b []float64){
			"moments": {func(a, b []float64) { tab.Moments(a, b, x, k[0], s) },
				func(a, b []float64) { oracle.Moments(a, b, wx, w[0], s) }},
			"gradMoments": {func(a, b []float64) { tab.GradMoments(a, b, dy, x, k[0], s) },
				func(a, b []float64) { oracle.GradMoments(a, b, wdy, wx, w[0], s) }},
			"gatedGradMoments": {func(a, b []float64) { tab.GatedGradMoments(a, b, dy, x, k[0], k[1], k[2], s) },
				func(a, b []float64) { oracle.GatedGradMoments(a, b, wdy, wx, w[0], w[1], w[2], s) }},
			"reluGradMoments": {func(a, b []float64) { tab.ReluGradMoments(a, b, masked, dy, res, x, k[0], s) },
				func(a, b []float64) { oracle.ReluGradMoments(a, b, wmasked, wdy, wres, wx, w[0], s) }},
		} {
			// sums in float32 of terms of about 2, each rounded by up to 1e-7
			if err := tol.Close(totals(c[0]), totals(c[1]), 1e-7*float64(s), 1e-6); err != nil {
				t.Fatalf("%s, rows of %d: %v", name, s, err)
			}
		}
		if err := tol.Close(masked, wmasked, 0, 0); err != nil {
			t.Fatalf("reluGradMoments, rows of %d: %v", s, err)
		}
		if err := intact(); err != nil {
			t.Fatalf("reluGradMoments: %v", err)
		}
		exact := totals(func(a, _ []float64) { tab.AddSums(a, x, s) })
		if err := tol.Close(exact, totals(func(a, _ []float64) { oracle.AddSums(a, wx, s) }), 1e-11, 1e-12); err != nil {
			t.Fatalf("addSums, rows of %d: %v", s, err)
		}
	}
}

func normalWide(n int, seed uint64) []float64 { return kerneltest.Wide(kerneltest.Normal(n, seed, 0)) }

// All bytes are among those of the longer slices.
func TestFromUint8(t *testing.T) {
	for n := range 258 {
		x := make([]uint8, n)
		for i := range x {
			x[i] = uint8(i * 7)
		}
		dst, check := kerneltest.Guarded(n, n%8)
		want := make([]float32, n)
		FromUint8(dst, x)
		ref.FromUint8(want, x)
		if err := kerneltest.Same(dst, want); err != nil {
			t.Fatalf("length %d: %v", n, err)
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAxpy(t *testing.T) {
	for n := 1; n < 258; n++ {
		dst, check := kerneltest.Guarded(n, n%8)
		x := kerneltest.Normal(n, 1, 0)
		copy(dst, kerneltest.Normal(n, 2, 0))
		want := kerneltest.Wide(dst)
		ref.Axpy(want, kerneltest.Wide(x), 0.3)
		Axpy(dst, x, 0.3)
		if err := tol.Close(dst, want, 1e-7, 1e-7); err != nil {
			t.Fatalf("length %d: %v", n, err)
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}
