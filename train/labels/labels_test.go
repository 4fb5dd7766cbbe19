package labels

import (
	"math"
	"slices"
	"testing"
)

func TestDraw(t *testing.T) {
	const n, classes = 10_000, 10
	truth := make([]int32, n)
	for i := range truth {
		truth[i] = int32(i % classes)
	}
	for _, noise := range []float64{0, 0.1, 0.5, 1} {
		got := Scheme{Noise: noise}.Draw(7, truth, classes)
		same := 0
		for i := range got {
			if got[i] < 0 || got[i] >= classes {
				t.Fatalf("label %d of sample %d", got[i], i)
			}
			if got[i] == truth[i] {
				same++
			}
		}
		want := (1 - noise) + noise/classes
		sd := math.Sqrt(noise * 0.09 / n)
		if r := float64(same) / n; math.Abs(r-want) > 5*sd+1e-12 {
			t.Errorf("noise %v: %v of the labels are true, want %v ± %v", noise, r, want, 5*sd)
		}
	}
}

func TestDrawIsPinned(t *testing.T) {
	a := Scheme{Noise: 1}.Draw(1, make([]int32, 8), 10)
	b := Scheme{Noise: 1}.Draw(1, make([]int32, 8), 10)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("labels differ between draws: %v, %v", a, b)
		}
	}
}

func TestParse(t *testing.T) {
	for _, s := range []string{"true", "random", "random:2", "random:50000", "noise:0.25", "per-view"} {
		if p, err := Parse(s); err != nil || p.String() != s {
			t.Errorf("Parse(%q) = %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "noise:", "noise:2", "noise:NaN", "noise:-1", "flase", "random:", "random:1",
		"random:-3", "random:2.5", "random:99999999999"} {
		if p, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", s, p)
		}
	}
}

// random:K draws K labels alike, whatever the data's classes; with as many as these it
// is random.
func TestRandomClasses(t *testing.T) {
	const n, classes = 10_000, 100
	truth := make([]int32, n)
	count := make([]float64, classes)
	for _, y := range (Scheme{Noise: 1, Classes: classes}).Draw(3, truth, 10) {
		count[y]++
	}
	chi := 0.0
	for _, c := range count {
		chi += (c - n/classes) * (c - n/classes) / (n / classes)
	}
	if sd := math.Sqrt(2 * (classes - 1)); math.Abs(chi-(classes-1)) > 4*sd { // of χ² with 99 degrees of freedom
		t.Errorf("χ² of the counts is %v, want %d ± %v", chi, classes-1, 4*sd)
	}
	if a, b := (Scheme{Noise: 1, Classes: 10}).Draw(3, truth, 10), (Scheme{Noise: 1}).
		Draw(3, truth, 10); !slices.Equal(a, b) {
		t.Error("random:10 of ten classes is not random")
	}
}
