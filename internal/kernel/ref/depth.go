package ref

import "unsafe"

// Vector is up to VL neighbouring results: where their operands begin, relative
// to the first result's, and where they lie, relative to the first, in elements.
// Results past N are not stored.
type Vector struct{ Src, Dst, N int32 }

// Depth describes a depthwise convolution of one channel:
//
//	Y[v.Dst+i] = clamp(Σk W[k]·X[v.Src+i+Off[k]/4] + Bias + Residual[v.Dst+i]), i < v.N
//
// for all vectors v. All of X[v.Src:v.Src+VL] is read at every offset.
type Depth struct {
	Y, X, W  *float32
	Residual *float32 // or nil
	Off      *int32   // [K] byte offsets
	K        int
	Vectors  *Vector
	Groups   int // of DepthGroup vectors
	Bias     float32
	Lo, Hi   float32
	Clamp    bool
}

// DepthGroup is how many vectors a depthwise kernel computes at a time.
const DepthGroup = 8

// DepthConv computes d.
func DepthConv(d *Depth) {
	for _, v := range unsafe.Slice(d.Vectors, DepthGroup*d.Groups) {
		for i := range int(v.N) {
			sum := d.Bias
			for k, off := range unsafe.Slice(d.Off, d.K) {
				sum += *at(d.W, k) * *at(d.X, int(v.Src)+i+int(off)/4)
			}
			if d.Residual != nil {
				sum += *at(d.Residual, int(v.Dst)+i)
			}
			if d.Clamp {
				sum = clamp(sum, d.Lo, d.Hi)
			}
			*at(d.Y, int(v.Dst)+i) = sum
		}
	}
}

// DepthTaps is how many taps DepthGrad does at a time.
const DepthTaps = 3

// DepthGrad adds to the weight gradient of one channel, lane by lane,
//
//	Sum[k][i] += Σv DY[v.Dst+i]·X[v.Src+i+Off[k]/4], i < v.N
//
// for d.K taps, a multiple of DepthTaps. d.Y holds DY and d.W is Sum, [K][VL];
// the vectors with N < VL come last, and d.Groups counts single vectors.
func DepthGrad(d *Depth) {
	for _, v := range unsafe.Slice(d.Vectors, d.Groups) {
		for k, off := range unsafe.Slice(d.Off, d.K) {
			for i := range int(v.N) {
				*at(d.W, VL*k+i) += *at(d.Y, int(v.Dst)+i) * *at(d.X, int(v.Src)+i+int(off)/4)
			}
		}
	}
}

// CopyRows copies rows of n elements, every stride-th of the source:
// dst[r·dstLD+i] = src[r·srcLD+i·stride].
func CopyRows(dst, src *float32, rows, n, dstLD, srcLD, stride int) {
	for r := range rows {
		Pick(at(dst, r*dstLD), at(src, r*srcLD), n, stride)
	}
}

// DepthRows describes a depthwise convolution of one plane [H,Width] with a square
// window, which is read where it lies; outside of it the plane is 0:
//
//	Y[h][w] = clamp(Σij W[i][j]·X[h·stride-PadTop+i][w·stride-PadLeft+j] + Bias + Residual[h][w])
//
// Masks are for the assembly, which takes the columns of the result in strips.
type DepthRows struct {
	Y, X, W         *float32
	Residual        *float32 // or nil
	H, Width        int
	OutH, OutW      int
	LDY             int // bytes of a row of the result
	PadTop, PadLeft int
	Masks           *DepthMasks // [Strips]
	Strips          int
	Next, NextY     int // bytes from the plane and the result to what is fetched meanwhile, the next ones
	Bias, Lo, Hi    float32
	Clamp           bool
}

// DepthMasks tells the lanes of a strip that lie in the plane, for each load of an
// input row, and then those of the result.
type DepthMasks [8]uint16

// DepthRowsConv computes d.
func DepthRowsConv(d *DepthRows, taps, stride int) {
	for o := range d.OutH * d.OutW {
		h, w, sum := o/d.OutW*stride-d.PadTop, o%d.OutW*stride-d.PadLeft, d.Bias
		for k := range taps * taps {
			x, i, j := float32(0), h+k/taps, w+k%taps
			if i >= 0 && i < d.H && j >= 0 && j < d.Width {
				x = *at(d.X, i*d.Width+j)
			}
			sum += *at(d.W, k) * x
		}
		if d.Residual != nil {
			sum += *at(d.Residual, o)
		}
		if d.Clamp {
			sum = clamp(sum, d.Lo, d.Hi)
		}
		*at(d.Y, o) = sum
	}
}

// DepthTurned describes a depthwise convolution of one plane [H,Width] of 16 channels, which are
// innermost, with a square window in the middle of which a result lies, and which covers nothing
// outside of the plane:
//
//	Y[h][w][c] = clamp(Σij W[i][j][c]·X[h·stride-taps/2+i][w·stride-taps/2+j][c] + Bias[c])
//
// OutW is at least 7 and stride·OutW is Width.
type DepthTurned struct {
	Y, X, W, Bias *float32
	H, Width      int
	OutH, OutW    int
	Next          int // bytes from the plane to what is fetched meanwhile, the next one
	Lo, Hi        float32
}

// DepthTurnedConv computes d.
func DepthTurnedConv(d *DepthTurned, taps, stride int) {
	for o := range d.OutH * d.OutW {
		h, w := o/d.OutW*stride-taps/2, o%d.OutW*stride-taps/2
		for c := range NR {
			sum := *at(d.Bias, c)
			for k := range taps * taps {
				if i, j := h+k/taps, w+k%taps; i >= 0 && i < d.H && j >= 0 && j < d.Width {
					sum += *at(d.W, k*NR+c) * *at(d.X, (i*d.Width+j)*NR+c)
				}
			}
			*at(d.Y, o*NR+c) = clamp(sum, d.Lo, d.Hi)
		}
	}
}

// DepthLanes describes depthwise convolutions of planes that fit a vector, of some
// channels of some images: tap k of result i reads element Index[k][i] of the plane
// where bit i of Masks[k] is set, and nothing elsewhere.
//
//	Y[c][n][i] = clamp(Σk W[c][k]·X[c][n][Index[k][i]] + Bias[c] + Residual[c][n][i])
type DepthLanes struct {
	Y, X, W          *float32
	Residual, Bias   *float32 // or nil
	Index            *[16]int32
	Masks            *uint16
	Taps             int
	Channels, Images int
	PlaneX, PlaneY   int    // bytes from channel to channel
	LDX, LDY         int    // bytes from image to image
	In, Out          uint16 // lanes of a plane, read and written
	Lo, Hi           float32
	Clamp            bool
}

// DepthLanesConv computes d.
func DepthLanesConv(d *DepthLanes) {
	index, masks := unsafe.Slice(d.Index, d.Taps), unsafe.Slice(d.Masks, d.Taps)
	for c := range d.Channels {
		for n := range d.Images {
			for i := 0; d.Out>>i != 0; i++ {
				sum, to := float32(0), (c*d.PlaneY+n*d.LDY)/4+i
				for k := range d.Taps {
					if masks[k]>>i&1 != 0 {
						sum += *at(d.W, c*d.Taps+k) * *at(d.X, (c*d.PlaneX+n*d.LDX)/4+int(index[k][i]))
					}
				}
				if d.Bias != nil {
					sum += *at(d.Bias, c)
				}
				if d.Residual != nil {
					sum += *at(d.Residual, to)
				}
				if d.Clamp {
					sum = clamp(sum, d.Lo, d.Hi)
				}
				*at(d.Y, to) = sum
			}
		}
	}
}
