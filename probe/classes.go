package probe

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// NC1 is the variability collapse tr(Σ_W Σ_B⁺)/C of neural collapse: 0 where the
// samples of each class coincide. With the class means μ_c and the mean μ of all
// samples,
//
//	Σ_W = 1/N Σᵢ (hᵢ−μ_yᵢ)(hᵢ−μ_yᵢ)ᵀ,  Σ_B = 1/C Σ_c (μ_c−μ)(μ_c−μ)ᵀ
//
// C counts the classes that occur. Σ_B has at most min(C−1,d) directions: the
// pseudo-inverse takes the leading ones, without those along which the class means
// lie no further apart than the rounding of float32 features alone puts them. It is
// NaN where all class means coincide.
//
// Papyan, Han, Donoho 2020.
func NC1(f Features, labels []int, classes int) (float64, error) {
	if err := f.check("NC1", 1); err != nil {
		return 0, err
	}
	if err := checkLabels("NC1", labels, f.N, classes); err != nil {
		return 0, err
	}
	means, present := classMeans(f, labels, classes)
	axes, spread, err := betweenAxes(f, means, present)
	if err != nil || len(axes) == 0 {
		return math.NaN(), err
	}
	total := 0.0
	for i := range f.N {
		mean := means[labels[i]]
		for r, axis := range axes {
			p := 0.0
			for j, v := range f.Row(i) {
				p += axis[j] * (float64(v) - mean[j])
			}
			total += p * p / (spread[r] * spread[r])
		}
	}
	return total / float64(f.N) / float64(len(present)), nil
}

// classMeans returns the mean of each class and the classes that occur.
func classMeans(f Features, labels []int, classes int) (means [][]float64, present []int) {
	means = make([][]float64, classes)
	count := Histogram(labels, classes)
	for c, n := range count {
		if n > 0 {
			means[c] = make([]float64, f.D)
			present = append(present, c)
		}
	}
	for i, y := range labels {
		for j, v := range f.Row(i) {
			means[y][j] += float64(v)
		}
	}
	for _, c := range present {
		for j := range means[c] {
			means[c][j] /= float64(count[c])
		}
	}
	return means, present
}

// betweenAxes returns the eigenvectors of Σ_B with eigenvalues spread² above
// rounding. A matrix of c rows and d columns whose elements are the roundings e of
// the features has a norm of about e·(√c+√d).
func betweenAxes(f Features, means [][]float64, present []int) (axes [][]float64, spread []float64, err error) {
	m := mat.NewDense(len(present), f.D, nil)
	all := f.mean()
	for r, c := range present {
		for j, v := range means[c] {
			m.Set(r, j, (v-all[j])/math.Sqrt(float64(len(present))))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThinV) {
		return nil, nil, fmt.Errorf("probe: NC1: the singular values of %d class means do not converge", len(present))
	}
	s := svd.Values(nil)
	var v mat.Dense
	svd.VTo(&v)
	c, d := float64(len(present)), float64(f.D)
	floor := 0x1p-24 * f.scale() * (1 + math.Sqrt(d/c))
	for r, sigma := range s[:min(len(s), len(present)-1)] {
		if sigma > floor {
			axes, spread = append(axes, mat.Col(nil, r, &v)), append(spread, sigma)
		}
	}
	return axes, spread, nil
}

// MASC classifies by class subspaces: each class of the training features is
// given the subspace through the origin of its leading principal directions
// (eigenvectors of Σxxᵀ, not centred) that hold at least the given fraction of
// Σ‖x‖² (0.99 in the paper), and a query is of the class whose subspace it makes
// the smallest angle with; of equals, squared cosines within 1e-9 of each other, the
// smallest class. Classes without samples
// are never predicted, and a query that is zero is of the first class.
//
// Ketha et al. 2025 (minimum angle subspace classifier).
func MASC(pool *parallel.Pool, train Features, labels []int, classes int, queries Features,
	fraction float64) ([]int, error) {
	if err := train.check("MASC", 1); err != nil {
		return nil, err
	}
	if err := queries.check("MASC", 1); err != nil {
		return nil, err
	}
	if err := checkLabels("MASC", labels, train.N, classes); err != nil {
		return nil, err
	}
	if queries.D != train.D || !(fraction > 0 && fraction <= 1) {
		return nil,
			fmt.Errorf("probe: MASC: queries of %d elements for %d, fraction %v; want equal ones, and a fraction in (0,1]",
				queries.D, train.D, fraction)
	}
	pred := make([]int, queries.N)
	best := make([]float64, queries.N)
	for i := range best {
		best[i] = math.Inf(-1)
	}
	for c := range classes {
		axes, err := subspace(pool, classFeatures(train, labels, c), fraction)
		if err != nil {
			return nil, err
		}
		if len(axes) > 0 {
			nearer(pool, queries, axes, c, pred, best)
		}
	}
	return pred, nil
}

// nearer gives class c to the queries x that lie nearer to its subspace than to
// those before, and keeps ‖Vx‖² of the nearest, which orders the classes as the
// cosine ‖Vx‖/‖x‖ does.
func nearer(pool *parallel.Pool, queries Features, axes [][]float64, c int, pred []int, best []float64) {
	const rows = 64
	pool.For(parallel.Chunks(queries.N, rows), func(_, chunk int) {
		x := make([]float64, queries.D)
		lo, hi := parallel.Range(chunk, rows, queries.N)
		for i := lo; i < hi; i++ {
			square, p := 0.0, 0.0
			for j, v := range queries.Row(i) {
				x[j] = float64(v)
				square += x[j] * x[j]
			}
			for _, axis := range axes {
				d := vec.Dot(axis, x)
				p += d * d
			}
			if p > best[i]+mascTie*square {
				pred[i], best[i] = c, p
			}
		}
	})
}

// mascTie is how far two squared cosines are equal: the rounding of the axes.
const mascTie = 1e-9

// classFeatures copies the samples of class c.
func classFeatures(f Features, labels []int, c int) Features {
	out := Features{D: f.D}
	for i, y := range labels {
		if y == c {
			out.N++
			out.Data = append(out.Data, f.Row(i)...)
		}
	}
	return out
}

// subspace returns orthonormal leading principal directions of f that hold the
// given fraction of Σ‖x‖². There are none for no samples or zero ones, and none that
// rounding alone makes.
func subspace(pool *parallel.Pool, f Features, fraction float64) ([][]float64, error) {
	if f.N == 0 {
		return nil, nil
	}
	m, size := f.moment(pool)
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(size, m), true) {
		return nil, fmt.Errorf("probe: MASC: the principal directions of [%d,%d] features do not converge", f.N, f.D)
	}
	values := e.Values(nil)
	var v mat.Dense
	e.VectorsTo(&v)
	total, held := 0.0, 0.0
	for _, l := range values {
		total += max(l, 0)
	}
	var axes [][]float64
	floor := rounding(values)
	for r := size - 1; r >= 0 && held < fraction*total && values[r] > floor; r-- {
		held += values[r]
		axes = append(axes, direction(f, mat.Col(nil, r, &v)))
	}
	return axes, nil
}

// direction returns an eigenvector of Σxxᵀ of unit norm, given one of the moment
// matrix.
func direction(f Features, v []float64) []float64 {
	u := v
	if f.D > f.N { // v mixes the samples
		u = make([]float64, f.D)
		for i, w := range v {
			for j, x := range f.Row(i) {
				u[j] += w * float64(x)
			}
		}
	}
	n := norm(u)
	for j := range u {
		u[j] /= n
	}
	return u
}

// mascFraction is the share of the energy that the subspaces of MASC hold.
const mascFraction = 0.99

func nc1Row() Metric {
	return Metric{Metric: result.Metric{Name: "nc1", Title: "Variability collapse (NC1)",
		Unit: "within / between, 0 = collapsed", Better: result.Lower, Scale: result.Logarithmic,
		Definition: "tr(Σ_W pinv(Σ_B))/C of the covariances Σ_W within and Σ_B between the C classes",
		Source:     "Papyan, Han, Donoho 2020",
		Parts:      parts("nc1", [2]string{"true", "true labels"}, [2]string{"assigned", "assigned labels"})},
		With: sampled,
		Measure: func(_ context.Context, l *LayerData) (result.Values, error) {
			f := l.Sampled()
			return l.byLabels("nc1", func(labels []int, classes int) (float64, error) {
				return NC1(f, pick(labels, l.Sample), classes)
			})
		}}
}

func mascRow() Metric {
	return Metric{Metric: result.Metric{Name: "masc", Title: "Minimum angle subspace classifier (MASC)",
		Unit: "accuracy", Better: result.Higher, Scale: result.Fraction,
		Definition: "accuracy, on true labels, of the class whose subspace makes the smallest angle with the query",
		Source:     "Ketha et al. 2025",
		Parts: parts("masc", [2]string{"true", "subspaces of true classes"},
			[2]string{"assigned", "subspaces of assigned classes"})},
		Measure: measureMASC,
		With: func(l *LayerData) string {
			text := fmt.Sprintf("subspaces of %v of the energy; %s on true labels", mascFraction, l.queried())
			if l.AssignedClasses != l.Classes {
				text += ", of assigned classes training accuracy on these"
			}
			return text
		}}
}

func measureMASC(_ context.Context, l *LayerData) (result.Values, error) {
	return l.byLabels("masc", func(labels []int, classes int) (float64, error) {
		queries, truth := l.Queries()
		if classes != l.Classes { // the true labels are of other classes
			queries, truth = l.Train, labels
		}
		pred, err := MASC(l.Workers, l.Train, labels, classes, queries, mascFraction)
		if err != nil {
			return 0, err
		}
		return knn.Accuracy(pred, truth), nil
	})
}
