package probe

import (
	"context"
	"fmt"
	"slices"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

const (
	linearIterations = 200
	mascFraction     = 0.99
)

// metricSettings describes the optional metrics that are asked for, by their
// names in the result.
func (r *runner) metricSettings() map[string]string {
	s := map[string]string{}
	sampled := fmt.Sprintf("on %d training images", len(r.sample))
	queries := "test accuracy"
	if r.testLabels == nil {
		queries = "training accuracy"
	}
	for _, name := range r.Metrics {
		switch name {
		case "linear":
			s["linear_probe"] = fmt.Sprintf("multinomial logistic regression on standardised features, L2 %v, L-BFGS, at most %d iterations; true: %s; assigned: training accuracy of a probe of these", r.Lambda, linearIterations, queries)
		case "cka":
			s["cka_pixels"] = "linear, with the pixels, " + sampled
			s["cka_logits"] = "linear, with the logits, " + sampled
		case "rankme", "twonn", "nc1":
			s[name] = sampled
		case "masc":
			s[name] = fmt.Sprintf("subspaces of %v of the energy; %s on true labels, of subspaces of true and of assigned classes", mascFraction, queries)
		}
	}
	if r.Augment != nil {
		s["invariance"] = fmt.Sprintf("E‖g(Tx)−g(T'x)‖² / E‖g(x)−g(x')‖², %d views of %d training images", r.Views, len(r.viewed))
	}
	if len(s) == 0 {
		return nil
	}
	return s
}

// optional measures the metrics of Options.Metrics.
func (r *runner) optional(ctx context.Context, n *network, out *measured, f layerFeatures) error {
	sampled := f.train.rows(r.sample)
	for _, name := range r.Metrics {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch name {
		case "linear":
			out.LinearProbe, err = r.linear(ctx, f)
		case "cka":
			if out.CKAPixels, err = r.cka(sampled, r.pixels); err == nil {
				out.CKALogits, err = r.cka(sampled, n.logits)
			}
		case "rankme":
			out.RankMe, err = number(RankMe(r.Workers, sampled))
		case "twonn":
			out.TwoNN, err = r.twoNN(ctx, sampled)
		case "nc1":
			out.NC1, err = r.byLabels(func(labels []int) (*result.Number, error) {
				return number(NC1(sampled, pick(labels, r.sample), len(r.data.Classes)))
			})
		case "masc":
			out.MASC, err = r.byLabels(func(labels []int) (*result.Number, error) {
				queries, truth := r.queries(f)
				pred, err := MASC(r.Workers, f.train, labels, len(r.data.Classes), queries, mascFraction)
				if err != nil {
					return nil, err
				}
				return result.Some(knn.Accuracy(pred, truth)), nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func number(v float64, err error) (*result.Number, error) { return result.Some(v), err }

// queries are the test images, or the bank itself where there are none.
func (r *runner) queries(f layerFeatures) (Features, []int) {
	if r.testLabels == nil {
		return f.train, r.trainLabels
	}
	return f.test, r.testLabels
}

// byLabels measures with the true labels of the bank and, where they are known,
// the assigned ones.
func (r *runner) byLabels(measure func(labels []int) (*result.Number, error)) (*result.ByLabels, error) {
	var b result.ByLabels
	var err error
	if b.True, err = measure(r.trainLabels); err == nil && r.data.Assigned != nil {
		b.Assigned, err = measure(r.data.Assigned)
	}
	return &b, err
}

func (r *runner) linear(ctx context.Context, f layerFeatures) (*result.ByLabels, error) {
	return r.byLabels(func(labels []int) (*result.Number, error) {
		queries, truth := f.train, labels
		if slices.Equal(labels, r.trainLabels) {
			queries, truth = r.queries(f)
		}
		l, err := FitLinear(ctx, r.Workers, f.train, labels, len(r.data.Classes), r.Lambda, linearIterations)
		if err != nil {
			return nil, err
		}
		pred, err := l.Predict(r.Workers, queries)
		if err != nil {
			return nil, err
		}
		return result.Some(knn.Accuracy(pred, truth)), nil
	})
}

func (r *runner) cka(x, y Features) (*result.CKA, error) {
	biased, debiased, err := CKA(r.Workers, x, y)
	return &result.CKA{Biased: result.Number(biased), Debiased: result.Number(debiased)}, err
}

func (r *runner) twoNN(ctx context.Context, f Features) (*result.Number, error) {
	index, err := knn.New(ctx, r.Workers, f.Data, f.N, f.D, knn.Euclidean)
	if err != nil {
		return nil, err
	}
	nb, err := index.LeaveOneOut(ctx, 2)
	if err != nil {
		return nil, err
	}
	return number(TwoNN(nb))
}

func pick(labels, index []int) []int {
	out := make([]int, len(index))
	for i, j := range index {
		out[i] = labels[j]
	}
	return out
}
