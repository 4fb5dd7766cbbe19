package ref_test

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
)

// What all implementations are compared with gives, in small, what is computed by hand.
func TestVectorsByHand(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	a, b := []float64{3, -8, 5, nan}, []float64{4, 2, 5, 1}
	type two = func(dst, a, b []float64)
	for name, c := range map[string]struct {
		f    two
		want []float64
	}{
		"Add":        {ref.Add[float64], []float64{7, -6, 10, nan}},
		"Sub":        {ref.Sub[float64], []float64{-1, -10, 0, nan}},
		"Mul":        {ref.Mul[float64], []float64{12, -16, 25, nan}},
		"Div":        {ref.Div[float64], []float64{0.75, -4, 1, nan}},
		"Max":        {ref.Max[float64], []float64{4, 2, 5, nan}},
		"Min":        {ref.Min[float64], []float64{3, -8, 5, nan}},
		"Fma":        {func(dst, a, b []float64) { ref.Fma(dst, a, b, b) }, []float64{16, -14, 30, nan}},
		"AddScalar":  {func(dst, a, _ []float64) { ref.AddScalar(dst, a, 2) }, []float64{5, -6, 7, nan}},
		"MulScalar":  {func(dst, a, _ []float64) { ref.MulScalar(dst, a, 2) }, []float64{6, -16, 10, nan}},
		"DivScalar":  {func(dst, a, _ []float64) { ref.DivScalar(dst, a, 2) }, []float64{1.5, -4, 2.5, nan}},
		"ScalarDiv":  {func(dst, _, b []float64) { ref.ScalarDiv(dst, b, 2) }, []float64{0.5, 1, 0.4, 2}},
		"Affine":     {func(dst, a, _ []float64) { ref.Affine(dst, a, 2, 1) }, []float64{7, -15, 11, nan}},
		"Axpy":       {func(dst, a, b []float64) { copy(dst, b); ref.Axpy(dst, a, 2) }, []float64{10, -14, 15, nan}},
		"Abs":        {func(dst, a, _ []float64) { ref.Abs(dst, a) }, []float64{3, 8, 5, nan}},
		"Neg":        {func(dst, a, _ []float64) { ref.Neg(dst, a) }, []float64{-3, 8, -5, nan}},
		"Sqrt":       {func(dst, _, b []float64) { ref.Sqrt(dst, b) }, []float64{2, math.Sqrt2, math.Sqrt(5), 1}},
		"Reciprocal": {func(dst, _, b []float64) { ref.Reciprocal(dst, b) }, []float64{0.25, 0.5, 0.2, 1}},
		"Exp":        {func(dst, _, _ []float64) { ref.Exp(dst, []float64{0, 1, -inf, nan}) }, []float64{1, math.E, 0, nan}},
		"Log":        {func(dst, _, _ []float64) { ref.Log(dst, []float64{1, math.E, 0, -1}) }, []float64{0, 1, -inf, nan}},
		"ExpSum": {func(dst, _, _ []float64) {
			if s := ref.ExpSum(dst[:3], []float64{2, 2, -inf}, 2); s != 2 {
				t.Errorf("ExpSum: %g, want 2", s)
			}
			dst[3] = 0
		}, []float64{1, 1, 0, 0}},
		"Match":       {func(dst, a, _ []float64) { ref.Match(dst, a, []float64{3, 0, 0, nan}, 7) }, []float64{7, 0, 0, 7}},
		"SoftmaxGrad": {func(dst, a, b []float64) { ref.SoftmaxGrad(dst[:3], a[:3], b[:3], 2) }, []float64{4, -20, 15, 0}},
		"LogSoftmaxGrad": {func(dst, a, _ []float64) { ref.LogSoftmaxGrad(dst[:2], a[:2], []float64{0, -inf}, 2) },
			[]float64{1, -8, 0, 0}},
	} {
		got := make([]float64, 4)
		if c.f(got, a, b); !slices.EqualFunc(got, c.want, func(x, y float64) bool { return x == y || x != x && y != y }) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestReductionsByHand(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		x              []float32
		largest, least float32
		most, fewest   int // where they are
	}{
		{[]float32{1, 7, -3, 7, -3}, 7, -3, 1, 2},
		{[]float32{1, nan, 9, nan, -9}, nan, nan, 1, 1},
		{nil, float32(math.Inf(-1)), float32(math.Inf(1)), -1, -1},
	} {
		equal := func(a, b float32) bool { return a == b || a != a && b != b }
		if hi, lo := ref.MaxOf(c.x), ref.MinOf(c.x); !equal(hi, c.largest) || !equal(lo, c.least) {
			t.Errorf("%v: from %g to %g, want %g to %g", c.x, lo, hi, c.least, c.largest)
		}
		if hi, lo := ref.ArgMax(c.x), ref.ArgMin(c.x); hi != c.most || lo != c.fewest {
			t.Errorf("%v: largest at %d and least at %d, want %d and %d", c.x, hi, lo, c.most, c.fewest)
		}
	}
	x := []float32{1, -2, 3}
	if s, q, d := ref.Sum(x), ref.SumSq(x), ref.ShortDot(x, []float32{2, 1, 1}); s != 2 || q != 14 || d != 3 {
		t.Errorf("sum %g, of squares %g, product %g, want 2, 14 and 3", s, q, d)
	}
}

func TestMovesByHand(t *testing.T) {
	dst := make([]int, 6)
	if ref.Transpose(dst, []int{1, 2, 3, 4, 5, 6}, 2, 3, 2, 3); !slices.Equal(dst, []int{1, 4, 2, 5, 3, 6}) {
		t.Errorf("Transpose: %v", dst)
	}
	// Axis i of the result is axis perm[i]: [1,2,3] becomes [3,1,2].
	ref.Permute(dst, []int{1, 2, 3, 4, 5, 6}, []int{1, 2, 3}, []int{2, 0, 1})
	if !slices.Equal(dst, []int{1, 4, 2, 5, 3, 6}) {
		t.Errorf("Permute: %v", dst)
	}
	even, odd := make([]int, 3), make([]int, 3)
	ref.Split(even, odd, []int{1, 2, 3, 4, 5, 6})
	if !slices.Equal(even, []int{1, 3, 5}) || !slices.Equal(odd, []int{2, 4, 6}) {
		t.Errorf("Split: %v and %v", even, odd)
	}
	if ref.Join(dst, odd, even); !slices.Equal(dst, []int{2, 1, 4, 3, 6, 5}) {
		t.Errorf("Join: %v", dst)
	}
	pixels := make([]float32, 3)
	if ref.FromUint8(pixels, []uint8{0, 51, 255}); !slices.Equal(pixels, []float32{0, 0.2, 1}) {
		t.Errorf("FromUint8: %v", pixels)
	}
}

func TestPackingByHand(t *testing.T) {
	src := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	dst := make([]float32, 4)
	if ref.PackCopy(&dst[0], &src[0], 4, 2, 2); !slices.Equal(dst, []float32{1, 2, 5, 6}) {
		t.Errorf("PackCopy: %v", dst)
	}
	if ref.PackTranspose(&dst[0], &src[0], 4, 2, 2); !slices.Equal(dst, []float32{1, 5, 2, 6}) {
		t.Errorf("PackTranspose: %v", dst)
	}
	if ref.Pick(&dst[0], &src[1], 3, 3); !slices.Equal(dst[:3], []float32{2, 5, 8}) {
		t.Errorf("Pick: %v", dst)
	}
	if ref.Zip(&dst[0], &src[0], &src[4], 4); !slices.Equal(dst, []float32{1, 5, 2, 6}) {
		t.Errorf("Zip: %v", dst)
	}
	if ref.CopyRows(&dst[0], &src[0], 2, 2, 2, 4, 2); !slices.Equal(dst, []float32{1, 3, 5, 7}) {
		t.Errorf("CopyRows: %v", dst)
	}
	off, wide := make([]int32, ref.NR), make([]float32, 2*ref.NR)
	off[3] = 4 * 5 // bytes
	if ref.PackGather(&wide[0], &src[0], &off[0], 2); wide[3] != 6 || wide[ref.NR+3] != 7 || wide[4] != 1 ||
		wide[ref.NR+4] != 2 {
		t.Errorf("PackGather: %v", wide)
	}
}

// One row of two elements: mean 1, slope 2, shift -1; the second row is negative before
// the rectifier.
func TestPassesOfNormalisationByHand(t *testing.T) {
	x, dy, residual := []float64{2, 3, 0, -1}, []float64{1, 10, 100, 1000}, []float64{5, 5, 2, 6}
	mean, a, b := []float64{1, 1}, []float64{2, 2}, []float64{-1, -1} // before the rectifier: 1, 3, -3, -5
	y := make([]float64, 4)
	for name, c := range map[string]struct {
		f    func()
		want []float64
	}{
		"Normalize":        {func() { ref.Normalize(y, x, mean, a, b, 2) }, []float64{1, 3, -3, -5}},
		"NormalizeRelu":    {func() { ref.NormalizeRelu(y, x, mean, a, b, 2) }, []float64{1, 3, 0, 0}},
		"NormalizeAdd":     {func() { ref.NormalizeAdd(y, x, residual, mean, a, b, 2) }, []float64{6, 8, -1, 1}},
		"NormalizeAddRelu": {func() { ref.NormalizeAddRelu(y, x, residual, mean, a, b, 2) }, []float64{6, 8, 0, 1}},
		// 3·dy + (2·(x-1) - 1)
		"NormalizeGrad": {func() { ref.NormalizeGrad(y, dy, x, mean, []float64{3, 3}, a, b, 2) },
			[]float64{4, 33, 297, 2995}},
		"GatedNormalizeGrad": {func() { ref.GatedNormalizeGrad(y, dy, x, mean, a, b, []float64{3, 3}, a, b, 2) },
			[]float64{4, 33, -3, -5}},
		"RowNorm": {func() { ref.RowNorm(y, x, []float64{1, 2, 3, 4}, dy, 1, 2) }, []float64{3, 18, 94, 984}},
	} {
		if c.f(); !slices.Equal(y, c.want) {
			t.Errorf("%s: %v, want %v", name, y, c.want)
		}
	}
	// x-mean is 1, 2, -1, -2.
	for name, c := range map[string]struct {
		f         func(sum, other []float64)
		sum, more []float64
	}{
		"Moments":     {func(s, o []float64) { ref.Moments(s, o, x, mean, 2) }, []float64{3, -3}, []float64{5, 5}},
		"GradMoments": {func(s, o []float64) { ref.GradMoments(s, o, dy, x, mean, 2) }, []float64{11, 1100}, []float64{21, -2100}},
		"GatedGradMoments": {func(s, o []float64) { ref.GatedGradMoments(s, o, dy, x, mean, a, b, 2) },
			[]float64{11, 0}, []float64{21, 0}},
		"ReluGradMoments": {func(s, o []float64) { ref.ReluGradMoments(s, o, y, dy, []float64{0, 1, -1, 2}, x, mean, 2) },
			[]float64{10, 1000}, []float64{20, -2000}},
	} {
		sum, more := []float64{1, 1}, []float64{1, 1} // sums are added to
		c.f(sum, more)
		for r := range sum {
			if sum[r] != 1+c.sum[r] || more[r] != 1+c.more[r] {
				t.Errorf("%s: %v and %v", name, sum, more)
			}
		}
	}
	if !slices.Equal(y, []float64{0, 10, 0, 1000}) {
		t.Errorf("ReluGradMoments: %v", y)
	}
	// z = (x-1)·2 = 2, 4; g = dy·scale = 3, 50.
	scale := []float64{3, 5}
	if s, d := ref.RowNormGradSums(dy[:2], x[:2], scale, 1, 2); s != 53 || d != 206 {
		t.Errorf("RowNormGradSums: %g and %g, want 53 and 206", s, d)
	}
	dscale, dbias := []float64{1, 1}, []float64{1, 1}
	ref.RowNormGrad(y[:2], dscale, dbias, dy[:2], x[:2], scale, 1, 2, 7, 0.5) // 2·(g - 7 - z/2)
	if !slices.Equal(y[:2], []float64{-10, 82}) || !slices.Equal(dscale, []float64{3, 41}) ||
		!slices.Equal(dbias, []float64{2, 11}) {
		t.Errorf("RowNormGrad: %v, %v and %v", y[:2], dscale, dbias)
	}
}

// Two steps of one weight by the formulas of PyTorch's documentation.
func TestOptimisersByHand(t *testing.T) {
	for _, c := range []struct {
		s       ref.SGD
		w, then float64 // after each step
	}{
		{ref.SGD{LR: 0.5, GradScale: 1}, 0, -1},
		{ref.SGD{LR: 0.5, GradScale: 0.5, WeightDecay: 1}, 0, -0.5},
		{ref.SGD{LR: 0.5, GradScale: 1, Momentum: 0.5}, 0, -1.5},
		{ref.SGD{LR: 0.5, GradScale: 1, Momentum: 0.5, Nesterov: true}, -0.5, -2.25},
	} {
		w, buf := []float64{1}, []float64{0}
		ref.SGDStep(c.s, w, []float64{2}, buf)
		first := w[0]
		if ref.SGDStep(c.s, w, []float64{2}, buf); first != c.w || w[0] != c.then {
			t.Errorf("%+v: %g, then %g, want %g and %g", c.s, first, w[0], c.w, c.then)
		}
	}
	for _, decoupled := range []bool{false, true} {
		a := ref.Adam{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: 0.5, GradScale: 1, Step: 1,
			Decoupled: decoupled}
		w, m, v := []float64{1}, []float64{0}, []float64{0}
		ref.AdamStep(ref.Coef[float64](a), w, []float64{2}, m, v)
		// The first step is LR·sign(g), whatever g is; AdamW shrinks the weight besides.
		g, want := 2.5, 1-0.1
		if decoupled {
			g, want = 2, 1-0.1*0.5-0.1
		}
		if math.Abs(w[0]-want) > 1e-8 || math.Abs(m[0]-0.1*g) > 1e-15 || math.Abs(v[0]-0.01*g*g) > 1e-15 {
			t.Errorf("decoupled %v: w %g, m %g, v %g, want %g, %g and %g", decoupled, w[0], m[0], v[0], want, 0.1*g, 0.01*g*g)
		}
	}
}
