// Package patch lays the input of a convolution out so that what a tap of the window
// reads for neighbouring outputs lies side by side, and takes the outputs of a strided
// data gradient back to their places.
package patch
