package ops

import "memprobe/internal/tensor"

var trilus = []Def{{Op: "Trilu", Since: 14, Attributes: "upper:i",
	Infer: inferTrilu, Bind: bindTrilu, Grad: gradTrilu}}

// trilu resolves the diagonal from which on, or up to which, elements stay.
func (n *Node) trilu() (k int, upper bool, err error) {
	if n.Input(1) != nil {
		v, err := n.known(1, "k")
		if err != nil {
			return 0, false, err
		}
		if len(v) != 1 {
			return 0, false, n.Errorf("k has %d values, want 1", len(v))
		}
		k = v[0]
	}
	return k, n.Int("upper", 1) != 0, nil
}

func inferTrilu(n *Node) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	if _, _, err := n.trilu(); err != nil {
		return err
	}
	if len(n.In[0].Shape) < 2 {
		return n.Errorf("input has shape %v, want matrices", n.In[0].Shape)
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindTrilu(n *Node, e *Env) (func(), error) {
	k, upper, err := n.trilu()
	if err != nil {
		return nil, err
	}
	return words(e.In[0].DType, func() func() { return triluLoop[uint8](e, k, upper) },
		func() func() { return triluLoop[uint16](e, k, upper) },
		func() func() { return triluLoop[uint32](e, k, upper) },
		func() func() { return triluLoop[uint64](e, k, upper) }), nil
}

// triluLoop keeps element (i,j) of each matrix where j−i ≥ k, or ≤ k.
func triluLoop[T tensor.Word](e *Env, k int, upper bool) func() {
	x, y := e.In[0], e.Out[0]
	rank := len(x.Shape)
	rows, cols := x.Shape[rank-2], x.Shape[rank-1]
	return func() {
		src, dst := tensor.Words[T](x), tensor.Words[T](y)
		for lo := 0; lo < len(dst); lo += cols {
			i := lo / cols % rows
			for j := range cols {
				if upper && j-i >= k || !upper && j-i <= k {
					dst[lo+j] = src[lo+j]
				} else {
					var zero T
					dst[lo+j] = zero
				}
			}
		}
	}
}

func gradTrilu(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	out[0] = b.Op("Trilu", Attrs{"upper": int64(n.Int("upper", 1))}, append([]*Value{dy[0]}, n.In[1:]...)...)
	return out, b.Err
}
