package probe

import (
	"context"
	"fmt"
	"math"

	"memprobe/probe/result"
)

// Invariance is the normalised invariance of a layer g to random views T:
//
//	E_x E_{T,T'} ‖g(Tx) − g(T'x)‖² / E_{x≠x'} ‖g(x) − g(x')‖²
//
// 0 is invariant; 1 is a layer for which two views of an image are as far apart
// as two images. The numerator averages over the images and over all pairs of
// different views of an image, the denominator over all pairs of different
// images, without views. Anagnostidis et al. 2023 give the idea; the formula is
// this package's.
//
// Views are added as they are computed, one image after the other; only one
// image's sums are held. The zero value is ready for use.
type Invariance struct {
	images int
	within float64 // sum of the images' means over pairs of views
	sum    []float64
}

// Add adds an image by the features [views,d] of its views. With fewer than two
// views the image is ignored.
func (v *Invariance) Add(views Features) {
	if views.N < 2 {
		return
	}
	v.images++
	v.within += pairwise(views, &v.sum)
}

// Value returns the invariance, given the clean features of the images. It is
// NaN without images or where all clean features are the same.
func (v *Invariance) Value(clean Features) float64 {
	if v.images == 0 || clean.N < 2 {
		return math.NaN()
	}
	var sum []float64
	between := pairwise(clean, &sum)
	if between == 0 {
		return math.NaN()
	}
	return v.within / float64(v.images) / between
}

// pairwise is the mean of ‖a−b‖² over pairs of different rows: twice the
// unbiased variance, summed over the columns. sum is workspace.
func pairwise(f Features, sum *[]float64) float64 {
	if cap(*sum) < f.D {
		*sum = make([]float64, f.D)
	}
	mean := (*sum)[:f.D]
	clear(mean)
	for i := range f.N {
		for j, v := range f.Row(i) {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(f.N)
	}
	total := 0.0
	for i := range f.N {
		for j, v := range f.Row(i) {
			d := float64(v) - mean[j]
			total += d * d
		}
	}
	return 2 * total / float64(f.N-1)
}

func invarianceRow() Metric {
	return Metric{Metric: result.Metric{Name: "invariance", Title: "Normalised invariance",
		Unit: "invariance, 0 = invariant", Better: result.Lower, Scale: result.Linear,
		Definition: "E_x E_{T,T'} |g(Tx) - g(T'x)|² / E_{x≠x'} |g(x) - g(x')|² over views T of the images x",
		Source:     "after Anagnostidis et al. 2023",
		Parts: []result.Part{{Column: "invariance", Key: "invariance", Label: "trained network"},
			{Column: "invariance.untrained", Key: "untrained_invariance", Label: "untrained network"}}},
		Measure: measureInvariance, OnUntrained: true,
		When: func(l *LayerData) bool { return l.Options.Augment != nil },
		With: func(l *LayerData) string {
			return fmt.Sprintf("%d views of %d training images", l.Options.Views, len(l.Viewed))
		}}
}

func measureInvariance(_ context.Context, l *LayerData) (result.Values, error) {
	var v Invariance
	views := l.Options.Views
	for i := range l.Viewed {
		v.Add(Features{views, l.Views.D, l.Views.Data[i*views*l.Views.D : (i+1)*views*l.Views.D]})
	}
	return value("invariance")(v.Value(l.Train.rows(l.Viewed)), nil)
}
