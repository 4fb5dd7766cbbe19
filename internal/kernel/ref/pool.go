package ref

import (
	"fmt"
	"math"
)

// PoolSpec describes a pooling of the planes x [N,C,H,W] to y [N,C,OutH,OutW],
// ONNX's MaxPool and AveragePool in two dimensions.
type PoolSpec struct {
	N, C, H, W                           int
	KH, KW                               int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
	Ceil                                 bool // round the output size up
	CountIncludePad                      bool // averages divide by padding too
}

// OutH is the height of the output.
func (s PoolSpec) OutH() int {
	return s.out(s.H, s.KH, s.StrideH, s.DilationH, s.PadTop, s.PadBottom)
}

// OutW is the width of the output.
func (s PoolSpec) OutW() int {
	return s.out(s.W, s.KW, s.StrideW, s.DilationW, s.PadLeft, s.PadRight)
}

// out leaves out a window that would begin in the padding after the image.
func (s PoolSpec) out(size, k, stride, dilation, before, after int) int {
	span := size + before + after - dilation*(k-1) - 1
	if s.Ceil {
		span += stride - 1
	}
	n := span/stride + 1
	if s.Ceil && (n-1)*stride >= size+before {
		n--
	}
	return n
}

// Lengths returns the number of elements of x and y.
func (s PoolSpec) Lengths() (x, y int) {
	return s.N * s.C * s.H * s.W, s.N * s.C * s.OutH() * s.OutW()
}

// Validate reports the first thing that makes s impossible.
func (s PoolSpec) Validate() error {
	switch {
	case s.N < 0 || s.C < 0 || s.H < 1 || s.W < 1:
		return fmt.Errorf("pool: input [%d,%d,%d,%d], want positive sizes", s.N, s.C, s.H, s.W)
	case s.KH < 1 || s.KW < 1:
		return fmt.Errorf("pool: kernel %dx%d, want at least 1x1", s.KH, s.KW)
	case s.StrideH < 1 || s.StrideW < 1:
		return fmt.Errorf("pool: stride %dx%d, want at least 1x1", s.StrideH, s.StrideW)
	case s.DilationH < 1 || s.DilationW < 1:
		return fmt.Errorf("pool: dilation %dx%d, want at least 1x1", s.DilationH, s.DilationW)
	case s.PadTop < 0 || s.PadLeft < 0 || s.PadBottom < 0 || s.PadRight < 0:
		return fmt.Errorf("pool: padding %d,%d,%d,%d, want none negative", s.PadTop, s.PadLeft, s.PadBottom, s.PadRight)
	case s.H+s.PadTop+s.PadBottom < s.DilationH*(s.KH-1)+1 || s.W+s.PadLeft+s.PadRight < s.DilationW*(s.KW-1)+1:
		return fmt.Errorf("pool: kernel %dx%d with dilation %dx%d exceeds the padded input %dx%d", s.KH, s.KW,
			s.DilationH, s.DilationW, s.H+s.PadTop+s.PadBottom, s.W+s.PadLeft+s.PadRight)
	}
	return nil
}

// window calls f with the index in its plane of every element that output
// (oh, ow) covers, in row-major order.
func (s PoolSpec) window(oh, ow int, f func(i int)) {
	for kh := range s.KH {
		h := oh*s.StrideH - s.PadTop + kh*s.DilationH
		if h < 0 || h >= s.H {
			continue
		}
		for kw := range s.KW {
			if w := ow*s.StrideW - s.PadLeft + kw*s.DilationW; w >= 0 && w < s.W {
				f(h*s.W + w)
			}
		}
	}
}

// CountH is how many rows of the image or, with CountIncludePad, of the padded
// image the windows of output row oh cover.
func (s PoolSpec) CountH(oh int) int {
	return s.count(oh, s.KH, s.StrideH, s.DilationH, s.PadTop, s.PadBottom, s.H)
}

// CountW is the like for columns.
func (s PoolSpec) CountW(ow int) int {
	return s.count(ow, s.KW, s.StrideW, s.DilationW, s.PadLeft, s.PadRight, s.W)
}

func (s PoolSpec) count(o, k, stride, dilation, before, after, size int) int {
	lo, hi, n := 0, size, 0
	if s.CountIncludePad {
		lo, hi = -before, size+after
	}
	for i := range k {
		if p := o*stride - before + i*dilation; p >= lo && p < hi {
			n++
		}
	}
	return n
}

// divisor is what the average of output (oh, ow) divides by.
func (s PoolSpec) divisor(oh, ow int) int { return max(s.CountH(oh)*s.CountW(ow), 1) }

// MaxPool computes y and, unless index is nil, where in its plane of x each
// maximum lies: the first of equal ones, a NaN above all, -1 and -Inf where the
// window covers nothing.
func MaxPool[T Float](s PoolSpec, y []T, index []int32, x []T) {
	oh, ow := s.OutH(), s.OutW()
	for p := range s.N * s.C {
		plane := x[p*s.H*s.W:][:s.H*s.W]
		for o := range oh * ow {
			best, at := T(math.Inf(-1)), int32(-1)
			s.window(o/ow, o%ow, func(i int) {
				if v := plane[i]; at < 0 || v > best || v != v && best == best {
					best, at = v, int32(i)
				}
			})
			y[p*oh*ow+o] = best
			if index != nil {
				index[p*oh*ow+o] = at
			}
		}
	}
}

// MaxPoolGrad computes dx, the gradient of Σ dy·y, from the indices of MaxPool.
func MaxPoolGrad[T Float](s PoolSpec, dx, dy []T, index []int32) {
	hw, out := s.H*s.W, s.OutH()*s.OutW()
	for p := range s.N * s.C {
		plane := dx[p*hw:][:hw]
		clear(plane)
		for i := p * out; i < (p+1)*out; i++ {
			if index[i] >= 0 {
				plane[index[i]] += dy[i]
			}
		}
	}
}

// AvgPool computes y; 0 where a window covers nothing.
func AvgPool[T Float](s PoolSpec, y, x []T) {
	oh, ow := s.OutH(), s.OutW()
	for p := range s.N * s.C {
		plane := x[p*s.H*s.W:][:s.H*s.W]
		for o := range oh * ow {
			var sum T
			s.window(o/ow, o%ow, func(i int) { sum += plane[i] })
			y[p*oh*ow+o] = sum / T(s.divisor(o/ow, o%ow))
		}
	}
}

// AvgPoolGrad computes dx, the gradient of Σ dy·y.
func AvgPoolGrad[T Float](s PoolSpec, dx, dy []T) {
	oh, ow := s.OutH(), s.OutW()
	for p := range s.N * s.C {
		plane := dx[p*s.H*s.W:][:s.H*s.W]
		clear(plane)
		for o := range oh * ow {
			d := dy[p*oh*ow+o] / T(s.divisor(o/ow, o%ow))
			s.window(o/ow, o%ow, func(i int) { plane[i] += d })
		}
	}
}
