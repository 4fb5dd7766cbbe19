package dataset

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/fault"
)

func open(t *testing.T, spec string, o Options) *Set {
	t.Helper()
	s, err := Open(context.Background(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// wantFault opens a set that is wrong: the error must be one line, of the type
// that means wrong data, and say every one of the words.
func wantFault(t *testing.T, spec string, o Options, words ...string) {
	t.Helper()
	s, err := Open(context.Background(), spec, o)
	if err == nil {
		s.Close()
		t.Fatalf("%s opened", spec)
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Errorf("%s: error %q is no *fault.Error", spec, err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error of more than one line: %q", spec, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %q does not say %q", spec, err, w)
		}
	}
}

func wantSize(t *testing.T, s *Set, train, test, c, h, w, classes int) {
	t.Helper()
	got := []int{s.Train.N(), s.Test.N(), s.C, s.H, s.W, len(s.Classes)}
	want := []int{train, test, c, h, w, classes}
	if !slices.Equal(got, want) {
		t.Fatalf("train, test, C, H, W, classes = %v, want %v", got, want)
	}
}

func counts(s *Split, classes int) []int {
	n := make([]int, classes)
	for i := range s.N() {
		n[s.Label(i)]++
	}
	return n
}

func TestMini(t *testing.T) {
	s := open(t, "fashion-mnist-mini", Options{})
	wantSize(t, s, 5000, 1000, 1, 28, 28, 10)
	for c := range 10 {
		if n, m := counts(&s.Train, 10)[c], counts(&s.Test, 10)[c]; n != 500 || m != 100 {
			t.Errorf("class %d: %d + %d images, want 500 + 100", c, n, m)
		}
	}
	// Pinned: runs that were recorded with the embedded set name this content.
	const want = "sha256:bc408f3d4bc273ede37fbdac0101f05ae833229d9605c05371e2c036f78590b5"
	if got := s.Fingerprint(); got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	px := s.Train.Pixels(0)
	f := make([]float32, len(px))
	s.Train.Float32(f, 0)
	for i, v := range px {
		if f[i] != float32(v)/255 {
			t.Fatalf("pixel %d: %v of byte %d", i, f[i], v)
		}
	}
}

func TestLimits(t *testing.T) {
	all := open(t, Embedded, Options{})
	large := open(t, Embedded, Options{TrainLimit: 1003, TestLimit: 50, Seed: 3})
	small := open(t, Embedded, Options{TrainLimit: 100, TestLimit: 5000, Seed: 3})
	other := open(t, Embedded, Options{TrainLimit: 100, Seed: 4})
	wantSize(t, large, 1003, 50, 1, 28, 28, 10)
	wantSize(t, small, 100, 1000, 1, 28, 28, 10)
	if n := counts(&large.Train, 10); slices.Min(n) != 100 || slices.Max(n) != 101 {
		t.Errorf("unbalanced: %v", n)
	}
	if n := counts(&large.Test, 10); slices.Min(n) != 5 || slices.Max(n) != 5 {
		t.Errorf("unbalanced: %v", n)
	}
	if !within(&large.Train, &all.Train) || !within(&small.Train, &large.Train) {
		t.Error("a subset does not keep the order of what it is taken from, or is not one")
	}
	if small.Fingerprint() == other.Fingerprint() || small.Fingerprint() == all.Fingerprint() {
		t.Error("different subsets have one fingerprint")
	}
	again := open(t, Embedded, Options{TrainLimit: 100, TestLimit: 1000, Seed: 3})
	if small.Fingerprint() != again.Fingerprint() {
		t.Error("the same subset has two fingerprints")
	}
}

// within tells whether a is a subsequence of b.
func within(a, b *Split) bool {
	j := 0
	for i := range a.N() {
		for j < b.N() && !bytes.Equal(a.Pixels(i), b.Pixels(j)) {
			j++
		}
		if j == b.N() {
			return false
		}
		j++
	}
	return true
}

func TestBalancedOfUnequalClasses(t *testing.T) {
	labels := []int{0, 0, 0, 0, 0, 0, 1, 2, 2, 2}
	got := balanced(labels, 3, 6, 1, 0)
	n := make([]int, 3)
	for _, i := range got {
		n[labels[i]]++
	}
	if n[1] != 1 || n[0]+n[2] != 5 || n[0] > 3 || n[2] > 3 {
		t.Errorf("drew %v of each class", n)
	}
}

func TestOrder(t *testing.T) {
	a, b := Order(7, 2, 1000, true), Order(7, 2, 1000, true)
	if !slices.Equal(a, b) {
		t.Error("two orders of one epoch")
	}
	if slices.Equal(a, Order(7, 3, 1000, true)) || slices.Equal(a, Order(8, 2, 1000, true)) {
		t.Error("epochs or seeds share an order")
	}
	plain := Order(7, 2, 1000, false)
	if !slices.IsSorted(plain) || len(plain) != 1000 {
		t.Error("order without shuffling is not 0, 1, …")
	}
	slices.Sort(a)
	if !slices.Equal(a, plain) {
		t.Error("not a permutation")
	}
}

func TestSpecErrors(t *testing.T) {
	for _, spec := range []string{"", "nothing", "idx", "idx:", Embedded + ":x"} {
		_, err := Open(context.Background(), spec, Options{})
		var s *SpecError
		if !errors.As(err, &s) {
			t.Errorf("%q: error %v is no *SpecError", spec, err)
		}
	}
	_, err := Open(context.Background(), "mnist", Options{Roots: []string{t.TempDir()}})
	var m *MissingError
	if !errors.As(err, &m) {
		t.Errorf("error %v is no *MissingError", err)
	}
}
