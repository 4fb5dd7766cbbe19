package augment

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/tol"
)

func TestMixDraws(t *testing.T) {
	var used, cut, lambda, share moments
	m := Mixer{Mixup: 0.5, CutMix: 0.3}
	for i := range uint64(draws) {
		x := m.Draw(1, 2, i, 3, 20, 32)
		if x.Partner == nil {
			used.add(0)
			if x.Lambda != 1 {
				t.Fatalf("nothing is mixed, with λ %v", x.Lambda)
			}
			continue
		}
		used.add(1)
		sorted := slices.Sorted(slices.Values(x.Partner))
		if !slices.Equal(sorted, []int{0, 1, 2}) {
			t.Fatalf("partners %v", x.Partner)
		}
		if x.cut {
			cut.add(1)
			share.add(x.Lambda)
			if b := x.box; b.top < 0 || b.left < 0 || b.h < 0 || b.w < 0 || b.top+b.h > 20 || b.left+b.w > 32 {
				t.Fatalf("box %v", b)
			}
		} else {
			cut.add(0)
			lambda.add(x.Lambda)
		}
	}
	used.check(t, "mixed", 0.8, 0.8)
	cut.check(t, "cut", 0.3/0.8, 0.3/0.8)
	lambda.uniform(t, "λ", 0, 1)
	mean, square := cutShare(20, 32)
	share.check(t, "CutMix's λ", mean, square)
}

// cutShare is the mean of CutMix's λ, and of its square, over all centres and λ.
func cutShare(h, w int) (mean, square float64) {
	const grid = 20000
	n := 0.0
	for i := range grid {
		// Sides are floor(√(1−λ)·size/2): uniform λ, centres at every pixel.
		half := 0.5 * math.Sqrt(1-(float64(i)+0.5)/grid)
		covered := func(size int) (sum, sum2 float64) {
			d := int(half * float64(size))
			for c := range size {
				k := float64(min(size, c+d) - max(0, c-d))
				sum, sum2 = sum+k, sum2+k*k
			}
			return sum / float64(size), sum2 / float64(size)
		}
		y, y2 := covered(h)
		x, x2 := covered(w)
		area := float64(h * w)
		mean += 1 - x*y/area
		square += 1 - 2*x*y/area + x2*y2/(area*area)
		n++
	}
	return mean / n, square / n
}

// Rows mixed in place are what a copy of the batch gives, for every kind of cycle.
func TestMixInPlace(t *testing.T) {
	const n, c, h, w, classes = 7, 2, 5, 6, 4
	for _, m := range []Mixer{{Mixup: 1}, {CutMix: 1}} {
		for step := range uint64(50) {
			mix := m.Draw(3, 1, step, n, h, w)
			x, y := noise(step, n*c*h*w), noise(step+100, n*classes)
			wantX, wantY := slices.Clone(x), slices.Clone(y)
			own, other := float32(mix.Lambda), float32(1-mix.Lambda)
			size := c * h * w
			for i, j := range mix.Partner {
				for k := range size {
					px, py := k%w, k/w%h
					inside := py >= mix.box.top && py < mix.box.top+mix.box.h && px >= mix.box.left && px < mix.box.left+mix.box.w
					switch {
					case mix.cut && inside:
						wantX[i*size+k] = x[j*size+k]
					case !mix.cut:
						wantX[i*size+k] = own*x[i*size+k] + other*x[j*size+k]
					}
				}
				for k := range classes {
					wantY[i*classes+k] = own*y[i*classes+k] + other*y[j*classes+k]
				}
			}
			mix.Images(x, h, w)
			mix.Targets(y)
			if err := tol.Close(x, wantX, 1e-6, 0); err != nil { // an ULP of a value of 1, or a fused product
				t.Fatalf("%v step %d: images: %v", m, step, err)
			}
			if err := tol.Close(y, wantY, 1e-6, 0); err != nil {
				t.Fatalf("%v step %d: targets: %v", m, step, err)
			}
		}
	}
	for _, m := range []Mixer{{-0.1, 0}, {0.6, 0.5}, {0, 2}} {
		if m.Check() == nil {
			t.Errorf("%v is accepted", m)
		}
	}
	if err := (Mixer{0.8, 0.2}).Check(); err != nil {
		t.Error(err)
	}
}

func TestIdeal(t *testing.T) {
	labels := make([]int32, 103)
	for i := range labels {
		labels[i] = int32(i * i % 5)
	}
	for _, views := range []int{0, 1, 4, 1000} {
		d := NewIdeal(7, labels, views)
		shown := map[int]int{}
		for i := range labels {
			base := d.Base(i)
			if labels[base] != labels[i] || d.Base(base) != base || d.Source(i, 0) != base {
				t.Fatalf("%d views: image %d of class %d has base %d of class %d", views, i, labels[i], base, labels[base])
			}
			if i != base {
				continue
			}
			seen := map[int]bool{}
			for v := range max(views, 1) {
				s := d.Source(i, v)
				if d.Base(s) != i {
					t.Fatalf("%d views: view %d of %d is of base %d", views, v, i, d.Base(s))
				}
				if !seen[s] {
					shown[s]++
				}
				seen[s] = true
			}
		}
		if len(shown) != len(labels) {
			t.Errorf("%d views: %d of %d images are shown", views, len(shown), len(labels))
		}
		for i, n := range shown {
			if n != 1 {
				t.Errorf("%d views: image %d is in %d groups", views, i, n)
			}
		}
		if views <= 1 && d.Groups() != len(labels) {
			t.Errorf("one view: %d groups", d.Groups())
		}
		if views == 1000 && d.Groups() != 3 { // squares modulo 5 are 0, 1 and 4
			t.Errorf("%d groups, want one a class", d.Groups())
		}
	}
	a, b := NewIdeal(1, labels, 4), NewIdeal(2, labels, 4)
	if slices.Equal(a.group, b.group) {
		t.Error("the seed changes nothing")
	}
}
