package ops

import "slices"

// Nchwc is the domain of ONNX Runtime's operators on images whose channels lie
// together in blocks, as its highest level of optimisation writes them for one
// machine. A plan holds such images as [N,C,H,W], with the channels that fill up the
// last block; the operators are then ONNX's, with weights put back in their order.
const Nchwc = "com.microsoft.nchwc"

// Block is the attribute that the compiler gives the operators of Nchwc: the channels
// of a block, which a model does not say.
const Block = "memprobe.block"

var nchwcs = []Def{
	nchwc("ReorderInput", 1, "channels_last:i", func(b *Builder, n *Node) *Value {
		x := n.In[0]
		if n.Int("channels_last", 0) != 0 {
			if x = b.transpose(x, 0, 3, 1, 2); x == nil {
				return nil
			}
		}
		rank, block := len(x.Shape), n.Int(Block, 16)
		pads := make([]int, 2*rank)
		if pads[rank+1] = (block - x.Shape[1]%block) % block; pads[rank+1] == 0 {
			return x
		}
		return b.Op("Pad", nil, x, b.Ints(pads...))
	}),
	nchwc("ReorderOutput", 1, "channels:i channels_last:i", func(b *Builder, n *Node) *Value {
		x, c := n.In[0], n.Int("channels", 0)
		if c < 1 || c > x.Shape[1] {
			b.fail(n, "channels is %d of %d", c, x.Shape[1])
			return nil
		}
		x = b.slice(x, 1, 0, c)
		if n.Int("channels_last", 0) != 0 {
			x = b.transpose(x, 0, 2, 3, 1)
		}
		return x
	}),
	weighted(nchwc("Conv", 4, "activation:s activation_params:F auto_pad:s dilations:I "+
		"group:i kernel_shape:I pads:I strides:I", func(b *Builder, n *Node) *Value {
		if len(n.In) < 2 || n.In[1] == nil {
			b.fail(n, "has no weights")
			return nil
		}
		y := b.Op("Conv", without(without(n.Attrs, "activation"), Block), n.In[0], b.unblocked(n, n.In[1]), n.Input(2))
		if sum := n.Input(3); sum != nil {
			y = b.Op("Add", nil, y, sum)
		}
		return b.activated(n, y, n.floats("activation_params"))
	}), "", ConvWeight, Bias, ""),
	nchwc("MaxPool", 1, "auto_pad:s ceil_mode:i dilations:I kernel_shape:I! pads:I storage_order:i strides:I", plain),
	nchwc("AveragePool", 1, "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I! pads:I strides:I",
		plain),
	nchwc("GlobalMaxPool", 1, "", plain),
	nchwc("GlobalAveragePool", 1, "", plain),
	nchwc("Upsample", 1, "coordinate_transformation_mode:s mode:s scales:I", func(b *Builder, n *Node) *Value {
		x, scales := n.In[0], n.Ints("scales", nil)
		if len(scales) != len(x.Shape) || slices.Min(scales) < 1 || slices.Max(scales) > 1<<20 {
			b.fail(n, "scales are %v for shape %v", scales, x.Shape)
			return nil
		}
		size := slices.Clone(x.Shape)
		for i, s := range scales {
			size[i] *= s
		}
		attrs := Attrs{"mode": n.Str("mode", "nearest"), "nearest_mode": "floor",
			"coordinate_transformation_mode": n.Str("coordinate_transformation_mode", "asymmetric")}
		return b.Op("Resize", attrs, x, nil, nil, b.Ints(size...))
	}),
}

func nchwc(op string, most int, attributes string, expand func(b *Builder, n *Node) *Value) Def {
	return Def{Op: op, Domain: Nchwc, Since: 1, Attributes: attributes,
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(1, most); err != nil {
				return nil, err
			}
			if len(n.In[0].Shape) != 4 {
				return nil, n.Errorf("input has shape %v, want an image", n.In[0].Shape)
			}
			y := expand(b, n)
			return []*Value{y}, b.Err
		}}
}

// plain is the operator of that name of ONNX.
func plain(b *Builder, n *Node) *Value { return b.Op(n.Op, without(n.Attrs, Block), n.In[0]) }

// unblocked puts weights [O,I,kH,kW] in their order. They lie as [O/b,I/b,kH,kW,b,b],
// the block of the inputs before that of the outputs, or where the inputs are not in
// blocks, as of few channels or one for each output, as [O/b,I,kH,kW,b].
func (b *Builder) unblocked(n *Node, w *Value) *Value {
	s, block := w.Shape, n.Int(Block, 16)
	if len(s) != 4 || s[0]%block != 0 {
		b.fail(n, "weights have shape %v, want outputs in blocks of %d", s, block)
		return nil
	}
	if s[1]%block != 0 || s[1] == 0 {
		w = b.transpose(b.Reshape(w, []int{s[0] / block, s[1], s[2], s[3], block}), 0, 4, 1, 2, 3)
	} else {
		w = b.transpose(b.Reshape(w, []int{s[0] / block, s[1] / block, s[2], s[3], block, block}), 0, 5, 1, 4, 2, 3)
	}
	return b.Reshape(w, s)
}
