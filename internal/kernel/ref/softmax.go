package ref

import "math"

// SoftmaxSpec describes x [Outer,D,Inner], normalised over D:
//
//	y = exp(x)/Σ exp(x), or with Log set y = x - ln Σ exp(x)
type SoftmaxSpec struct {
	Outer, D, Inner int
	Log             bool
}

// line calls f with the offset of each of the vectors over D and their stride.
func (s SoftmaxSpec) line(f func(at, stride int)) {
	for o := range s.Outer {
		for i := range s.Inner {
			f(o*s.D*s.Inner+i, s.Inner)
		}
	}
}

// Softmax computes y.
func Softmax[T Float](s SoftmaxSpec, y, x []T) {
	s.line(func(at, stride int) {
		m := math.Inf(-1)
		for k := range s.D {
			m = maxOf(m, float64(x[at+k*stride]))
		}
		sum := 0.0
		for k := range s.D {
			sum += math.Exp(float64(x[at+k*stride]) - m)
		}
		for k := range s.D {
			v := float64(x[at+k*stride]) - m
			if s.Log {
				y[at+k*stride] = T(v - math.Log(sum))
			} else {
				y[at+k*stride] = T(math.Exp(v) / sum)
			}
		}
	})
}

// SoftmaxBackward computes dx, the gradient of Σ dy·y.
func SoftmaxBackward[T Float](s SoftmaxSpec, dx, dy, y []T) {
	s.line(func(at, stride int) {
		sum := 0.0
		for k := range s.D {
			i := at + k*stride
			if s.Log {
				sum += float64(dy[i])
			} else {
				sum += float64(dy[i]) * float64(y[i])
			}
		}
		for k := range s.D {
			i := at + k*stride
			if s.Log {
				dx[i] = T(float64(dy[i]) - sum*math.Exp(float64(y[i])))
			} else {
				dx[i] = T(float64(y[i]) * (float64(dy[i]) - sum))
			}
		}
	})
}

// CrossEntropy returns the mean over the rows of -Σ target·ln softmax(x), and
// its gradient with respect to x. x, target and dx are [rows,classes].
func CrossEntropy[T Float](rows, classes int, dx, x, target []T) float64 {
	loss := 0.0
	logp := make([]float64, classes)
	for r := range rows {
		z, t := x[r*classes:][:classes], target[r*classes:][:classes]
		for k := range z {
			logp[k] = float64(z[k])
		}
		Softmax(SoftmaxSpec{1, classes, 1, true}, logp, logp)
		total := Sum(t)
		for k := range z {
			if t[k] != 0 {
				loss -= float64(t[k]) * logp[k] / float64(rows)
			}
			dx[r*classes+k] = T((math.Exp(logp[k])*total - float64(t[k])) / float64(rows))
		}
	}
	return loss
}

// MSE returns the mean over all elements of (x-target)², and its gradient.
func MSE[T Float](dx, x, target []T) float64 {
	loss, n := 0.0, float64(len(x))
	for i := range x {
		d := float64(x[i]) - float64(target[i])
		loss += d * d / n
		dx[i] = T(2 * d / n)
	}
	return loss
}
