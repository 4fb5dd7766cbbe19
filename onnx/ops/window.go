package ops

// window2 is the sliding window of a convolution or pooling, in two dimensions;
// a one-dimensional one has height 1.
type window2 struct {
	n, c, h, w               int
	kh, kw, sh, sw, dh, dw   int
	top, left, bottom, right int
	outH, outW               int
	ceil                     bool
	spatial                  int // 1 or 2, as the model has it
}

// sized returns an attribute of one positive value a spatial dimension.
func (n *Node) sized(name string, spatial, def int) (h, w int, err error) {
	v := n.Ints(name, nil)
	if v == nil {
		return 1 + (def-1)*(spatial-1), def, nil
	}
	if len(v) != spatial {
		return 0, 0, n.Errorf("%s has %d values, want %d", name, len(v), spatial)
	}
	for _, x := range v {
		if x < 1 || x > 1<<20 {
			return 0, 0, n.Errorf("%s is %v, want positive values", name, v)
		}
	}
	if spatial == 1 {
		return 1, v[0], nil
	}
	return v[0], v[1], nil
}

// slide resolves strides, dilations, padding and the output's size for an input
// and a kernel. An attribute that does not fit is an error.
func (n *Node) slide(in *Value, kh, kw int, ceil bool) (*window2, error) {
	s := &window2{kh: kh, kw: kw, ceil: ceil, spatial: len(in.Shape) - 2}
	if s.spatial < 1 || s.spatial > 2 {
		return nil, n.Errorf("input has shape %v; one and two spatial dimensions are supported", in.Shape)
	}
	s.n, s.c, s.h, s.w = in.Shape[0], in.Shape[1], 1, in.Shape[len(in.Shape)-1]
	if s.spatial == 2 {
		s.h = in.Shape[2]
	}
	var err error
	if s.sh, s.sw, err = n.sized("strides", s.spatial, 1); err != nil {
		return nil, err
	}
	if s.dh, s.dw, err = n.sized("dilations", s.spatial, 1); err != nil {
		return nil, err
	}
	if err := s.pad(n); err != nil {
		return nil, err
	}
	s.outH = s.out(s.h+s.top+s.bottom, s.kh, s.sh, s.dh, s.h+s.top)
	s.outW = s.out(s.w+s.left+s.right, s.kw, s.sw, s.dw, s.w+s.left)
	if s.outH < 1 || s.outW < 1 {
		return nil, n.Errorf("kernel %dx%d does not fit in the padded input %v", kh, kw, in.Shape)
	}
	return s, nil
}

// out is the output size; with ceil a window that would begin in the padding
// after the image is left out.
func (s *window2) out(padded, k, stride, dilation, end int) int {
	span := padded - dilation*(k-1) - 1
	if span < 0 {
		return 0
	}
	o := span/stride + 1
	if s.ceil && span%stride != 0 && o*stride < end {
		o++
	}
	return o
}

func (s *window2) pad(n *Node) error {
	switch auto := n.Str("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
		pads := n.Ints("pads", nil)
		if pads == nil {
			return nil
		}
		if len(pads) != 2*s.spatial {
			return n.Errorf("pads has %d values, want %d", len(pads), 2*s.spatial)
		}
		for _, p := range pads {
			if p < 0 || p > 1<<20 {
				return n.Errorf("pads are %v, want no negative ones", pads)
			}
		}
		if s.spatial == 1 {
			s.left, s.right = pads[0], pads[1]
		} else {
			s.top, s.left, s.bottom, s.right = pads[0], pads[1], pads[2], pads[3]
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		lower := auto == "SAME_LOWER"
		s.top, s.bottom = same(s.h, s.kh, s.sh, s.dh, lower)
		s.left, s.right = same(s.w, s.kw, s.sw, s.dw, lower)
	default:
		return n.Errorf("auto_pad is %q, want NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
	}
	return nil
}

// same is the padding with which the output has ⌈size/stride⌉ elements.
func same(size, k, stride, dilation int, lower bool) (before, after int) {
	total := max(0, ((size+stride-1)/stride-1)*stride+dilation*(k-1)+1-size)
	before, after = total/2, total-total/2
	if lower {
		before, after = after, before
	}
	return before, after
}

// shape is the output's shape with c channels.
func (s *window2) shape(c int) []int {
	if s.spatial == 1 {
		return []int{s.n, c, s.outW}
	}
	return []int{s.n, c, s.outH, s.outW}
}
