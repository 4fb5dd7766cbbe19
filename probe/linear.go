package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"memprobe/internal/kernel/gemm"
	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// Linear is a linear probe: a multinomial logistic regression.
type Linear struct {
	Classes, D int
	Weight     []float32 // [D,Classes], of standardised features
	Bias       []float32 // [Classes]
	Mean       []float64 // of the training features' columns
	Inverse    []float64 // of their standard deviations; 0 for a constant column
	Iterations int
	Loss       float64 // of the objective, where it stopped
}

// FitLinear minimises over W and b
//
//	1/n Σᵢ −log softmax(x̂ᵢW + b)[yᵢ] + λ/2 ‖W‖²_F
//
// where x̂ are the features with each column standardised (training mean 0,
// variance 1 with divisor n; a constant column becomes 0). b is not penalised.
// scikit-learn's LogisticRegression has the same minimiser at C = 1/(λn). It
// starts from zero and runs L-BFGS until the greatest element of the gradient is
// below 1e-5 or for the given number of iterations, so it is deterministic.
// λ must be above 0.
//
// Alain, Bengio: Understanding intermediate layers using linear classifier
// probes, 2016.
func FitLinear(ctx context.Context, pool *parallel.Pool, f Features, labels []int, classes int, lambda float64,
	iterations int) (*Linear, error) {
	if err := f.check("linear probe", 1); err != nil {
		return nil, err
	}
	if err := checkLabels("linear probe", labels, f.N, classes); err != nil {
		return nil, err
	}
	if !(lambda > 0) || math.IsInf(lambda, 1) || iterations < 1 {
		return nil, fmt.Errorf("probe: linear probe: λ %v and %d iterations, want both positive", lambda, iterations)
	}
	l := &Linear{Classes: classes, D: f.D}
	l.Mean, l.Inverse = moments(f)
	o := newLogistic(pool, l.standardised(f), labels, classes, lambda)
	result, err := optimize.Minimize(optimize.Problem{
		Func: func(w []float64) float64 { o.eval(w); return o.loss },
		Grad: func(g, w []float64) { o.eval(w); copy(g, o.grad) },
		Status: func() (optimize.Status, error) {
			if ctx.Err() != nil {
				return optimize.Failure, ctx.Err()
			}
			return optimize.NotTerminated, nil
		},
	}, make([]float64, (f.D+1)*classes), &optimize.Settings{
		GradientThreshold: 1e-5, MajorIterations: iterations,
		Converger: optimize.NeverTerminate{},
	}, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// Near the minimum float32 products leave the line search without a step:
	// where it stopped is the answer to their precision.
	if result == nil {
		return nil, fmt.Errorf("probe: linear probe: %w", err)
	}
	w := toFloat32(result.X)
	l.Weight, l.Bias = w[:f.D*classes], w[f.D*classes:]
	l.Iterations, l.Loss = result.MajorIterations, result.F
	return l, nil
}

// moments returns the mean and the inverse standard deviation of the columns.
func moments(f Features) (mean, inverse []float64) {
	mean, inverse = f.mean(), make([]float64, f.D)
	for i := range f.N {
		for j, v := range f.Row(i) {
			d := float64(v) - mean[j]
			inverse[j] += d * d
		}
	}
	for j, s := range inverse {
		inverse[j] = 0
		// A column whose spread is the rounding of its mean is constant.
		if s := math.Sqrt(s / float64(f.N)); s > 1e-12*math.Abs(mean[j]) {
			inverse[j] = 1 / s
		}
	}
	return mean, inverse
}

// standardised elements lie within ±2⁶⁴, so that logits of queries far from all
// training features stay finite.
func (l *Linear) standardised(f Features) Features {
	s := Features{f.N, f.D, make([]float32, len(f.Data))}
	for i := range f.N {
		row := s.Row(i)
		for j, v := range f.Row(i) {
			row[j] = float32(max(-0x1p64, min((float64(v)-l.Mean[j])*l.Inverse[j], 0x1p64)))
		}
	}
	return s
}

// Predict returns the class of the greatest logit, the smallest of equals.
func (l *Linear) Predict(pool *parallel.Pool, f Features) ([]int, error) {
	if err := f.check("linear probe", 1); err != nil {
		return nil, err
	}
	if f.D != l.D {
		return nil, fmt.Errorf("probe: linear probe: features of %d elements, want %d", f.D, l.D)
	}
	o := newLogistic(pool, l.standardised(f), nil, l.Classes, 0)
	pred := make([]int, f.N)
	o.blocks(l.Weight, l.Bias, func(lo, n int) {
		for i := range n {
			row := o.logits[i*l.Classes : (i+1)*l.Classes]
			for c, v := range row {
				if v > row[pred[lo+i]] {
					pred[lo+i] = c
				}
			}
		}
	})
	return pred, nil
}

// logistic evaluates the objective of FitLinear and its gradient.
type logistic struct {
	pool    *parallel.Pool
	x       Features
	labels  []int
	classes int
	lambda  float64
	at      []float64 // where loss and grad belong to
	loss    float64
	grad    []float64

	logits, part, scratch []float32
	losses                []float64
	plans                 map[[2]int]*gemm.Plan // by rows of a block and direction
}

const linearRows = 2048 // samples of a block

func newLogistic(pool *parallel.Pool, x Features, labels []int, classes int, lambda float64) *logistic {
	return &logistic{pool: pool, x: x, labels: labels, classes: classes, lambda: lambda,
		grad:   make([]float64, (x.D+1)*classes),
		logits: make([]float32, min(linearRows, x.N)*classes),
		part:   make([]float32, x.D*classes),
		losses: make([]float64, min(linearRows, x.N)),
		plans:  map[[2]int]*gemm.Plan{}}
}

// plan returns the product logits = x·W (+ bias) or, transposed, xᵀ·residuals.
func (o *logistic) plan(rows int, transposed bool) *gemm.Plan {
	key, spec := [2]int{rows, 0}, gemm.Spec{M: rows, N: o.classes, K: o.x.D, BiasCol: true}
	if transposed {
		key, spec = [2]int{rows, 1}, gemm.Spec{M: o.x.D, N: o.classes, K: rows, TransA: true}
	}
	g := o.plans[key]
	if g == nil {
		g = gemm.New(o.pool, spec)
		o.plans[key] = g
		if n := g.Scratch(); n > len(o.scratch) {
			o.scratch = make([]float32, n)
		}
	}
	return g
}

// blocks computes the logits of one block of samples after the other.
func (o *logistic) blocks(weight, bias []float32, each func(lo, n int)) {
	for lo := 0; lo < o.x.N; lo += linearRows {
		n := min(linearRows, o.x.N-lo)
		x := o.x.Data[lo*o.x.D : (lo+n)*o.x.D]
		o.plan(n, false).Run(o.logits, x, weight, bias, o.scratch)
		each(lo, n)
	}
}

func (o *logistic) eval(w []float64) {
	if slices.Equal(o.at, w) {
		return
	}
	o.at = append(o.at[:0], w...)
	split := o.x.D * o.classes
	w32 := toFloat32(w)
	clear(o.grad)
	o.loss = 0
	o.blocks(w32[:split], w32[split:], func(lo, n int) {
		o.residuals(lo, n)
		for _, v := range o.losses[:n] {
			o.loss += v
		}
		x := o.x.Data[lo*o.x.D : (lo+n)*o.x.D]
		o.plan(n, true).Run(o.part, x, o.logits, nil, o.scratch)
		for j, v := range o.part {
			o.grad[j] += float64(v)
		}
		for i, v := range o.logits[:n*o.classes] {
			o.grad[split+i%o.classes] += float64(v)
		}
	})
	scale := 1 / float64(o.x.N)
	o.loss *= scale
	for j := range o.grad {
		o.grad[j] *= scale
		if j < split {
			o.grad[j] += o.lambda * w[j]
			o.loss += o.lambda / 2 * w[j] * w[j]
		}
	}
}

// residuals replaces a block's logits by softmax − one-hot and keeps its losses.
func (o *logistic) residuals(lo, n int) {
	const rows = 64
	o.pool.For(parallel.Chunks(n, rows), func(_, chunk int) {
		first, last := parallel.Range(chunk, rows, n)
		for i := first; i < last; i++ {
			z := o.logits[i*o.classes : (i+1)*o.classes]
			y := o.labels[lo+i]
			top, sum := float64(slices.Max(z)), 0.0
			for _, v := range z {
				sum += math.Exp(float64(v) - top)
			}
			o.losses[i] = math.Log(sum) + top - float64(z[y])
			for c, v := range z {
				z[c] = float32(math.Exp(float64(v)-top) / sum)
			}
			z[y]--
		}
	})
}

func toFloat32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// linearIterations is how many steps of L-BFGS a linear probe takes at most.
const linearIterations = 200

func linearRow() Metric {
	return Metric{Metric: result.Metric{Name: "linear_probe", Title: "Linear probe",
		Unit: "accuracy", Better: result.Higher, Scale: result.Fraction,
		Definition: "accuracy of a multinomial logistic regression with an L2 penalty on standardised features",
		Source:     "Alain, Bengio 2016",
		Parts: parts("linear_probe", [2]string{"true", "true labels"},
			[2]string{"assigned", "assigned labels, training images"})},
		Measure: measureLinear,
		With: func(l *LayerData) string {
			return fmt.Sprintf("L2 %v, L-BFGS, at most %d iterations; true: %s; assigned: training accuracy of a probe of these",
				l.Options.Lambda, linearIterations, l.queried())
		}}
}

func measureLinear(ctx context.Context, l *LayerData) (result.Values, error) {
	return l.byLabels("linear_probe", func(labels []int, classes int) (float64, error) {
		queries, truth := l.Train, labels
		if slices.Equal(labels, l.TrainLabels) {
			queries, truth = l.Queries()
		}
		fitted, err := FitLinear(ctx, l.Workers, l.Train, labels, classes, l.Options.Lambda, linearIterations)
		if err != nil {
			return 0, err
		}
		pred, err := fitted.Predict(l.Workers, queries)
		if err != nil {
			return 0, err
		}
		return knn.Accuracy(pred, truth), nil
	})
}
