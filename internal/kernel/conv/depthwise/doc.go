// Package depthwise convolves each channel with a window of its own. The methods, by
// what they suit:
//
//	lanes    planes of one vector: each tap moves the lanes of the plane (AVX-512)
//	matrix   planes of few elements: the window as a matrix [in][16] from all elements
//	         of the plane to all of the result
//	rows     windows of 3×3 and 5×5, read where the plane lies (AVX-512)
//	turned   the same of some sizes, where input and result have channels innermost (AVX-512)
//	padded   all others, from a padded copy of one plane at a time
package depthwise
