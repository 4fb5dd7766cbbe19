package probe

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// listed is how many images each list of result.Samples has at most.
const listed = 24

// imagesOf is what the neighbours of each training image say at a layer.
type imagesOf struct {
	trueShare, assignedShare []float32
	deep                     []int // votes for the prediction depth
}

// perImage has the neighbours of each training image, leave-one-out, speak of it.
func (r *runner) perImage(loo *knn.Neighbors) (*imagesOf, error) {
	pred, err := r.classify(loo, r.data.Assigned, []int{min(depthK, loo.K)})
	if err != nil {
		return nil, err
	}
	return &imagesOf{shares(loo, r.trainLabels, r.Headline), shares(loo, r.data.Assigned, r.Headline), pred[0]}, nil
}

// shares returns the share of the k nearest neighbours of each image that have its
// label.
func shares(loo *knn.Neighbors, labels []int, k int) []float32 {
	out := make([]float32, loo.Queries)
	for i := range out {
		index, _ := loo.Row(i)
		same := 0
		for _, j := range index[:k] {
			if labels[j] == labels[i] {
				same++
			}
		}
		out[i] = float32(same) / float32(k)
	}
	return out
}

// FlipDepth is the first layer from which on more than half of an image's neighbours
// carry its assigned label, given their shares by layer; len(shares) if at the last
// layer they do not.
func FlipDepth(shares []float32) int {
	d := len(shares)
	for d > 0 && shares[d-1] > 0.5 {
		d--
	}
	return d
}

// samples describes every training image.
func (r *runner) samples(n *network) (*result.Samples, error) {
	s := &result.Samples{K: r.Headline, DepthK: min(depthK, len(r.trainLabels)-1), Images: len(r.trainLabels)}
	var votes [][]int
	for _, l := range n.layers {
		s.Layers = append(s.Layers, l.Name)
		votes = append(votes, l.images.deep)
	}
	var depths []int
	if n.train != nil {
		var err error
		if depths, err = Depth(votes, n.train); err != nil {
			return nil, err
		}
	}
	s.Rows = make([]result.Sample, s.Images)
	for i := range s.Rows {
		s.Rows[i] = r.sampleOf(n, i)
		if depths != nil {
			s.Rows[i].Prediction, s.Rows[i].PredictionDepth = &n.train[i], &depths[i]
		}
	}
	if r.Losses != nil {
		s.Epochs = r.Losses.Epochs
	}
	r.summarise(s)
	return s, nil
}

func (r *runner) sampleOf(n *network, i int) result.Sample {
	row := result.Sample{Index: i, True: r.trainLabels[i], Assigned: r.data.Assigned[i]}
	if r.data.Identity != nil {
		row.Index, row.File = r.data.Identity(i)
	}
	for _, l := range n.layers {
		row.TrueShare = append(row.TrueShare, l.images.trueShare[i])
		row.AssignedShare = append(row.AssignedShare, l.images.assignedShare[i])
	}
	if d := FlipDepth(row.AssignedShare); d < len(n.layers) {
		row.FlipDepth = &d
	}
	if r.Losses != nil {
		row.Trace = trace(r.Losses.of(i, len(r.trainLabels)), r.Losses.Wrong)
	}
	return row
}

// summarise fills in the counts, the lists and the agreement.
func (r *runner) summarise(s *result.Samples) {
	var of []*result.Sample
	for i := range s.Rows {
		if s.Rows[i].True != s.Rows[i].Assigned || r.data.foreign() {
			of = append(of, &s.Rows[i])
		}
	}
	s.Mislabelled = len(of)
	if len(of) == 0 {
		for i := range s.Rows {
			of = append(of, &s.Rows[i])
		}
	}
	s.FlipCounts = make([]int, len(s.Layers)+1)
	var flipped, never []*result.Sample
	for _, row := range of {
		s.FlipCounts[flipOf(row)]++
		if row.FlipDepth != nil {
			flipped = append(flipped, row)
		}
		if greatestShare(row) <= 0.5 {
			never = append(never, row)
		}
	}
	share := func(row *result.Sample) float64 { return float64(row.AssignedShare[r.embedding]) }
	s.Memorized = top(of, func(row *result.Sample) float64 { return -share(row) }, func(row *result.Sample) float64 { return -meanShare(row) })
	s.Earliest = top(flipped, func(row *result.Sample) float64 { return float64(*row.FlipDepth) },
		func(row *result.Sample) float64 { return -meanShare(row) })
	s.Latest = top(flipped, func(row *result.Sample) float64 { return -float64(*row.FlipDepth) }, meanShare)
	s.Never = top(never, greatestShare)
	s.Agreement = agreement(s, share)
}

// flipOf is the flip depth, the number of layers where there is none.
func flipOf(row *result.Sample) int {
	if row.FlipDepth == nil {
		return len(row.AssignedShare)
	}
	return *row.FlipDepth
}

// meanShare is the mean over the layers of the share of the assigned label.
func meanShare(row *result.Sample) float64 {
	sum := 0.0
	for _, v := range row.AssignedShare {
		sum += float64(v)
	}
	return sum / float64(len(row.AssignedShare))
}

// greatestShare is the greatest share of the true or the assigned label at any layer.
func greatestShare(row *result.Sample) float64 {
	return float64(max(slices.Max(row.TrueShare), slices.Max(row.AssignedShare)))
}

// top returns the first rows by the keys, ascending, then by their place.
func top[T any](rows []*T, keys ...func(*T) float64) []T {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b *T) int {
		for _, key := range keys {
			if c := cmp.Compare(key(a), key(b)); c != 0 {
				return c
			}
		}
		return 0
	})
	var out []T
	for _, row := range sorted[:min(listed, len(sorted))] {
		out = append(out, *row)
	}
	return out
}

// agreement compares the measures of the images. An image that never flips ranks
// behind the last layer, one that is never learned behind the last epoch and all that
// forget. Images that lack a measure are left out.
func agreement(s *result.Samples, share func(*result.Sample) float64) *result.Agreement {
	a := &result.Agreement{Measures: []string{"assigned_share", "flip_depth"}}
	of := []func(*result.Sample) float64{share, func(row *result.Sample) float64 { return float64(flipOf(row)) }}
	add := func(name string, measure func(*result.Sample) float64) {
		a.Measures, of = append(a.Measures, name), append(of, measure)
	}
	if s.Rows[0].PredictionDepth != nil {
		add("prediction_depth", func(row *result.Sample) float64 { return float64(*row.PredictionDepth) })
	}
	if s.Epochs > 0 {
		add("learning_epoch", func(row *result.Sample) float64 {
			if row.Trace.Learned == nil {
				return float64(s.Epochs + 1)
			}
			return float64(*row.Trace.Learned)
		})
		add("forgetting_events", func(row *result.Sample) float64 {
			if row.Trace.Learned == nil {
				return math.Inf(1)
			}
			return float64(row.Trace.Forgotten)
		})
		add("cumulative_loss", func(row *result.Sample) float64 { return float64(row.Trace.Cumulative) })
		add("final_loss", func(row *result.Sample) float64 { return float64(row.Trace.Final) })
		add("loss_spread", func(row *result.Sample) float64 { return float64(row.Trace.Spread) })
	}
	columns := make([][]float64, len(of))
	for i := range s.Rows {
		values := make([]float64, len(of))
		for m, measure := range of {
			values[m] = measure(&s.Rows[i])
		}
		if slices.ContainsFunc(values, math.IsNaN) {
			continue
		}
		a.Images++
		for m, v := range values {
			columns[m] = append(columns[m], v)
		}
	}
	for m := range columns {
		columns[m] = ranks(columns[m])
	}
	for m := range columns {
		row := make([]result.Number, len(columns))
		for o := range columns {
			row[o] = result.Number(pearson(columns[m], columns[o]))
		}
		a.Spearman = append(a.Spearman, row)
	}
	return a
}

// ranks returns the rank of each value, from 1; equal values share their mean rank.
func ranks(x []float64) []float64 {
	order := span(0, len(x))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	rank := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			rank[i] = float64(lo+1+hi) / 2
		}
		lo = hi
	}
	return rank
}

// pearson is the correlation of x and y; NaN where one of them is constant.
func pearson(x, y []float64) float64 {
	mx, my := meanOf(x), meanOf(y)
	var xx, yy, xy float64
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
		xy += (x[i] - mx) * (y[i] - my)
	}
	if xx == 0 || yy == 0 {
		return math.NaN()
	}
	return xy / (math.Sqrt(xx) * math.Sqrt(yy))
}

// checkSamples reports what makes single images impossible to measure.
func (r *runner) checkSamples() error {
	if r.PerImage && r.data.Assigned == nil {
		return fmt.Errorf("probe: single images are asked for, and their assigned labels are not known")
	}
	if r.Losses != nil {
		return r.Losses.check(r.data.Train.N())
	}
	return nil
}
