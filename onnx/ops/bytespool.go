package ops

import (
	"slices"

	"memprobe/internal/kernel/quant"
	"memprobe/internal/tensor"
)

var bytePools = []Def{
	{Op: "MaxPoolBytes", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer",
		Infer: inferMaxPoolBytes, Bind: bindMaxPoolBytes},
}

func inferMaxPoolBytes(n *Node) error {
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return err
	}
	if !g.flat() {
		return n.Errorf("input has shape %v, want two spatial dimensions at most", n.In[0].Shape)
	}
	return n.SetOut(0, n.In[0].DType, slices.Concat([]int{g.n, g.c}, g.own(g.out)))
}

func bindMaxPoolBytes(n *Node, e *Env) (func(), error) {
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return nil, err
	}
	s, _ := (&convolution{slide: g, m: g.c, group: 1}).spec()
	x, y := e.In[0], e.Out[0]
	if y.Len() == 0 {
		return func() {}, nil
	}
	p := quant.NewMaxPool(e.Pool, s, g.out[1], g.out[2], x.DType == tensor.Int8)
	return func() { p.Run(y.Bytes(), x.Bytes()) }, nil
}
