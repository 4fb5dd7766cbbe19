package method

import "memprobe/internal/kernel/ref"

// Spec describes y = act(conv(x, w) + bias + residual); see [ref.ConvSpec].
type Spec = ref.ConvSpec

// Conv is one method of convolving, y = act(conv(x, w) + bias + residual),
// made for one spec. Its weights are first brought into an order of its own, at
// every run while they train and once where they are constant. A method made
// "flipped" reads weights [C,M,KH,KW] as w[m,c,kh,kw] = w[c,m,KH-1-kh,KW-1-kw]:
// with it a convolution of stride 1 is the data gradient of another.
//
// Neither Pack nor Run allocates; both share their work over the pool that the
// method was made with.
type Conv interface {
	Name() string
	PackedLen() int           // float32s of the packed weights
	Pack(packed, w []float32) // any order and transform
	Scratch() int             // float32s of workspace of Run
	Run(o Operands, scratch []float32)
}

// Operands are the arguments of a run, as long as the spec says. Bias and Residual are
// read where the spec has them; Residual may not overlap Y. Packing reads W alone; a run reads
// it, too, unless the weights are constant: some methods pack only as they multiply.
type Operands struct{ Y, X, W, Packed, Bias, Residual []float32 }

// GradW is one method of computing the weight gradient, made for one spec.
type GradW interface {
	Name() string
	Scratch() int
	Run(o GradOperands, scratch []float32)
}

// GradOperands are the arguments of a run of a weight gradient.
type GradOperands struct{ DW, X, DY []float32 }
