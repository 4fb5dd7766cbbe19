package ref

import "math"

// SGD describes one step of stochastic gradient descent with weight decay,
// momentum and Nesterov's look-ahead, as PyTorch's with dampening 0:
//
//	d = GradScale·g + WeightDecay·w
//	buf = Momentum·buf + d
//	d = d + Momentum·buf with Nesterov, else buf
//	w = w - LR·d
//
// A buffer of zeros is the state before the first step. Without momentum there
// is no buffer.
type SGD struct {
	LR, Momentum, WeightDecay float64
	GradScale                 float64 // for clipping and trust ratios; usually 1
	Nesterov                  bool
}

// SGDStep updates w and buf.
func SGDStep[T Float](s SGD, w, g, buf []T) {
	lr, mu, wd, gs := T(s.LR), T(s.Momentum), T(s.WeightDecay), T(s.GradScale)
	for i := range w {
		d := fma(wd, w[i], gs*g[i])
		if s.Momentum != 0 {
			buf[i] = fma(mu, buf[i], d)
			if s.Nesterov {
				d = fma(mu, buf[i], d)
			} else {
				d = buf[i]
			}
		}
		w[i] = fma(-lr, d, w[i])
	}
}

// Adam describes one step of Adam, or of AdamW if Decoupled is set, as
// PyTorch's. Step counts from 1.
//
//	Adam:  g = GradScale·g + WeightDecay·w
//	AdamW: g = GradScale·g, w = w - LR·WeightDecay·w
//	m = Beta1·m + (1-Beta1)·g
//	v = Beta2·v + (1-Beta2)·g²
//	w = w - LR/(1-Beta1^Step) · m / (√v/√(1-Beta2^Step) + Eps)
type Adam struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	GradScale                          float64 // for clipping; usually 1
	Step                               int
	Decoupled                          bool
}

// AdamCoef are the constants of one step of Adam.
type AdamCoef[T Float] struct {
	GradScale, Coupled, Keep, Beta1, Rest1, Beta2, Rest2, RootScale, Eps, Rate T
}

// Coef returns the constants of the step, computed in float64.
func Coef[T Float](a Adam) AdamCoef[T] {
	c := AdamCoef[T]{GradScale: T(a.GradScale), Keep: 1,
		Beta1: T(a.Beta1), Rest1: T(1 - a.Beta1), Beta2: T(a.Beta2), Rest2: T(1 - a.Beta2), Eps: T(a.Eps),
		RootScale: T(1 / math.Sqrt(1-math.Pow(a.Beta2, float64(a.Step)))),
		Rate:      T(a.LR / (1 - math.Pow(a.Beta1, float64(a.Step))))}
	if a.Decoupled {
		c.Keep = T(1 - a.LR*a.WeightDecay)
	} else {
		c.Coupled = T(a.WeightDecay)
	}
	return c
}

// AdamStep updates w, m and v.
func AdamStep[T Float](c AdamCoef[T], w, g, m, v []T) {
	for i := range w {
		d := fma(c.Coupled, w[i], c.GradScale*g[i])
		m[i] = fma(c.Beta1, m[i], c.Rest1*d)
		v[i] = fma(c.Beta2, v[i], c.Rest2*d*d)
		root := T(math.Sqrt(float64(v[i])))
		w[i] = c.Keep*w[i] - c.Rate*(m[i]/fma(root, c.RootScale, c.Eps))
	}
}
