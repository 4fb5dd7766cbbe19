// Package winograd convolves by Winograd's minimal filtering: F(m×m, 3×3) turns a 3×3 convolution of stride 1
// into (m+2)² products over the channels, one for each element of tiles whose
// basis has been changed, see [ref.Change]. They take 16/4 = 4 multiplications
// an output for m = 2 and 36/16 = 2.25 for m = 4 where the definition takes 9.
//
// Rounding errors are those of the sum over the channels, widened by the changes
// of basis: relative to the root mean square of the output, their root mean
// square against float64 is 2e-7 to 5e-7 for m = 2 and 5e-7 to 1.6e-6 for m = 4,
// for 16 to 512 channels, where direct convolution has 2e-7 to 3e-7, and the worst
// is within eight times that; TestWinogradError holds it. A NaN or an infinity in
// the input makes all outputs of the tiles that read it NaN, where direct
// convolution would spoil just those that it reaches.
//
// The channels lie side by side, in panels of 16, while the basis changes: so
// tiles may lie anywhere, at the edge of the plane too, and none is idle.
package winograd
