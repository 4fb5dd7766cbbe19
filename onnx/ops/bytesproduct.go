package ops

import (
	"slices"

	"memprobe/internal/kernel/quant"
	"memprobe/internal/tensor"
)

// byteProducts are products of bytes, with the operands of a convolution.
var byteProducts = []Def{
	{Op: "IntegerProduct", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer",
		Infer: inferIntegerProduct, Bind: bindIntegerProduct},
}

// byteProduct is the shape of an IntegerProduct: the rows of x times a matrix, [K,N], or
// [N,K] with the attribute transposed.
func (n *Node) byteProduct() (s quant.ProductSpec, err error) {
	x, w := n.In[0], n.In[1]
	if len(w.Shape) != 2 || len(x.Shape) < 1 || x.Len() == 0 || w.Len() == 0 {
		return s, n.Errorf("operands have shapes %v and %v, want rows and a matrix", x.Shape, w.Shape)
	}
	s = quant.ProductSpec{K: w.Shape[0], N: w.Shape[1], TransW: n.Int("transposed", 0) != 0,
		Signed: x.DType == tensor.Int8}
	if s.TransW {
		s.K, s.N = s.N, s.K
	}
	if last := x.Shape[len(x.Shape)-1]; last != s.K {
		return s, n.Errorf("operands have shapes %v and %v, which do not fit", x.Shape, w.Shape)
	}
	s.M = x.Len() / s.K
	return s, n.bytesWith(s.N, s.K)
}

func inferIntegerProduct(n *Node) error {
	s, err := n.byteProduct()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.rounded().dtype(), append(slices.Clone(n.In[0].Shape[:len(n.In[0].Shape)-1]), s.N))
}

func bindIntegerProduct(n *Node, e *Env) (func(), error) {
	s, err := n.byteProduct()
	if err != nil {
		return nil, err
	}
	if err := n.packs(quant.ProductLen(s) / 4); err != nil {
		return nil, err
	}
	x, zero, y := e.In[0], optional(e.In, 2), e.Out[0]
	p := quant.NewProduct(e.Pool, s, n.byteWeights(), n.rounded().result())
	scratch := e.Scratch(p.Scratch())
	if n.rounded() == nil {
		return func() { p.RunSums(y.I32(), x.Bytes(), firstOf(zero), scratch()) }, nil
	}
	return func() { p.Run(y.Bytes(), x.Bytes(), firstOf(zero), scratch()) }, nil
}
