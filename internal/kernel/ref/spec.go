package ref

import "fmt"

// Activation is a function applied to a result as it is stored.
type Activation uint8

// The activations that kernels fuse. Each lets NaN through.
const (
	ActNone  Activation = iota
	ActRelu             // max(x, 0)
	ActRelu6            // min(max(x, 0), 6)
	ActClip             // min(max(x, Lo), Hi), the bounds being fields of the spec
)

// Bounds returns the interval that a clamps to and whether it clamps at all.
// lo and hi are the bounds of ActClip.
func (a Activation) Bounds(lo, hi float32) (float32, float32, bool) {
	const inf = 0x7f800000
	switch a {
	case ActRelu:
		return 0, bits(inf), true
	case ActRelu6:
		return 0, 6, true
	case ActClip:
		return lo, hi, true
	}
	return bits(inf | 1<<31), bits(inf), false
}

// GemmSpec describes C = act(alpha·op(A)·op(B) [+ C] + bias), where op(A) is
// [M,K], op(B) is [K,N] and C is [M,N].
type GemmSpec struct {
	M, N, K        int
	TransA, TransB bool // A is stored [K,M]; B is stored [N,K]
	// Row strides in elements; 0 means tight.
	LDA, LDB, LDC int
	Alpha         float32 // 0 means 1
	Accumulate    bool    // add the old C
	BiasRow       bool    // bias[M], one for each row
	BiasCol       bool    // bias[N], one for each column
	Act           Activation
	Lo, Hi        float32 // bounds of ActClip

	// Batch repeats the product over matrices that lie StrideA, StrideB and
	// StrideC elements apart; the bias is shared. 0 means 1. A stride of 0
	// uses one matrix for all.
	Batch                     int
	StrideA, StrideB, StrideC int
}

// Normal returns s with its defaults filled in.
func (s GemmSpec) Normal() GemmSpec {
	if s.LDA == 0 {
		s.LDA = s.K
		if s.TransA {
			s.LDA = s.M
		}
	}
	if s.LDB == 0 {
		s.LDB = s.N
		if s.TransB {
			s.LDB = s.K
		}
	}
	if s.LDC == 0 {
		s.LDC = s.N
	}
	if s.Alpha == 0 {
		s.Alpha = 1
	}
	if s.Batch == 0 {
		s.Batch = 1
	}
	return s
}

// Lengths returns how many elements of A, B and C the normal spec s reaches.
func (s GemmSpec) Lengths() (a, b, c int) {
	span := func(rows, cols, ld, stride int) int {
		if rows == 0 || cols == 0 || s.Batch == 0 {
			return 0
		}
		return (s.Batch-1)*stride + (rows-1)*ld + cols
	}
	ar, ac, br, bc := s.M, s.K, s.K, s.N
	if s.TransA {
		ar, ac = ac, ar
	}
	if s.TransB {
		br, bc = bc, br
	}
	return span(ar, ac, s.LDA, s.StrideA), span(br, bc, s.LDB, s.StrideB), span(s.M, s.N, s.LDC, s.StrideC)
}

// ConvSpec describes y = act(conv(x, w) + bias + residual) with x [N,C,H,W],
// w [M,C/Group,KH,KW], bias [M], y and residual [N,M,OutH,OutW]. It is ONNX's
// Conv in two dimensions: a cross-correlation, the kernel is not flipped.
type ConvSpec struct {
	N, C, H, W                           int
	M                                    int // output channels
	KH, KW                               int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
	Group                                int
	Bias, Residual                       bool
	Act                                  Activation
	Lo, Hi                               float32 // bounds of ActClip
	Constant                             bool    // the weights are packed once, before all runs
	// TurnedX and TurnedY say that x, or y and the residual, have channels innermost, 16 at a time:
	// [N][C/16][H][W][16].
	TurnedX, TurnedY bool
}

// OutH is the height of the output.
func (s ConvSpec) OutH() int {
	return (s.H+s.PadTop+s.PadBottom-s.DilationH*(s.KH-1)-1)/s.StrideH + 1
}

// OutW is the width of the output.
func (s ConvSpec) OutW() int {
	return (s.W+s.PadLeft+s.PadRight-s.DilationW*(s.KW-1)-1)/s.StrideW + 1
}

// Lengths returns the number of elements of x, w and y.
func (s ConvSpec) Lengths() (x, w, y int) {
	return s.N * s.C * s.H * s.W, s.M * (s.C / s.Group) * s.KH * s.KW, s.N * s.M * s.OutH() * s.OutW()
}

// Validate reports the first thing that makes s impossible.
func (s ConvSpec) Validate() error {
	switch {
	case s.N < 0 || s.C < 1 || s.H < 1 || s.W < 1 || s.M < 1:
		return fmt.Errorf("conv: input [%d,%d,%d,%d] with %d output channels, want positive sizes", s.N, s.C, s.H, s.W, s.M)
	case s.KH < 1 || s.KW < 1:
		return fmt.Errorf("conv: kernel %dx%d, want at least 1x1", s.KH, s.KW)
	case s.StrideH < 1 || s.StrideW < 1:
		return fmt.Errorf("conv: stride %dx%d, want at least 1x1", s.StrideH, s.StrideW)
	case s.DilationH < 1 || s.DilationW < 1:
		return fmt.Errorf("conv: dilation %dx%d, want at least 1x1", s.DilationH, s.DilationW)
	case s.PadTop < 0 || s.PadLeft < 0 || s.PadBottom < 0 || s.PadRight < 0:
		return fmt.Errorf("conv: padding %d,%d,%d,%d, want none negative", s.PadTop, s.PadLeft, s.PadBottom, s.PadRight)
	case s.Group < 1 || s.C%s.Group != 0 || s.M%s.Group != 0:
		return fmt.Errorf("conv: %d groups do not divide %d input and %d output channels", s.Group, s.C, s.M)
	case s.H+s.PadTop+s.PadBottom < s.DilationH*(s.KH-1)+1 || s.W+s.PadLeft+s.PadRight < s.DilationW*(s.KW-1)+1:
		return fmt.Errorf("conv: kernel %dx%d with dilation %dx%d exceeds the padded input %dx%d", s.KH, s.KW,
			s.DilationH, s.DilationW, s.H+s.PadTop+s.PadBottom, s.W+s.PadLeft+s.PadRight)
	}
	return nil
}
