package probe

import (
	"context"
	"slices"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// found is what the neighbours of a layer say.
type found struct {
	banks   []answers
	queries *knn.Neighbors // among the images that the network was trained on; nil unless it predicts
	own     *knn.Neighbors // of those images, each left out once; nil unless that is asked for
	index   *knn.Index     // of those images; nil if it was too large to keep, or is not wanted any more
}

// find finds the neighbours of a layer.
func (r *runner) find(ctx context.Context, f layerFeatures) (*found, error) {
	seen, err := r.neighbourhood(ctx, f, 0, r.data.Train.N(), r.K[len(r.K)-1])
	if err != nil {
		return nil, err
	}
	if r.predicts() {
		seen.k = max(seen.k, depthK)
	}
	if r.PerImage {
		seen.left = max(seen.left, depthK)
	}
	left := r.data.Assigned != nil || r.LeaveOneOut
	seen.both = left
	out := &found{index: seen.Index}
	if out.banks, err = r.ask(ctx, f, seen); err != nil {
		return nil, err
	}
	if left || r.testLabels == nil {
		if out.own, err = seen.leftOut(ctx); err != nil {
			return nil, err
		}
	}
	if r.predicts() {
		out.queries, err = seen.ofQueries(ctx)
	}
	return out, err
}

// neighbours measures all that k-NN gives.
func (r *runner) neighbours(ctx context.Context, n *network, at int, f layerFeatures) error {
	out := &n.layers[at]
	var near *found
	var err error
	if r.input != nil && at == r.inputAsIs() {
		near = r.input.found
	} else if near, err = r.find(ctx, f); err != nil {
		return err
	}
	out.banks = near.banks
	first := out.banks[0]
	out.KNN.True = first.accuracy
	interval := result.Wilson(count(first.right), len(first.right))
	out.Intervals.True = &interval
	if near.own != nil {
		if err := r.leaveOneOut(out, near.own); err != nil {
			return err
		}
	}
	if near.queries == nil {
		return nil
	}
	voters := r.data.Assigned
	if voters == nil {
		voters = r.trainLabels
	}
	pred, err := r.classify(near.queries, voters, []int{min(depthK, near.queries.K)})
	if err == nil {
		out.deep = pred[0]
	}
	return err
}

func count(b []bool) int {
	n := 0
	for _, v := range b {
		n += int(one(v))
	}
	return n
}

// leaveOneOut measures on the images that the network was trained on.
func (r *runner) leaveOneOut(out *measured, loo *knn.Neighbors) error {
	pred, err := r.classify(loo, r.trainLabels, r.K)
	if err != nil {
		return err
	}
	out.LeaveOneOut = &result.KNN{True: r.accuracy(pred, r.trainLabels)}
	if r.data.Assigned == nil {
		return nil
	}
	if pred, err = r.classify(loo, r.data.Assigned, r.K); err != nil {
		return err
	}
	out.LeaveOneOut.Assigned = r.accuracy(pred, r.data.Assigned)
	out.KNN.Assigned = out.LeaveOneOut.Assigned
	right := knn.Right(pred[slices.Index(r.K, r.Headline)], r.data.Assigned)
	interval := result.Wilson(right, len(r.data.Assigned))
	out.Intervals.Assigned = &interval
	out.permuted = r.permuted(loo)
	if r.PerImage {
		out.images, err = r.perImage(loo)
	}
	return err
}

func (r *runner) classify(nb *knn.Neighbors, labels []int, ks []int) ([][]int, error) {
	return knn.Classify(nb, labels, max(len(r.data.Classes), r.data.assignedClasses()), ks, r.Vote, r.Temperature)
}

func (r *runner) accuracy(pred [][]int, truth []int) result.Accuracy {
	a := result.Accuracy{}
	for i, k := range r.K {
		a[k] = result.Number(knn.Accuracy(pred[i], truth))
	}
	return a
}
