package rng

import (
	"math"
	"testing"
)

func TestMoments(t *testing.T) {
	const n = 200_000
	s := New(1, Init)
	var u, u2, g, g2 float64
	counts := make([]float64, 7)
	for range n {
		v := s.Float64()
		u, u2 = u+v, u2+v*v
		w := s.Normal()
		g, g2 = g+w, g2+w*w
		counts[s.IntN(7)]++
	}
	near := func(what string, got, want, tol float64) {
		if !(math.Abs(got-want) <= tol) {
			t.Errorf("%s = %v, want %v ± %v", what, got, want, tol)
		}
	}
	// Five standard errors each.
	near("E u", u/n, 0.5, 5*0.2887/math.Sqrt(n))
	near("E u²", u2/n, 1./3, 5*0.2981/math.Sqrt(n))
	near("E g", g/n, 0, 5/math.Sqrt(n))
	near("E g²", g2/n, 1, 5*math.Sqrt2/math.Sqrt(n))
	for i, c := range counts {
		near("P(IntN)", c/n, 1./7, 5*math.Sqrt(6./49/n))
		_ = i
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(8) {
		for p := Init; p <= Metric; p++ {
			for a := range uint64(8) {
				for b := range uint64(8) {
					s := New(seed, p, a, b)
					v := s.Uint64()
					if seen[v] {
						t.Fatalf("stream (%d,%d,%d,%d) repeats another", seed, p, a, b)
					}
					seen[v] = true
				}
			}
		}
	}
}

// The draws are part of what a published seed means, so they are pinned.
func TestPinned(t *testing.T) {
	s := New(42, Labels, 3)
	got := [3]uint64{s.Uint64(), s.Uint64(), s.Uint64()}
	want := [3]uint64{0xe2310ac0a087f8d3, 0xea6b1af45ae7d125, 0x6f8fdc8ab143a195}
	if got != want {
		t.Errorf("draws %#x, want %#x", got, want)
	}
}

func TestPerm(t *testing.T) {
	s := New(1, Shuffle, 0)
	p := make([]int, 100)
	s.Perm(p)
	seen := make([]bool, 100)
	moved := 0
	for i, v := range p {
		if seen[v] {
			t.Fatalf("%d twice", v)
		}
		seen[v] = true
		if v != i {
			moved++
		}
	}
	if moved < 50 {
		t.Errorf("only %d of 100 moved", moved)
	}
}
