// Package winograd convolves by Winograd's minimal filtering: F(m×m, 3×3) turns a 3×3
// convolution of stride 1 into (m+2)² products over the channels, one for each element
// of tiles whose basis has been changed, see [ref.Change]. They take 16/4 = 4
// multiplications an output for m = 2 and 36/16 = 2.25 for m = 4 where the definition
// takes 9.
//
// Tiles of the input overlap by 2, so that those of the output, m×m, cover it without
// gaps (m = 2):
//
//	padded input, one channel     tiles of 4×4, 2 apart
//	a b c d e f …                 a b c d     c d e f
//	g h i j k l …                 g h i j     i j k l     …
//	m n o p q r …                 m n o p     o p q r
//	s t u v w x …                 s t u v     u v w x
//
//	change of basis               V[element][tile][C]           16 elements
//	times the changed weights     U[panel][element][C][16]      of every 3×3
//	the products                  [element][tile][panel][16]    V·U for each element
//	change back                   tiles of 2×2, side by side in the output
//
// With a stride of 2 the first and the third tap of a row of the window read even pixels
// of the tile, the second one an odd pixel. So in one dimension two outputs take the three
// multiplications of F(2, 2) on the even pixels and two on the odd ones, and a tile of 5×5
// pixels, 4 apart, takes 25 for 2×2 outputs: 6.25 an output, see [ref.Form].
//
// Its data gradient is as cheap. Two neighbouring pixels of dx take one and two of the taps of
// a row, from the same elements of dy: so four pixels take two multiplications for the
// second tap and three for the others, and tiles of 3×3 elements of dy, 2 apart, give tiles
// of 4×4 of dx.
//
// A block of work is some rows of tiles of an image, or all tiles of some images, about 64 tiles:
// the weights, which are read for each block, come from further away than V and the products, of
// which a pair of panels is made at a time. Where there are few tiles and the weights change in
// every step, all tiles are one block, for which the weights change as they are multiplied.
//
// The weight gradient has the tiles of the output gradient, D[element][tile][M], in the
// place of the weights: S[element] = Dᵀ·V, summed over the tiles of all images, and the
// change back of S.
//
// Rounding errors are those of the sum over the channels, widened by the changes
// of basis: relative to the root mean square of the output, their root mean
// square against float64 is 2e-7 to 5e-7 for m = 2 and 5e-7 to 1.6e-6 for m = 4,
// for 16 to 512 channels, where direct convolution has 2e-7 to 3e-7, and the worst
// is within eight times that, of a data gradient within nine and with a stride of 2 within
// twelve; TestWinogradError holds it. A NaN or an infinity in
// the input makes all outputs of the tiles that read it NaN, where direct
// convolution would spoil just those that it reaches.
//
// The channels lie side by side, in panels of 16, while the basis changes: so
// tiles may lie anywhere, at the edge of the plane too, and none is idle.
package winograd
