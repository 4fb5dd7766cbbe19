// Package quant multiplies and convolves integers of eight bits, exactly, in int32, and
// rounds the sums to bytes again. A number x of a tensor with a scale and a zero point
// stands for (x − zero)·scale.
//
// A tile is 8 rows by 32 columns; it is held in registers while it runs over steps of
// four elements of k, which lie side by side, since one instruction (VPDPBUSD) sums the
// products of four unsigned and four signed bytes:
//
//	                 B [step][32][4]
//	A [step][8][4]   C [8][32] int32
//
// A convolution reads B where it lies in a copy of the input, four channels to a pixel
// and padded; with strides, each phase of the pixels is a plane of its own:
//
//	copy   [N][group][channels/4][phase][rows][columns][4]
//
// Results are computed at all pixels of the padded rows, of which those behind the
// output's width are dropped.
//
// Bytes are kept unsigned on the side of the input and signed on that of the weights:
// those of the other kind are moved by 128, and their zero point with them. What zero
// points take from the sums is added afterwards:
//
//	Σ (x−zx)·(w−zw) = Σ x·w − zx·Σw − zw·Σx + K·zx·zw
package quant
