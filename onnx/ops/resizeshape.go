package ops

import (
	"math"
	"slices"
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
	if _, err := n.Axes(axes, len(in)); err != nil {
		return nil, nil, err
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
	given := n.floats("scales")
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
