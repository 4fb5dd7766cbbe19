package ops

import (
	"math"

	"memprobe/internal/tensor"
)

var roiAligns = []Def{
	{Op: "RoiAlign", Since: 10,
		Attributes: "mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f; " +
			"16 coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i " +
			"spatial_scale:f",
		Infer: inferRoiAlign, Bind: bindRoiAlign, NotDifferentiable: regions},
}

const regions = "it reads regions that a detector proposes"

// maxSamples bounds the positions that one bin of a region averages.
const maxSamples = 1 << 20

// inferRoiAlign: x [N,C,H,W], regions [R,4] of x1, y1, x2, y2, and the image of each [R]
// give [R,C,output_height,output_width].
func inferRoiAlign(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	x, rois, image := n.In[0], n.In[1], n.In[2]
	switch {
	case !x.DType.IsFloat() || rois.DType != x.DType || image.DType != tensor.Int64:
		return n.Errorf("inputs are %v, %v and %v, want two of float32 and int64", x.DType, rois.DType, image.DType)
	case len(x.Shape) != 4 || len(rois.Shape) != 2 || rois.Shape[1] != 4 || len(image.Shape) != 1 ||
		image.Shape[0] != rois.Shape[0]:
		return n.Errorf("inputs have shapes %v, %v and %v, want [N,C,H,W], [R,4] and [R]", x.Shape, rois.Shape, image.Shape)
	}
	h, w := n.Int("output_height", 1), n.Int("output_width", 1)
	if h < 1 || w < 1 || n.Int("sampling_ratio", 0) < 0 {
		return n.Errorf("output_height is %d, output_width %d, sampling_ratio %d", h, w, n.Int("sampling_ratio", 0))
	}
	if m := n.Str("mode", "avg"); m != "avg" && m != "max" {
		return n.Errorf("mode is %q, want avg or max", m)
	}
	if m := n.Str("coordinate_transformation_mode", "half_pixel"); m != "half_pixel" && m != "output_half_pixel" {
		return n.Errorf("coordinate_transformation_mode is %q, want half_pixel or output_half_pixel", m)
	}
	return n.SetOut(0, x.DType, []int{rois.Shape[0], x.Shape[1], h, w})
}

// region is a box on an image, cut into bins with a grid of positions each.
type region struct {
	image        int
	y, x         float64 // of its corner
	binH, binW   float64
	gridH, gridW int
}

// region resolves region r. half_pixel places the centre of the first pixel at ½;
// before opset 16 it lies at 0 and a region is at least one pixel wide.
func (n *Node) region(e *Env, r int) (g region, err error) {
	rois, h, w := e.In[1], e.Out[0].Shape[2], e.Out[0].Shape[3]
	shift, least := 0.5, math.Inf(-1)
	if n.Opset < 16 || n.Str("coordinate_transformation_mode", "half_pixel") == "output_half_pixel" {
		shift, least = 0, 1
	}
	scale := float64(n.Float("spatial_scale", 1))
	at := func(i int) float64 { return rois.Number(4*r+i)*scale - shift }
	g.image, g.y, g.x = int(e.In[2].I64()[r]), at(1), at(0)
	if g.image < 0 || g.image >= e.In[0].Shape[0] {
		return g, n.Errorf("region %d is of image %d, of %d", r, g.image, e.In[0].Shape[0])
	}
	g.binH, g.binW = max(at(3)-g.y, least)/float64(h), max(at(2)-g.x, least)/float64(w)
	ratio := float64(n.Int("sampling_ratio", 0))
	gridH, gridW := ratio, ratio
	if ratio == 0 {
		gridH, gridW = max(math.Ceil(g.binH), 0), max(math.Ceil(g.binW), 0)
	}
	if !(gridH*gridW <= maxSamples) || gridH > maxSamples || gridW > maxSamples {
		return g, n.Errorf("region %d takes %v x %v samples a bin, more than %d", r, gridH, gridW, maxSamples)
	}
	g.gridH, g.gridW = int(gridH), int(gridW)
	return g, nil
}

// corner is an element of a plane and its weight.
type corner struct {
	at int
	w  float64
}

// bilinear returns the elements around a position of a plane [h,w], whose outermost
// elements reach one element further; none beyond.
func bilinear(to *[4]corner, y, x float64, h, w int) []corner {
	if !(y >= -1 && y <= float64(h) && x >= -1 && x <= float64(w)) || h == 0 || w == 0 {
		return nil
	}
	y, x = min(max(y, 0), float64(h-1)), min(max(x, 0), float64(w-1))
	y0, x0 := int(y), int(x)
	y1, x1 := min(y0+1, h-1), min(x0+1, w-1)
	ly, lx := y-float64(y0), x-float64(x0)
	*to = [4]corner{{y0*w + x0, (1 - ly) * (1 - lx)}, {y0*w + x1, (1 - ly) * lx}, {y1*w + x0, ly * (1 - lx)},
		{y1*w + x1, ly * lx}}
	return to[:]
}

func bindRoiAlign(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return roiAlignLoop[float32](n, e) },
		func() func() { return roiAlignLoop[float64](n, e) })
}

func roiAlignLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y := e.In[0], e.Out[0]
	c, h, w := x.Shape[1], x.Shape[2], x.Shape[3]
	bins, most := y.Shape[2]*y.Shape[3], n.Str("mode", "avg") == "max"
	all := make([]region, y.Shape[0])
	body := func(_, i int) {
		g := all[i/c]
		src := tensor.Data[T](x)[(g.image*c+i%c)*h*w:][:h*w]
		dst := tensor.Data[T](y)[i*bins:][:bins]
		for j := range dst {
			dst[j] = T(bin(&g, src, h, w, j/y.Shape[3], j%y.Shape[3], most))
		}
	}
	return func() {
		for r := range all {
			var err error
			if all[r], err = n.region(e, r); err != nil {
				e.Fail(err)
				return
			}
		}
		e.Pool.For(len(all)*c, body)
	}
}

// bin is the mean of a bin's samples or, as ONNX's cases have it, the largest of the
// weighted elements that they are made of.
func bin[T tensor.Float](g *region, src []T, h, w, row, column int, most bool) float64 {
	var room [4]corner
	sum, largest := 0.0, math.Inf(-1)
	for i := range g.gridH {
		y := g.y + (float64(row)+(float64(i)+0.5)/float64(g.gridH))*g.binH
		for j := range g.gridW {
			x := g.x + (float64(column)+(float64(j)+0.5)/float64(g.gridW))*g.binW
			around := bilinear(&room, y, x, h, w)
			for _, c := range around {
				v := c.w * float64(src[c.at])
				sum, largest = sum+v, max(largest, v)
			}
			if around == nil {
				largest = max(largest, 0)
			}
		}
	}
	switch {
	case g.gridH*g.gridW == 0:
		return 0
	case most:
		return largest
	}
	return sum / float64(g.gridH*g.gridW)
}
