package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// ExactLength is an attribute that a loader gives a Resize whose align_corners means
// the exact product of size and scale, not the length of the result.
const ExactLength = "memprobe.exact_length"

// legacy reports the rules of Upsample and of Resize before opset 11: position i lies
// at i/scale, and nearest means the element before it or, where Resize shrinks the
// axis, after it. So have it ONNX's cases of opset 10 and ONNX Runtime; the bilinear
// interpolation of PyTorch, which lies at (i+½)/scale - ½, cannot be written in these
// opsets, and its exporter warns that the results differ.
func (n *Node) legacy() bool { return n.Op == "Upsample" || n.Opset < 11 }

// scales returns the factor of each axis and the output's shape.
func (n *Node) scales() (scale []float64, out []int, err error) {
	in := n.In[0].Shape
	axes := n.Ints("axes", nil)
	if axes == nil {
		for i := range in {
			axes = append(axes, i)
		}
	}
	for i, a := range axes {
		if axes[i], err = n.Axis(a, len(in)); err != nil {
			return nil, nil, err
		}
	}
	scale, out = make([]float64, len(in)), slices.Clone(in)
	for i := range scale {
		scale[i] = 1
	}
	if n.Input(3) != nil {
		return scale, out, n.sizes(axes, scale, out)
	}
	at := 2
	if n.legacy() {
		at = 1
	}
	given, _ := n.Attrs["scales"].([]float32)
	if v := n.Input(at); v != nil {
		if !v.DType.IsFloat() {
			return nil, nil, n.Errorf("scales are %v, want float32", v.DType)
		}
		if v.Const == nil {
			return nil, nil, n.Unknown(v, "scales")
		}
		given = nil
		for i := range v.Len() {
			given = append(given, float32(v.Const.Number(i)))
		}
	}
	if len(given) != len(axes) {
		return nil, nil, n.Errorf("has %d scales for %d axes", len(given), len(axes))
	}
	for i, a := range axes {
		s := float64(given[i])
		size := math.Floor(float64(float32(in[a]) * given[i])) // 7·(15/7) is 15 in float32 alone
		if !(s > 0) || !(size < 1<<31) {
			return nil, nil, n.Errorf("scales are %v, want positive finite ones", given)
		}
		out[a], scale[a] = int(size), s
	}
	return scale, out, nil
}

// sizes sets the scale and size of the listed axes from the input sizes, under
// the policy for the aspect ratio.
func (n *Node) sizes(axes []int, scale []float64, out []int) error {
	v, err := n.known(3, "sizes")
	if err != nil {
		return err
	}
	if len(v) != len(axes) {
		return n.Errorf("has %d sizes for %d axes", len(v), len(axes))
	}
	common := 0.0
	policy := n.Str("keep_aspect_ratio_policy", "stretch")
	for i, a := range axes {
		if v[i] < 1 || out[a] < 1 || v[i] > math.MaxInt32 {
			return n.Errorf("cannot resize %v to %v", out, v)
		}
		scale[a] = float64(v[i]) / float64(out[a])
		if common == 0 || policy == "not_larger" && scale[a] < common || policy == "not_smaller" && scale[a] > common {
			common = scale[a]
		}
	}
	for i, a := range axes {
		switch policy {
		case "stretch":
			out[a] = v[i]
		case "not_larger", "not_smaller":
			scale[a] = common
			out[a] = int(min(math.Floor(common*float64(out[a])+0.5), math.MaxInt32))
		default:
			return n.Errorf("keep_aspect_ratio_policy is %q, want stretch, not_larger or not_smaller", policy)
		}
	}
	return nil
}

func inferResize(n *Node) error {
	if err := n.Want(1, 4); err != nil {
		return err
	}
	_, out, err := n.scales()
	if err != nil {
		return err
	}
	if m := n.Str("mode", "nearest"); m != "nearest" && m != "linear" && m != "bilinear" && m != "cubic" {
		return n.Errorf("mode is %q, want nearest, linear or cubic", m)
	}
	if !n.In[0].DType.IsFloat() {
		return n.Errorf("element type %v is not supported", n.In[0].DType)
	}
	if err := n.SetOut(0, n.In[0].DType, out); err != nil {
		return err
	}
	if _, err := n.crop(); err != nil {
		return err
	}
	_, err = n.coordinate(1, 1, 1, whole)
	return err
}

// crop returns the part of each axis that tf_crop_and_resize reads, nil in other modes.
func (n *Node) crop() ([][2]float64, error) {
	if n.legacy() || n.Str("coordinate_transformation_mode", "") != "tf_crop_and_resize" {
		return nil, nil
	}
	rank := len(n.In[0].Shape)
	axes := n.Ints("axes", nil)
	if axes == nil {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	v := n.Input(1)
	if v == nil || !v.DType.IsFloat() || v.Len() != 2*len(axes) {
		return nil, n.Errorf("tf_crop_and_resize wants a roi of %d floats", 2*len(axes))
	}
	if v.Const == nil {
		return nil, n.Unknown(v, "roi")
	}
	parts := slices.Repeat([][2]float64{whole}, rank)
	for i, a := range axes {
		a, err := n.Axis(a, rank)
		if err != nil {
			return nil, err
		}
		parts[a] = [2]float64{v.Const.Number(i), v.Const.Number(len(axes) + i)}
		for _, end := range parts[a] {
			if !(math.Abs(end) <= 1<<20) {
				return nil, n.Errorf("roi is %v, want parts of the input", end)
			}
		}
	}
	return parts, nil
}

// whole is an axis from its first to its last element.
var whole = [2]float64{0, 1}

// coordinate returns where position i of a resized axis lies on the original, of which
// tf_crop_and_resize takes a part.
func (n *Node) coordinate(in, out int, scale float64, part [2]float64) (func(i int) float64, error) {
	def := "half_pixel"
	if n.legacy() {
		def = "asymmetric"
	}
	half := func(i int) float64 { return (float64(i)+0.5)/scale - 0.5 }
	switch mode := n.Str("coordinate_transformation_mode", def); mode {
	case "half_pixel":
		return half, nil
	case "half_pixel_symmetric":
		adjust := float64(out) / (scale * float64(in))
		return func(i int) float64 { return float64(in)/2*(1-adjust) + half(i) }, nil
	case "pytorch_half_pixel":
		if out <= 1 {
			return func(int) float64 { return 0 }, nil
		}
		return half, nil
	case "align_corners":
		// PyTorch, TensorFlow and ONNX Runtime span the corners by the rounded length,
		// ONNX's own cases by the exact one.
		length := float64(out)
		if n.Int(ExactLength, 0) != 0 {
			length = float64(in) * scale
		}
		if length == 1 || out <= 1 {
			return func(int) float64 { return 0 }, nil
		}
		return func(i int) float64 { return float64(i) * float64(in-1) / (length - 1) }, nil
	case "tf_crop_and_resize":
		last := float64(in - 1)
		if out <= 1 {
			return func(int) float64 { return (part[0] + part[1]) / 2 * last }, nil
		}
		return func(i int) float64 { return part[0]*last + float64(i)*(part[1]-part[0])*last/float64(out-1) }, nil
	case "asymmetric":
		return func(i int) float64 { return float64(i) / scale }, nil
	default:
		return nil, n.Errorf("coordinate_transformation_mode %q is not supported", mode)
	}
}

// nowhere is the place of a tap whose weight is the result, whatever the axis holds.
const nowhere = -1

// tap is an element of an axis and its weight in a sum.
type tap struct {
	at int
	w  float64
}

// tapBytes is the memory of a position's taps, of which there are four at most.
const tapBytes = 24 + 4*16

// resizePass resizes one axis: each position mixes its taps.
type resizePass struct {
	axis, in int
	taps     [][]tap
}

// passes resolves a Resize axis by axis.
func (n *Node) passes() ([]*resizePass, error) {
	scale, out, err := n.scales()
	if err != nil {
		return nil, err
	}
	crop, err := n.crop()
	if err != nil {
		return nil, err
	}
	var passes []*resizePass
	for a, in := range n.In[0].Shape {
		part := whole
		if crop != nil {
			part = crop[a]
		}
		if in == out[a] && scale[a] == 1 && part == whole {
			continue
		}
		if err := n.need("the weights of an axis", tapBytes*out[a]); err != nil {
			return nil, err
		}
		p := &resizePass{axis: a, in: in, taps: make([][]tap, out[a])}
		at, err := n.coordinate(in, out[a], scale[a], part)
		if err != nil {
			return nil, err
		}
		for i := range p.taps {
			x := at(i)
			if crop != nil && !(x >= 0 && x <= float64(in-1)) {
				p.taps[i] = []tap{{nowhere, float64(n.Float("extrapolation_value", 0))}}
				continue
			}
			p.taps[i] = n.mix(x, in, scale[a])
		}
		passes = append(passes, p)
	}
	return passes, nil
}

// mix returns the taps of position x on an axis of the given size. Positions
// outside it read its ends.
func (n *Node) mix(x float64, size int, scale float64) []tap {
	shrinks := scale < 1
	if shrinks && n.Int("antialias", 0) != 0 {
		if taps := n.smooth(x, size, scale); taps != nil {
			return taps
		}
	}
	inside := func(i float64) int { return int(min(max(i, 0), float64(size-1))) }
	lo := math.Floor(x)
	switch n.Str("mode", "nearest") {
	case "linear", "bilinear":
		return []tap{{inside(lo), 1 - (x - lo)}, {inside(lo + 1), x - lo}}
	case "cubic":
		a := float64(n.Float("cubic_coeff_a", -0.75))
		exclude := n.Int("exclude_outside", 0) != 0
		taps, sum := make([]tap, 0, 4), 0.0
		for k := -1.0; k <= 2; k++ {
			i := lo + k
			if exclude && (i < 0 || i >= float64(size)) {
				continue
			}
			w := cubic(math.Abs(x-i), a)
			taps, sum = append(taps, tap{inside(i), w}), sum+w
		}
		for i := range taps {
			taps[i].w /= sum
		}
		return taps
	}
	rounding := "round_prefer_floor"
	switch {
	case n.legacy() && n.Op == "Resize" && shrinks:
		rounding = "ceil"
	case n.legacy():
		rounding = "floor"
	}
	x = float64(float32(x)) // scales are float32: 10/(10/7) is 7
	lo = math.Floor(x)
	switch n.Str("nearest_mode", rounding) {
	case "floor":
		x = lo
	case "ceil":
		x = math.Ceil(x)
	case "round_prefer_ceil":
		x = math.Floor(x + 0.5)
	default:
		x = math.Ceil(x - 0.5)
	}
	return []tap{{inside(x), 1}}
}

// smooth returns the taps of position x on an axis that shrinks, with a kernel as much
// wider, so that every element counts; nil for a mode without a kernel.
func (n *Node) smooth(x float64, size int, scale float64) []tap {
	kernel, reach := func(d float64) float64 { return max(0, 1-d) }, 1/scale
	switch n.Str("mode", "nearest") {
	case "linear", "bilinear":
	case "cubic":
		a := float64(n.Float("cubic_coeff_a", -0.75))
		kernel, reach = func(d float64) float64 { return cubic(d, a) }, 2/scale
	default:
		return nil
	}
	exclude := n.Int("exclude_outside", 0) != 0
	var taps []tap
	sum := 0.0
	for i := math.Ceil(x - reach); i <= x+reach; i++ {
		if exclude && (i < 0 || i >= float64(size)) {
			continue
		}
		w := kernel(math.Abs(x-i) * scale)
		taps, sum = append(taps, tap{int(min(max(i, 0), float64(size-1))), w}), sum+w
	}
	for i := range taps {
		taps[i].w /= sum
	}
	return taps
}

// cubic is the convolution kernel of R. Keys (1981) at distance d.
func cubic(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return a * (((d-5)*d+8)*d - 4)
	}
	return 0
}

func bindResize(n *Node, e *Env) (func(), error) {
	passes, err := n.passes()
	if err != nil {
		return nil, err
	}
	return n.sweep(e, passes, func(p *resizePass) int { return len(p.taps) }, (*resizePass).run)
}

// sweep works through one axis after the other, in float64. size is the axis'
// new length; slab computes slab o of a pass, with inner elements a position.
func (n *Node) sweep(e *Env, passes []*resizePass, size func(*resizePass) int, slab func(p *resizePass, dst, src []float64, o, inner int)) (func(), error) {
	shape := slices.Clone(e.In[0].Shape)
	need := tensor.Len(shape)
	for _, p := range passes {
		shape[p.axis] = size(p)
		need += tensor.Len(shape)
	}
	if err := n.need("the passes", 8*need); err != nil {
		return nil, err
	}
	shape = slices.Clone(e.In[0].Shape)
	first := tensor.New(tensor.Float64, shape...)
	last := first.F64()
	var runs []func()
	for _, p := range passes {
		shape[p.axis] = size(p)
		src, dst := last, make([]float64, tensor.Len(shape))
		last = dst
		outer, inner := tensor.Len(shape[:p.axis]), tensor.Len(shape[p.axis+1:])
		body := func(_, o int) { slab(p, dst, src, o, inner) }
		runs = append(runs, func() { e.Pool.For(outer, body) })
	}
	read := castLoop(e.In[0], first, narrowing{})
	write := castLoop(tensor.From(last, shape...), e.Out[0], narrowing{})
	return func() {
		read()
		for _, run := range runs {
			run()
		}
		write()
	}, nil
}

// run computes slab o, [len(taps),inner], from [in,inner].
func (p *resizePass) run(dst, src []float64, o, inner int) {
	for i, taps := range p.taps {
		to := dst[(o*len(p.taps)+i)*inner:][:inner]
		clear(to)
		for _, t := range taps {
			if t.at == nowhere {
				for j := range to {
					to[j] = t.w
				}
				continue
			}
			for j, v := range src[(o*p.in+t.at)*inner:][:inner] {
				to[j] += t.w * v
			}
		}
	}
}
