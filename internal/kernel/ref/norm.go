package ref

import "math"

// BatchNormSpec describes a batch normalisation of [N,C,S] with batch
// statistics: for each channel, over N and S,
//
//	y = act((x - mean)·invstd·scale + bias [+ residual]),  invstd = 1/√(var + Eps)
//
// where var is the biased variance and act is max(·, 0) if Relu is set.
type BatchNormSpec struct {
	N, C, S        int
	Eps            float64
	Relu, Residual bool
}

// channel calls f with every offset of channel c.
func (s BatchNormSpec) channel(c int, f func(i int)) {
	for n := range s.N {
		for j := range s.S {
			f((n*s.C+c)*s.S + j)
		}
	}
}

// BatchNorm computes y and, for each channel, mean, variance and invstd.
func BatchNorm[T Float](s BatchNormSpec, y, x, residual, scale, bias, mean, variance, invstd []T) {
	count := float64(s.N * s.S)
	for c := range s.C {
		m, v := 0.0, 0.0
		s.channel(c, func(i int) { m += float64(x[i]) / count })
		s.channel(c, func(i int) { v += (float64(x[i]) - m) * (float64(x[i]) - m) / count })
		inv := 1 / math.Sqrt(v+s.Eps)
		mean[c], variance[c], invstd[c] = T(m), T(v), T(inv)
		s.channel(c, func(i int) {
			r := (float64(x[i])-m)*inv*float64(scale[c]) + float64(bias[c])
			if s.Residual {
				r += float64(residual[i])
			}
			if s.Relu {
				r = clampLow(r)
			}
			y[i] = T(r)
		})
	}
}

// BatchNormGrad computes the gradients of Σ dy·y for the y, mean and invstd
// that BatchNorm returned. dres is written if the spec has a residual.
func BatchNormGrad[T Float](s BatchNormSpec, dx, dres, dscale, dbias, dy, x, y, scale, mean, invstd []T) {
	count := float64(s.N * s.S)
	for c := range s.C {
		m, inv := float64(mean[c]), float64(invstd[c])
		masked := func(i int) float64 {
			if s.Relu {
				return float64(gate(dy[i], y[i]))
			}
			return float64(dy[i])
		}
		sum, dot := 0.0, 0.0
		s.channel(c, func(i int) {
			sum += masked(i)
			dot += masked(i) * (float64(x[i]) - m) * inv
		})
		dbias[c], dscale[c] = T(sum), T(dot)
		s.channel(c, func(i int) {
			d := masked(i)
			z := (float64(x[i]) - m) * inv
			dx[i] = T(float64(scale[c]) * inv * (d - sum/count - z*dot/count))
			if s.Residual {
				dres[i] = T(d)
			}
		})
	}
}

// LayerNormSpec describes the normalisation of each of Rows rows of D elements,
//
//	y = (x - mean)·invstd·scale + bias,  invstd = 1/√(var + Eps)
//
// with scale[D] and bias[D]. If RMS is set mean is 0 and var is the mean square.
type LayerNormSpec struct {
	Rows, D int
	Eps     float64
	RMS     bool
}

// LayerNorm computes y and, for each row, mean and invstd. bias may be nil.
func LayerNorm[T Float](s LayerNormSpec, y, x, scale, bias, mean, invstd []T) {
	d := float64(s.D)
	for r := range s.Rows {
		row := x[r*s.D:][:s.D]
		m, v := 0.0, 0.0
		if !s.RMS {
			m = Sum(row) / d
		}
		for _, e := range row {
			v += (float64(e) - m) * (float64(e) - m) / d
		}
		inv := 1 / math.Sqrt(v+s.Eps)
		mean[r], invstd[r] = T(m), T(inv)
		for i, e := range row {
			t := (float64(e) - m) * inv * float64(scale[i])
			if bias != nil {
				t += float64(bias[i])
			}
			y[r*s.D+i] = T(t)
		}
	}
}

// LayerNormGrad computes the gradients of Σ dy·y. dbias may be nil.
func LayerNormGrad[T Float](s LayerNormSpec, dx, dscale, dbias, dy, x, scale, mean, invstd []T) {
	d := float64(s.D)
	ds, db := make([]float64, s.D), make([]float64, s.D)
	for r := range s.Rows {
		at := r * s.D
		m, inv := float64(mean[r]), float64(invstd[r])
		sum, dot := 0.0, 0.0
		for i := range s.D {
			g, z := float64(dy[at+i]), (float64(x[at+i])-m)*inv
			ds[i] += g * z
			db[i] += g
			sum += g * float64(scale[i])
			dot += g * float64(scale[i]) * z
		}
		if s.RMS {
			sum = 0
		}
		for i := range s.D {
			g, z := float64(dy[at+i])*float64(scale[i]), (float64(x[at+i])-m)*inv
			dx[at+i] = T(inv * (g - sum/d - z*dot/d))
		}
	}
	for i := range s.D {
		dscale[i] = T(ds[i])
		if dbias != nil {
			dbias[i] = T(db[i])
		}
	}
}
