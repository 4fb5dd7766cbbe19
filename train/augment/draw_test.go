package augment

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/rng"
)

const draws = 100_000

// moments adds up a parameter over many draws.
type moments struct{ n, sum, square, fourth float64 }

func (m *moments) add(x float64) {
	m.n++
	m.sum += x
	m.square += x * x
	m.fourth += x * x * x * x
}

// check compares the first two moments with their expectation, to 4.5 standard
// errors: a right sampler fails once in 10⁵ seeds.
func (m *moments) check(t *testing.T, what string, mean, square float64) {
	t.Helper()
	near := func(name string, sum, of2, want float64) {
		got := sum / m.n
		limit := 4.5*math.Sqrt(max(0, of2/m.n-got*got)/m.n) + 1e-12
		if !(math.Abs(got-want) <= limit) {
			t.Errorf("%s: E[%s] is %v, want %v ± %.2g", what, name, got, want, limit)
		}
	}
	near("x", m.sum, m.square, mean)
	near("x²", m.square, m.fourth, square)
}

// uniform checks a variable uniform on [lo,hi].
func (m *moments) uniform(t *testing.T, what string, lo, hi float64) {
	t.Helper()
	m.check(t, what, (lo+hi)/2, (lo*lo+lo*hi+hi*hi)/3)
}

// integers checks a variable uniform on the integers of [lo,hi].
func (m *moments) integers(t *testing.T, what string, lo, hi int) {
	t.Helper()
	sum, square := 0, 0
	for i := lo; i <= hi; i++ {
		sum, square = sum+i, square+i*i
	}
	n := float64(hi - lo + 1)
	m.check(t, what, float64(sum)/n, float64(square)/n)
}

// each calls f with the stream of each draw.
func each(f func(s *rng.Stream)) {
	for i := range uint64(draws) {
		s := rng.New(1, rng.Augment, i, 2, 3)
		f(&s)
	}
}

// Where every rectangle fits, its area is uniform and its ratio log-uniform, but
// for rounding (half a pixel of 1000, far below the error of the mean), and its
// corner is uniform.
func TestCropThatFits(t *testing.T) {
	var area, ratio, top, left moments
	each(func(s *rng.Stream) {
		b := drawCrop(s, 1000, 1000, 0.08, 0.5, 3./4, 4./3)
		area.add(float64(b.h*b.w) / 1e6)
		ratio.add(math.Log(float64(b.w) / float64(b.h)))
		top.add((float64(b.top) + 0.5) / float64(1000-b.h+1))
		left.add((float64(b.left) + 0.5) / float64(1000-b.w+1))
	})
	area.uniform(t, "area", 0.08, 0.5)
	ratio.uniform(t, "log ratio", math.Log(3./4), math.Log(4./3))
	top.uniform(t, "top", 0, 1)
	left.uniform(t, "left", 0, 1)
}

// expectation integrates the moments of a rectangle's height, width and area over
// the areas and log ratios that fit, on a fine grid; tall exchanges the sides.
func expectation(h, w int, lo, hi, from, to float64, tall bool, fits func(bh, bw int) bool) (m [3][2]float64) {
	const grid = 1000
	n := 0.0
	for i := range grid {
		area := float64(h*w) * (lo + (hi-lo)*(float64(i)+0.5)/grid)
		for j := range grid {
			r := math.Exp(math.Log(from) + math.Log(to/from)*(float64(j)+0.5)/grid)
			bw, bh := int(math.RoundToEven(math.Sqrt(area*r))), int(math.RoundToEven(math.Sqrt(area/r)))
			if tall {
				bh, bw = bw, bh
			}
			if !fits(bh, bw) {
				continue
			}
			n++
			for k, x := range [3]float64{float64(bh), float64(bw), float64(bh * bw)} {
				m[k][0] += x
				m[k][1] += x * x
			}
		}
	}
	for k := range m {
		m[k][0], m[k][1] = m[k][0]/n, m[k][1]/n
	}
	return m
}

// Rectangles that do not fit are drawn again, as often as torchvision does.
func TestRectangles(t *testing.T) {
	for _, c := range []struct{ h, w int }{{32, 32}, {28, 40}} {
		var crop, erased [3]moments
		none := 0
		each(func(s *rng.Stream) {
			add := func(m *[3]moments, b box) {
				m[0].add(float64(b.h))
				m[1].add(float64(b.w))
				m[2].add(float64(b.h * b.w))
				if b.top < 0 || b.left < 0 || b.top+b.h > c.h || b.left+b.w > c.w {
					t.Fatalf("%v is outside %v", b, c)
				}
			}
			add(&crop, drawCrop(s, c.h, c.w, 0.08, 1, 3./4, 4./3))
			if b, ok := drawErase(s, c.h, c.w, 0.02, 0.33, 0.3, 3.3); ok {
				add(&erased, b)
			} else {
				none++
			}
		})
		want := expectation(c.h, c.w, 0.08, 1, 3./4, 4./3, false, func(bh, bw int) bool { return bh <= c.h && bw <= c.w })
		for k, name := range []string{"height", "width", "area"} {
			crop[k].check(t, fmt.Sprintf("crop of %v, %s", c, name), want[k][0], want[k][1])
		}
		want = expectation(c.h, c.w, 0.02, 0.33, 0.3, 3.3, true, func(bh, bw int) bool { return bh < c.h && bw < c.w })
		for k, name := range []string{"height", "width", "area"} {
			erased[k].check(t, fmt.Sprintf("erased of %v, %s", c, name), want[k][0], want[k][1])
		}
		if none > draws/1000 {
			t.Errorf("%v: nothing erased in %d of %d draws", c, none, draws)
		}
	}
}

// Where no rectangle fits, the crop is torchvision's central one.
func TestCropThatNeverFits(t *testing.T) {
	s := rng.New(1, rng.Augment)
	for _, c := range []struct {
		h, w int
		want box
	}{{100, 4, box{47, 0, 5, 4}}, {4, 100, box{0, 47, 4, 5}}} {
		if b := drawCrop(&s, c.h, c.w, 1, 1, 3./4, 4./3); b != c.want {
			t.Errorf("%dx%d: %v, want %v", c.h, c.w, b, c.want)
		}
	}
	if b, ok := drawErase(&s, 8, 8, 1, 1, 1, 1); ok {
		t.Errorf("erased %v of 8x8", b)
	}
}

func TestAffineDraws(t *testing.T) {
	var angle, tx, ty, scale, shear moments
	each(func(s *rng.Stream) {
		a := drawAffine(s, 20, 32, []float64{0, 180, 0.2, 0.5, 1.5, -10, 20})
		angle.add(a.degrees)
		tx.add(a.translate[0])
		ty.add(a.translate[1])
		scale.add(a.scale)
		shear.add(a.shear)
	})
	angle.uniform(t, "angle", 0, 180)
	scale.uniform(t, "scale", 0.5, 1.5)
	shear.uniform(t, "shear", -10, 20)
	// Rounded from [−6.4,6.4]: ±6 have 0.9 of the probability of the others; from
	// [−4,4], ±4 have half.
	tx.check(t, "x", 0, 2*(1+4+9+16+25+0.9*36)/12.8)
	ty.check(t, "y", 0, 2*(1+4+9+0.5*16)/8)
}

func TestJitterDraws(t *testing.T) {
	var f [4]moments
	orders := map[[4]int]int{}
	each(func(s *rng.Stream) {
		order, v := drawJitter(s, []float64{0.8, 1.5, 0, 0.2})
		orders[order]++
		for i := range f {
			f[i].add(float64(v[i]))
		}
	})
	f[0].uniform(t, "brightness", 0.2, 1.8)
	f[1].uniform(t, "contrast", 0, 2.5)
	f[2].uniform(t, "saturation", 1, 1)
	f[3].uniform(t, "hue", -0.2, 0.2)
	for o, n := range orders {
		if math.Abs(float64(n)-draws/24.) > 4.5*math.Sqrt(draws/24.) {
			t.Errorf("order %v came %d times of %d", o, n, draws)
		}
	}
	if len(orders) != 24 {
		t.Errorf("%d orders of 4", len(orders))
	}
}

func TestRandAugmentDraws(t *testing.T) {
	var op, up moments
	each(func(s *rng.Stream) {
		o, sign := drawRand(s)
		op.add(float64(o))
		if o >= shearX && o <= sharpen {
			up.add(sign)
		} else if sign != 1 {
			t.Fatalf("operation %d has sign %v", o, sign)
		}
	})
	op.integers(t, "operation", 0, 13)
	up.check(t, "sign", 0, 1)
}

// Chances, shifts and the deviation of the blur, seen through their effect.
func TestChances(t *testing.T) {
	const p = 0.3
	k := worker(t, "hflip(p=0.3)", 1, 1, 2)
	var flips, shift moments
	dst := make([]float32, 9)
	for i := range uint64(draws) {
		k.Apply(dst, []float32{0, 1}, Key{1, i, 2, 3})
		flips.add(float64(dst[0]))
	}
	flips.check(t, "flip", p, p)
	each(func(s *rng.Stream) { shift.add(float64(drawShift(s, 4))) })
	shift.integers(t, "shift", -4, 4)

	// A point blurred by three weights keeps 1/(1+2e^{−1/2σ²}) of itself a side.
	var sigma moments
	k = worker(t, "blur(kernel=3,sigma=1:2)", 1, 3, 3)
	for i := range uint64(draws) {
		k.Apply(dst, []float32{0, 0, 0, 0, 1, 0, 0, 0, 0}, Key{1, i, 2, 3})
		sigma.add(math.Sqrt(-0.5 / math.Log((1/math.Sqrt(float64(dst[4]))-1)/2)))
	}
	sigma.uniform(t, "sigma", 1, 2)
}
