package zoo

import (
	"fmt"
	"math"
)

// window is the geometry of a square convolution or pooling.
type window struct{ kernel, stride, pad int }

func (w window) size(n int) int { return (n+2*w.pad-w.kernel)/w.stride + 1 }

// slide returns the size of maps [C,H,W] after w, and keeps an error if no
// window fits into one.
func (b *builder) slide(name string, x value, w window) (height, width int) {
	h, v := x.shape[1], x.shape[2]
	if min(h, v)+2*w.pad < w.kernel && b.err == nil {
		b.err = fmt.Errorf("images of %dx%d are too small: %s meets maps of %dx%d", b.spec.H, b.spec.W, name, h, v)
	}
	return w.size(h), w.size(v)
}

// conv appends a convolution to n channels.
func (b *builder) conv(name string, x value, n int, w window, bias bool) value {
	h, v := b.slide(name, x, w)
	deviation := math.Sqrt(2 / float64(n*w.kernel*w.kernel))
	in := []string{x.name, b.param(name+".weight", normal(deviation), n, x.shape[0], w.kernel, w.kernel)}
	if bias {
		in = append(in, b.param(name+".bias", always(0), n))
	}
	return b.node("Conv", name, in, []int{n, h, v}, integers("kernel_shape", w.kernel, w.kernel),
		integers("pads", w.pad, w.pad, w.pad, w.pad), integers("strides", w.stride, w.stride))
}

// batchNorm appends a normalisation that keeps a tenth of each batch's statistics.
func (b *builder) batchNorm(name string, x value) value {
	n := x.shape[0]
	in := []string{x.name, b.param(name+".weight", always(1), n), b.param(name+".bias", always(0), n),
		b.param(name+".running_mean", always(0), n), b.param(name+".running_var", always(1), n)}
	return b.node("BatchNormalization", name, in, x.shape, float("epsilon", 1e-5), float("momentum", 0.9))
}

func (b *builder) relu(name string, x value) value {
	return b.node("Relu", name, []string{x.name}, x.shape)
}

func (b *builder) add(name string, x, y value) value {
	return b.node("Add", name, []string{x.name, y.name}, x.shape)
}

func (b *builder) maxPool(name string, x value, w window) value {
	h, v := b.slide(name, x, w)
	return b.node("MaxPool", name, []string{x.name}, []int{x.shape[0], h, v}, integers("kernel_shape", w.kernel, w.kernel),
		integers("pads", w.pad, w.pad, w.pad, w.pad), integers("strides", w.stride, w.stride))
}

// flatten turns maps into a vector.
func (b *builder) flatten(name string, x value) value {
	n := 1
	for _, d := range x.shape {
		n *= d
	}
	return b.node("Flatten", name, []string{x.name}, []int{n}, integer("axis", 1))
}

// globalPool averages each map.
func (b *builder) globalPool(x value) value {
	x = b.node("GlobalAveragePool", "avgpool", []string{x.name}, []int{x.shape[0], 1, 1})
	return b.flatten("flatten", x)
}

// linear appends x·Wᵀ + bias for a vector x, W [n, len(x)].
func (b *builder) linear(name string, x value, n int, bias bool) value {
	k := x.shape[0]
	in := []string{x.name, b.param(name+".weight", fanIn(k), n, k)}
	if bias {
		in = append(in, b.param(name+".bias", fanIn(k), n))
	}
	return b.node("Gemm", name, in, []int{n}, integer("transB", 1))
}
