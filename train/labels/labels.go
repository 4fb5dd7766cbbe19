// Package labels draws the labels that a network is trained on.
package labels

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"memprobe/internal/rng"
)

// Scheme says how assigned labels come from the true ones: True keeps them,
// otherwise a fraction Noise of them, 1 for random labels, is drawn anew.
type Scheme struct {
	Noise float64
	// PerView draws an independent label for each augmented view of an image.
	PerView bool
	// Classes is how many random labels there are; 0: as many as the data's classes.
	Classes int
}

// Parse reads "true", "random", "random:K" with K of at least 2, "noise:P" with P in
// [0,1], or "per-view".
func Parse(s string) (Scheme, error) {
	if k, ok := strings.CutPrefix(s, "random:"); ok {
		if n, err := strconv.Atoi(k); err == nil && n >= 2 && n <= math.MaxInt32 {
			return Scheme{Noise: 1, Classes: n}, nil
		}
	}
	switch p, noisy := strings.CutPrefix(s, "noise:"); {
	case s == "true":
		return Scheme{}, nil
	case s == "random":
		return Scheme{Noise: 1}, nil
	case s == "per-view":
		return Scheme{Noise: 1, PerView: true}, nil
	case noisy:
		v, err := strconv.ParseFloat(p, 64)
		if err == nil && v >= 0 && v <= 1 {
			return Scheme{Noise: v}, nil
		}
	}
	return Scheme{}, fmt.Errorf("labels %q: want true, random, random:K with K of at least 2, noise:P with P from 0 "+
		"to 1, or per-view", s)
}

func (s Scheme) String() string {
	switch {
	case s.PerView:
		return "per-view"
	case s.Classes > 0:
		return "random:" + strconv.Itoa(s.Classes)
	case s.Noise == 0:
		return "true"
	case s.Noise == 1:
		return "random"
	}
	return "noise:" + strconv.FormatFloat(s.Noise, 'g', -1, 64)
}

// Of returns the number of classes that labels of the scheme have, given the data's.
func (s Scheme) Of(classes int) int {
	if s.Classes > 0 {
		return s.Classes
	}
	return classes
}

// Draw returns the assigned labels of n samples. Exactly ⌊n(1−Noise)⌋ samples,
// the first of a permutation drawn from the seed, keep their true label; each
// other one gets a label uniform over all classes, the true one included, as in
// Anagnostidis et al. 2023. The expected rate of true labels is
// (1−Noise) + Noise/classes. With Classes set, labels are uniform over so many: each
// image has log₂ Classes bits to be memorized.
func (s Scheme) Draw(seed uint64, truth []int32, classes int) []int32 {
	n := len(truth)
	out := make([]int32, n)
	copy(out, truth)
	order := make([]int, n)
	stream := rng.New(seed, rng.Labels)
	stream.Perm(order)
	keep := int(math.Floor(float64(n)*(1-s.Noise) + 1e-9))
	for _, i := range order[keep:] {
		out[i] = s.View(seed, i, 0, s.Of(classes))
	}
	return out
}

// View is the random label of a view of a sample; view 0 is the sample's own.
func (s Scheme) View(seed uint64, sample, view, classes int) int32 {
	stream := rng.New(seed, rng.Labels, uint64(sample)+1, uint64(view))
	return int32(stream.IntN(classes))
}
