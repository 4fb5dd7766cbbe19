package engine

import (
	"maps"

	"memprobe/onnx/ops"
)

// block is how many channels lie together in the layout of ops.Nchwc: 16, as ONNX
// Runtime has it on machines with AVX-512, or 8 where the channels of a convolution
// are no multiple of that. A model in which both would fit does not say.
func (g *Graph) block() int64 {
	if g.channels != 0 {
		return g.channels
	}
	for _, c := range g.calls {
		if args := c.args; c.domain == ops.Nchwc && c.op == "Conv" && len(args) > 1 && args[1] != nil {
			if w := args[1].value; w != nil && len(w.Shape) > 0 && w.Shape[0]%16 != 0 {
				return 8
			}
		}
	}
	return 16
}

// blocked are the attributes of an operation, with the block where its domain has one.
func (c *call) blocked(block int64) ops.Attrs {
	if c.domain != ops.Nchwc {
		return c.attrs
	}
	attrs := maps.Clone(c.attrs)
	attrs[ops.Block] = block
	return attrs
}
