package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// RankMe is the effective rank of the features,
//
//	exp(−Σ pᵢ log pᵢ), pᵢ = σᵢ/Σσ
//
// with the singular values σ of the matrix as it is, not centred: between 1 and
// min(n,d). It is NaN if all features are zero. The singular values are the
// roots of the eigenvalues of the smaller moment matrix in float64, so those
// below √(min(n,d)·2⁻⁵²), about 1e-7, of the greatest cannot be told from zero and
// count as that.
//
// Garrido et al. 2023; Roy, Vetterli 2007.
func RankMe(pool *parallel.Pool, f Features) (float64, error) {
	if err := f.check("RankMe", 1); err != nil {
		return 0, err
	}
	m, size := f.moment(pool)
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(size, m), false) {
		return 0, fmt.Errorf("probe: RankMe: the eigenvalues of [%d,%d] features do not converge", f.N, f.D)
	}
	sigma := e.Values(nil)
	sum := 0.0
	floor := rounding(sigma)
	for i, v := range sigma {
		sigma[i] = 0
		if v > floor {
			sigma[i] = math.Sqrt(v)
		}
		sum += sigma[i]
	}
	if sum == 0 {
		return math.NaN(), nil
	}
	entropy := 0.0
	for _, s := range sigma {
		if p := s / sum; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy), nil
}

// TwoNN estimates the intrinsic dimension from the ratio μ = r₂/r₁ of the
// distances to the second and the first neighbour: the slope through the origin
// of −log(1−F(μ)) against log μ, F being the empirical distribution i/N of the
// sorted ratios. The largest tenth of the ratios is left out of the fit, as in
// the paper, and samples with a duplicate (r₁ = 0) are left out altogether. nb
// are the (at least two) nearest other samples of each, leave-one-out, under the
// Euclidean metric. It is NaN where no two ratios differ from 1.
//
// Facco et al. 2017.
func TwoNN(nb *knn.Neighbors) (float64, error) {
	if nb.K < 2 {
		return 0, fmt.Errorf("probe: TwoNN: %d neighbours, want at least 2", nb.K)
	}
	const keep = 0.9
	var logs []float64
	for i := range nb.Queries {
		if _, r := nb.Row(i); r[0] > 0 {
			logs = append(logs, math.Log(r[1]/r[0]))
		}
	}
	slices.Sort(logs)
	n := float64(len(logs))
	var xy, xx float64
	for i, x := range logs[:int(keep*n)] {
		xy -= x * math.Log1p(-float64(i+1)/n)
		xx += x * x
	}
	if xx == 0 {
		return math.NaN(), nil
	}
	return xy / xx, nil
}

func rankMeRow() Metric {
	return Metric{Metric: result.Metric{Name: "rankme", Title: "Effective rank (RankMe)",
		Unit: "directions", Scale: result.Logarithmic,
		Definition: "exp(-Σ p log p) of the shares p = σ/Σσ of the singular values",
		Source:     "Garrido et al. 2023; Roy, Vetterli 2007",
		Parts:      single("rankme", "effective rank")},
		With: sampled,
		Measure: func(_ context.Context, l *LayerData) (result.Values, error) {
			return value("rankme")(RankMe(l.Workers, l.Sampled()))
		}}
}

func twoNNRow() Metric {
	return Metric{Metric: result.Metric{Name: "twonn", Title: "Intrinsic dimension (TwoNN)",
		Unit: "dimensions", Scale: result.Logarithmic,
		Definition: "the slope of -log(1 - F(μ)) against log μ, the ratio of the distances to the second and the first neighbour",
		Source:     "Facco et al. 2017",
		Parts:      single("twonn", "intrinsic dimension")},
		Measure: measureTwoNN, With: sampled}
}

func measureTwoNN(ctx context.Context, l *LayerData) (result.Values, error) {
	f := l.Sampled()
	index, err := knn.New(ctx, l.Workers, f.Data, f.N, f.D, knn.Euclidean)
	if err != nil {
		return nil, err
	}
	nb, err := index.LeaveOneOut(ctx, 2)
	if err != nil {
		return nil, err
	}
	return value("twonn")(TwoNN(nb))
}
