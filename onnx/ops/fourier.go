package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// fouriers are products with matrices of cosines and sines.
var fouriers = []Def{
	{Op: "DFT", Since: 17, Attributes: "axis:i inverse:i onesided:i",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			return expandDFT(b, n, n.Int("axis", 1))
		}},
	{Op: "DFT", Since: 20, Attributes: "inverse:i onesided:i", Expand: func(b *Builder, n *Node) ([]*Value, error) {
		axis, err := n.scalarOr(2, "axis", -2)
		if err != nil {
			return nil, err
		}
		return expandDFT(b, n, axis)
	}},
	{Op: "STFT", Since: 17, Attributes: "onesided:i", Expand: expandSTFT},
	{Op: "MelWeightMatrix", Since: 17, Attributes: "output_datatype:i", Expand: beforehand(5, 5, melWeights)},
}

// scalarOr is an optional operand of one integer that must be known.
func (n *Node) scalarOr(i int, what string, def int) (int, error) {
	if n.Input(i) == nil {
		return def, nil
	}
	v, err := n.known(i, what)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, n.Errorf("%s has %d elements, want one", what, len(v))
	}
	return v[0], nil
}

func expandDFT(b *Builder, n *Node, axis int) ([]*Value, error) {
	if err := n.Want(1, 3); err != nil {
		return nil, err
	}
	x := n.In[0]
	axis, err := n.Axis(axis, len(x.Shape))
	if err != nil {
		return nil, err
	}
	inverse, half := n.Int("inverse", 0) != 0, n.Int("onesided", 0) != 0
	length := x.Shape[axis]
	if inverse && half {
		length = 2 * (length - 1)
	}
	if length, err = n.scalarOr(1, "dft_length", length); err != nil {
		return nil, err
	}
	y, err := b.fourier(n, x, axis, length, inverse, half)
	return []*Value{y}, err
}

// fourier transforms x [...,1 or 2], real or complex numbers, along an axis that is cut
// or filled up with zeros to a length:
//
//	y_k = Σ x_t·exp(∓2πi·k·t/length), divided by length if inverse
//
// half leaves out the frequencies that mirror others; such are the inputs of an inverse
// whose results are real.
func (b *Builder) fourier(n *Node, x *Value, axis, length int, inverse, half bool) (*Value, error) {
	last := len(x.Shape) - 1
	if axis == last || last < 1 || x.Shape[last] != 1 && x.Shape[last] != 2 || !x.DType.IsFloat() || length < 1 {
		return nil, n.Errorf("input is %v%v to be transformed to length %d along axis %d, want floats [...,1] or "+
			"[...,2] and another axis", x.DType, x.Shape, length, axis)
	}
	in, out := length, length
	switch {
	case half && inverse:
		in = length/2 + 1
	case half:
		out = length/2 + 1
	}
	if err := n.need("the cosines and sines", 16*in*out); err != nil {
		return nil, err
	}
	x = b.fit(x, axis, in)
	perm := make([]int, 0, last)
	for d := range last {
		if d != axis {
			perm = append(perm, d)
		}
	}
	perm = append(perm, axis)
	part := func(i int) *Value {
		if x == nil || i >= x.Shape[last] {
			return nil
		}
		return b.transpose(b.Reshape(b.slice(x, last, i, i+1), x.Shape[:last]), perm...)
	}
	re, im := part(0), part(1)
	cos, sin := tensor.New(tensor.Float64, in, out), tensor.New(tensor.Float64, in, out)
	for t := range in {
		if n.stopped(0) {
			return nil, errStopped
		}
		for k := range out {
			by := 1.0
			if inverse {
				by = 1 / float64(length)
			}
			if half && inverse && t > 0 && 2*t != length {
				by *= 2 // and the mirrored frequency
			}
			s, c := math.Sincos(2 * math.Pi * float64(t*k%length) / float64(length))
			cos.F64()[t*out+k], sin.F64()[t*out+k] = by*c, by*s
			if !inverse {
				sin.F64()[t*out+k] = -by * s
			}
		}
	}
	c, s := b.Const(converted(cos, n.In[0].DType)), b.Const(converted(sin, n.In[0].DType))
	y := []*Value{b.Op("MatMul", nil, re, c)}
	if im != nil {
		y[0] = b.Op("Sub", nil, y[0], b.Op("MatMul", nil, im, s))
	}
	if !half || !inverse {
		y = append(y, b.Op("MatMul", nil, re, s))
		if im != nil {
			y[1] = b.Op("Add", nil, y[1], b.Op("MatMul", nil, im, c))
		}
	}
	back := make([]int, last)
	for i, d := range perm {
		back[d] = i
	}
	for i, v := range y {
		if v = b.transpose(v, back...); v != nil {
			y[i] = b.Reshape(v, append(slices.Clone(v.Shape), 1))
		}
	}
	if b.Err != nil {
		return nil, b.Err
	}
	return b.concat(last, y...), b.Err
}

// fit cuts an axis, or fills it up with zeros.
func (b *Builder) fit(x *Value, axis, size int) *Value {
	have := x.Shape[axis]
	if have >= size {
		return b.slice(x, axis, 0, size)
	}
	pads := make([]int, 2*len(x.Shape))
	pads[len(x.Shape)+axis] = size - have
	return b.Op("Pad", nil, x, b.Ints(pads...))
}

// expandSTFT transforms frames of the signal [N,T,1 or 2], each times the window.
func expandSTFT(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 4); err != nil {
		return nil, err
	}
	x, window := n.In[0], n.Input(2)
	step, err := n.scalarOr(1, "frame_step", 0)
	if err != nil {
		return nil, err
	}
	length := 0
	if window != nil && len(window.Shape) == 1 {
		length = window.Shape[0]
	}
	if length, err = n.scalarOr(3, "frame_length", length); err != nil {
		return nil, err
	}
	if len(x.Shape) != 3 || step < 1 || length < 1 || length > x.Shape[1] ||
		window != nil && !slices.Equal(window.Shape, []int{length}) {
		return nil, n.Errorf("signal has shape %v, frames of %d every %d, want [N,T,1] or [N,T,2] and frames within, "+
			"with a window of their length", x.Shape, length, step)
	}
	frames := (x.Shape[1]-length)/step + 1
	if err := n.need("the frames", 8*frames*length); err != nil {
		return nil, err
	}
	at := tensor.New(tensor.Int64, frames, length)
	for i := range at.I64() {
		at.I64()[i] = int64(i/length*step + i%length)
	}
	y := b.Op("Gather", Attrs{"axis": int64(1)}, x, b.Const(at))
	if window != nil {
		y = b.Op("Mul", nil, y, b.Reshape(window, []int{length, 1}))
	}
	if y == nil {
		return nil, b.Err
	}
	y, err = b.fourier(n, y, 2, length, false, n.Int("onesided", 1) != 0)
	return []*Value{y}, err
}

// melWeights are the triangles [bins of the spectrum, bands] whose corners lie at equal
// distances on the mel scale, 2595·log10(1 + f/700).
func melWeights(n *Node) ([]*tensor.Tensor, error) {
	number := func(i int) float64 { return n.In[i].Const.Number(0) }
	for i, v := range n.In {
		if v.Len() != 1 {
			return nil, n.Errorf("input %d has shape %v, want one number", i, v.Shape)
		}
	}
	bands, length, rate := int(number(0)), int(number(1)), number(2)
	mel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	low, high := mel(number(3)), mel(number(4))
	t, ok := castTypes[n.Int("output_datatype", 1)]
	if !ok || bands < 1 || bands > 1<<20 || length < 1 || length > 1<<24 || rate <= 0 || !(low >= 0 && low < high) ||
		2*number(4) > rate {
		return nil, n.Errorf("%d bands from %v to %v Hz of a transform of length %d at %v Hz are none",
			bands, number(3), number(4), length, rate)
	}
	bins := length/2 + 1
	if err := n.need("the weights", 8*bins*bands); err != nil {
		return nil, err
	}
	y := tensor.New(tensor.Float64, bins, bands)
	corner := func(i int) int {
		f := 700 * (math.Pow(10, (low+float64(i)*(high-low)/float64(bands+2))/2595) - 1)
		return int(float64(length+1) * f / rate)
	}
	for i := range bands {
		from, top, to := corner(i), corner(i+1), corner(i+2)
		for j := from; j <= top; j++ {
			y.F64()[j*bands+i] = 1
			if top > from {
				y.F64()[j*bands+i] = float64(j-from) / float64(top-from)
			}
		}
		for j := top; j < to; j++ {
			y.F64()[j*bands+i] = float64(to-j) / float64(to-top)
		}
	}
	return []*tensor.Tensor{converted(y, t.dtype)}, nil
}
