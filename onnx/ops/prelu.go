package ops

import "slices"

func inferPRelu(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	x := n.In[0]
	if out, err := broadcastShape(n, x.Shape, n.In[1].Shape); err != nil || !slices.Equal(out, x.Shape) {
		return n.Errorf("slope %v does not broadcast to %v", n.In[1].Shape, x.Shape)
	}
	return n.SetOut(0, x.DType, x.Shape)
}

func bindPRelu(n *Node, e *Env) (func(), error) {
	f32 := func(x, a float32) float32 {
		if x < 0 {
			return a * x
		}
		return x
	}
	f64 := func(x, a float64) float64 {
		if x < 0 {
			return a * x
		}
		return x
	}
	return arith{f32: f32, f64: f64}.bind(n, e, e.In[0], e.In[1], e.Out[0])
}
