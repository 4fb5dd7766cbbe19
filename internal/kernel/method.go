package kernel

import "memprobe/internal/kernel/ref"

// ConvSpec describes y = act(conv(x, w) + bias + residual); see [ref.ConvSpec].
type ConvSpec = ref.ConvSpec

// convAlgo is one method of convolving, y = act(conv(x, w) + bias + residual),
// made for one spec. Its weights are first brought into an order of its own, at
// every run while they train and once where they are constant. A method made
// "flipped" reads weights [C,M,KH,KW] as w[m,c,kh,kw] = w[c,m,KH-1-kh,KW-1-kw]:
// with it a convolution of stride 1 is the data gradient of another.
//
// Neither pack nor run allocates; both share their work over the pool that the
// method was made with.
type convAlgo interface {
	name() string
	packedLen() int           // float32s of the packed weights
	pack(packed, w []float32) // any order and transform
	scratch() int             // float32s of workspace of run
	run(y, x, packed, bias, residual, scratch []float32)
}

// gradWAlgo is one method of computing the weight gradient, made for one spec.
type gradWAlgo interface {
	name() string
	scratch() int
	run(dw, x, dy, scratch []float32)
}
