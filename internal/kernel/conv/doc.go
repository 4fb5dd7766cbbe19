// Package conv convolves images [N,C,H,W], forward and back, by the method that takes
// the fewest cycles for a shape:
//
//	direct      a product whose B is the input's patches, read in place; package patch
//	grouped     direct, of groups of few channels: output channels are the lanes of a vector
//	outer       the weight gradient, a product over output pixels
//	pointwise   windows of one tap: a product over the planes as they lie
//	turned      pointwise with the product turned round: pixels are its rows
//	strips      pointwise with strips of the planes, read in place, as columns of tiles
//	strassen    pointwise with constant weights by seven products of halves; package gemm
//	gathered    windows that do not overlap: pointwise, of what their taps read
//	dense       pointwise for planes of one element
//	winograd    3×3 windows of stride 1 with fewer multiplications; package winograd
//	depthwise   one window a channel; package depthwise
//
// Where input or result have channels innermost, [N][C/16][H][W][16], turned and depthwise
// compute them; see [SuitsTurned].
//
// The choice is in choose.go, the tile of a 3×3 convolution in direct.go (sweep) and
// winograd/forward.go (multiply).
package conv
