package probe

import (
	"fmt"
	"math"
	"slices"

	"memprobe/internal/rng"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// permutations is how often assigned labels are permuted.
const permutations = 200

// permuted returns the right answers, of all, that the neighbours (leave-one-out) give
// under permutations of the assigned labels among the images of each true class. They
// are what a layer would know of the assigned labels if it knew of them no more than
// the true ones tell: permuting them over all images would count as memorized what a
// layer knows of labels that are partly true.
func (r *runner) permuted(loo *knn.Neighbors) []int {
	members := make([][]int, len(r.data.Classes))
	for i, y := range r.trainLabels {
		members[y] = append(members[y], i)
	}
	right := make([]int, permutations)
	r.Workers.For(permutations, func(_, n int) {
		labels := make([]int, len(r.trainLabels))
		s := rng.New(r.Seed, rng.Metric, 3, uint64(n))
		for _, m := range members {
			order := make([]int, len(m))
			s.Perm(order)
			for i, j := range order {
				labels[m[i]] = r.data.Assigned[m[j]]
			}
		}
		// The labels and k are those that were just classified with.
		pred, err := r.classify(loo, labels, []int{min(r.Headline, loo.K)})
		if err != nil {
			right[n] = -1
			return
		}
		right[n] = knn.Right(pred[0], labels)
	})
	return right
}

// bandOfPermutations sets the band of each layer: mean ± c standard deviations over
// the permutations, with c the 95 % quantile of the greatest deviation of any layer,
// since each permutation is the same at all layers.
func (r *runner) bandOfPermutations(p *result.Probe, trained *network) {
	n := float64(len(r.trainLabels))
	type stats struct{ mean, sd float64 }
	all := make([]stats, len(p.Layers))
	greatest := make([]float64, permutations)
	for l := range p.Layers {
		right := make([]float64, 0, permutations)
		for _, v := range trained.layers[l].permuted {
			right = append(right, float64(v)/n)
		}
		if len(right) == 0 {
			return
		}
		all[l] = stats{meanOf(right), deviation(right)}
		for i, v := range right {
			if all[l].sd > 0 {
				greatest[i] = max(greatest[i], math.Abs(v-all[l].mean)/all[l].sd)
			}
		}
	}
	slices.Sort(greatest)
	c := quantile(greatest, 0.95)
	for l, s := range all {
		p.Layers[l].AssignedBand = &result.Interval{result.Number(s.mean - c*s.sd), result.Number(s.mean + c*s.sd)}
	}
}

// depths says where memorization begins and where the features are best, given the
// accuracies with true labels in resamples.
func (r *runner) depths(p *result.Probe, accuracy *resampled) {
	_, bands := accuracy.intervals()
	d := &result.Depth{}
	best := -1
	for i := range p.Layers {
		if p.Layers[i].Role != Input && (best < 0 || accuracy.margin[i] > accuracy.margin[best]) {
			best = i
		}
	}
	for i := range p.Layers {
		l := &p.Layers[i]
		if l.Role == Input {
			continue
		}
		d.Layers++
		if b := l.AssignedBand; b != nil && d.Begins == "" && l.LeaveOneOut.Assigned.At(r.Headline) > b.High() {
			d.Begins, d.BeginsAt = l.Name, d.Layers
		}
		if accuracy.margin[i] >= bands[best].Low() {
			d.Peak, d.PeakAt = l.Name, d.Layers
		}
	}
	switch {
	case d.Begins != "":
		d.Sentence = fmt.Sprintf("memorization begins at %s, %d of %d; features peak at %s", d.Begins, d.BeginsAt, d.Layers,
			d.Peak)
	case p.Layers[0].AssignedBand != nil:
		d.Sentence = fmt.Sprintf("no layer knows more of the assigned labels than the true ones tell; features peak at %s",
			d.Peak)
	default:
		d.Sentence = "features peak at " + d.Peak
	}
	p.Depth = d
}
