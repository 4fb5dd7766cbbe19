package ops

// axes is the most spatial dimensions of a convolution or pooling. One with
// fewer has sizes of 1 in front.
const axes = 3

// slide describes how the kernel of a convolution or pooling slides over the
// spatial dimensions of its input [N,C,…].
type slide struct {
	n, c, rank       int // rank is the number of spatial dimensions of the model
	in, kernel, out  [axes]int
	stride, dilation [axes]int
	before, after    [axes]int // padding
}

// perAxis returns an attribute of one value a spatial dimension, at least low.
func (n *Node) perAxis(name string, rank, low, def int) (v [axes]int, err error) {
	for i := range v {
		v[i] = def
	}
	list := n.Ints(name, nil)
	if list == nil {
		return v, nil
	}
	if len(list) != rank {
		return v, n.Errorf("%s has %d values, want %d", name, len(list), rank)
	}
	for i, x := range list {
		if x < low || x > 1<<20 {
			return v, n.Errorf("%s is %v, want values from %d to %d", name, list, low, 1<<20)
		}
		v[axes-rank+i] = x
	}
	return v, nil
}

// padded returns the attribute pads.
func (n *Node) padded(rank int) (before, after [axes]int, err error) {
	pads := n.Ints("pads", nil)
	if pads == nil {
		return before, after, nil
	}
	if len(pads) != 2*rank {
		return before, after, n.Errorf("pads has %d values, want %d", len(pads), 2*rank)
	}
	for i, p := range pads {
		if p < 0 || p > 1<<20 {
			return before, after, n.Errorf("pads is %v, want values from 0 to %d", pads, 1<<20)
		}
		if i < rank {
			before[axes-rank+i] = p
		} else {
			after[axes-2*rank+i] = p
		}
	}
	return before, after, nil
}

// spatial reads the input's shape and the strides and dilations.
func (n *Node) spatial(x []int) (*slide, error) {
	g := &slide{rank: len(x) - 2, kernel: [axes]int{1, 1, 1}, in: [axes]int{1, 1, 1}}
	if g.rank < 1 || g.rank > axes {
		return nil, n.Errorf("input has shape %v, want [N,C] and 1 to %d spatial dimensions", x, axes)
	}
	g.n, g.c = x[0], x[1]
	copy(g.in[axes-g.rank:], x[2:])
	for _, d := range x[1:] {
		if d < 1 {
			return nil, n.Errorf("input has shape %v, want positive sizes", x)
		}
	}
	var err error
	if g.stride, err = n.perAxis("strides", g.rank, 1, 1); err != nil {
		return nil, err
	}
	g.dilation, err = n.perAxis("dilations", g.rank, 1, 1)
	return g, err
}

// extent is the length that the kernel spans along axis i.
func (g *slide) extent(i int) int { return g.dilation[i]*(g.kernel[i]-1) + 1 }

// fit resolves the padding and the output's size for the kernel. With ceil a
// window may end outside of the padded input, but not begin in the padding
// after the input.
func (g *slide) fit(n *Node, ceil bool) error {
	auto := n.Str("auto_pad", "NOTSET")
	switch auto {
	case "NOTSET", "":
		var err error
		if g.before, g.after, err = n.padded(g.rank); err != nil {
			return err
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i, size := range g.in {
			outs := (size + g.stride[i] - 1) / g.stride[i]
			total := max(0, (outs-1)*g.stride[i]+g.extent(i)-size)
			g.before[i], g.after[i] = halves(total, auto == "SAME_LOWER")
		}
	default:
		return n.Errorf("auto_pad is %q, want NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
	}
	for i, size := range g.in {
		room := size + g.before[i] + g.after[i] - g.extent(i)
		if room < 0 {
			return n.Errorf("kernel %v with dilations %v exceeds input %v with pads %v and %v",
				g.own(g.kernel), g.own(g.dilation), g.own(g.in), g.own(g.before), g.own(g.after))
		}
		g.out[i] = room/g.stride[i] + 1
		if ceil && room%g.stride[i] != 0 && g.out[i]*g.stride[i] < size+g.before[i] {
			g.out[i]++
		}
	}
	return nil
}

// halves splits padding; the odd element comes after, or before if so said.
func halves(total int, before bool) (int, int) {
	if before {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// own are the values of the axes that the model has.
func (g *slide) own(v [axes]int) []int { return v[axes-g.rank:] }

// flat reports whether the window is one of two dimensions.
func (g *slide) flat() bool {
	return g.in[0] == 1 && g.kernel[0] == 1 && g.before[0] == 0 && g.after[0] == 0 && g.out[0] == 1
}

// planes are the sizes of a plane of the input, the kernel and the output.
func (g *slide) planes() (x, k, y int) {
	return g.in[0] * g.in[1] * g.in[2], g.kernel[0] * g.kernel[1] * g.kernel[2], g.out[0] * g.out[1] * g.out[2]
}

// span is how many outputs a chunk computes, where an element of a window takes work
// multiplications, so that it ends soon.
func (g *slide) span(work int) int {
	_, k, _ := g.planes()
	return max(1, mapSpan/max(1, k*work))
}

// at calls f with every element x of an input plane that output element o
// covers, and the tap k of the kernel that meets it, in row-major order.
func (g *slide) at(o int, f func(x, k int)) {
	var first [axes]int
	for i := axes - 1; i >= 0; i-- {
		first[i] = o%g.out[i]*g.stride[i] - g.before[i]
		o /= g.out[i]
	}
	for a := range g.kernel[0] {
		d := first[0] + a*g.dilation[0]
		if d < 0 || d >= g.in[0] {
			continue
		}
		for b := range g.kernel[1] {
			h := first[1] + b*g.dilation[1]
			if h < 0 || h >= g.in[1] {
				continue
			}
			for c := range g.kernel[2] {
				if w := first[2] + c*g.dilation[2]; w >= 0 && w < g.in[2] {
					f((d*g.in[1]+h)*g.in[2]+w, (a*g.kernel[1]+b)*g.kernel[2]+c)
				}
			}
		}
	}
}
