package ops

import (
	"memprobe/internal/kernel/norm"
	"memprobe/internal/tensor"
)

var layerNorms = []Def{
	// ONNX has it since 17; the optimiser of ONNX Runtime writes it at any opset.
	{Op: "LayerNormalization", Since: 1, Attributes: "axis:i epsilon:f stash_type:i",
		Roles: []Role{"", Scale, Bias}, Infer: inferLayerNorm, Bind: bindLayerNorm,
		Grad: gradLayerNorm},
	{Op: "RMSNormalization", Since: 23, Attributes: "axis:i epsilon:f stash_type:i",
		Roles: []Role{"", Scale}, Infer: inferLayerNorm, Bind: bindLayerNorm,
		Grad: gradLayerNorm},
	{Op: "LayerNormGrad", Domain: Internal, Since: 1, Infer: inferLayerNormGrad, Bind: bindLayerNormGrad},
}

// layerNorm resolves the axis from which on the elements of x make a row.
func (n *Node) layerNorm() (s norm.LayerSpec, axis int, err error) {
	s.RMS = n.Op == "RMSNormalization"
	most := 3
	if s.RMS {
		most = 2
	}
	if err := n.Want(2, most); err != nil {
		return s, 0, err
	}
	x := n.In[0].Shape
	if axis, err = n.Axis(n.Int("axis", -1), len(x)); err != nil {
		return s, 0, err
	}
	s.Rows, s.D, s.Eps = tensor.Len(x[:axis]), tensor.Len(x[axis:]), float64(n.Float("epsilon", 1e-5))
	for i, what := range []string{"scale", "bias"} {
		if v := n.Input(i + 1); v != nil {
			if v.Len() != s.D {
				return s, 0, n.Errorf("%s has shape %v, want %v", what, v.Shape, x[axis:])
			}
		}
	}
	return s, axis, n.sameFloat()
}

// inferLayerNorm: outputs y and, of each row, the mean and 1/√(var+ε).
func inferLayerNorm(n *Node) error {
	s, axis, err := n.layerNorm()
	if err != nil {
		return err
	}
	x := n.In[0]
	if s.D == 0 && s.Rows > 0 && (n.wanted(1) || n.wanted(2)) {
		return n.Errorf("input has shape %v, of which there are no statistics", x.Shape)
	}
	rows := make([]int, len(x.Shape))
	for i := range rows {
		rows[i] = 1
		if i < axis {
			rows[i] = x.Shape[i]
		}
	}
	for i := range 2 {
		if err := n.SetOut(i+1, x.DType, rows); err != nil {
			return err
		}
	}
	return n.SetOut(0, x.DType, x.Shape)
}

func bindLayerNorm(n *Node, e *Env) (func(), error) {
	s, _, err := n.layerNorm()
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	return floatLoop(n, e, func() func() { return layerNormLoop[float32](e, s) },
		func() func() { return layerNormLoop[float64](e, s) })
}

func layerNormLoop[T tensor.Float](e *Env, s norm.LayerSpec) func() {
	p := norm.NewLayer[T](e.Pool, s)
	x, scale, bias, y := e.In[0], e.In[1], &tensor.Tensor{}, e.Out[0]
	if len(e.In) > 2 && e.In[2] != nil {
		bias = e.In[2]
	}
	mean, invstd := outOrSpare(e, 1, x.DType, s.Rows), outOrSpare(e, 2, x.DType, s.Rows)
	return func() {
		p.Forward(tensor.Data[T](y), tensor.Data[T](x), tensor.Data[T](scale), tensor.Data[T](bias),
			tensor.Data[T](mean), tensor.Data[T](invstd))
	}
}

// gradLayerNorm lets LayerNormGrad compute the statistics again where the node
// does not put them out.
func gradLayerNorm(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s, _, err := n.layerNorm()
	if err != nil {
		return nil, err
	}
	if len(dy) > 1 && dy[1] != nil || len(dy) > 2 && dy[2] != nil {
		return nil, n.Errorf("gradients through the statistics are not supported")
	}
	d := b.OpN("LayerNormGrad", Attrs{"epsilon": n.Float("epsilon", 1e-5), "rms": flag(s.RMS), "rows": int64(s.Rows)},
		3, dy[0], n.In[0], n.In[1])
	if b.Err != nil {
		return nil, b.Err
	}
	out := []*Value{d[0], b.Reshape(d[1], n.In[1].Shape)}
	if len(n.In) > 2 {
		out = append(out, nil)
		if n.In[2] != nil {
			out[2] = b.Reshape(d[2], n.In[2].Shape)
		}
	}
	return out, b.Err
}

// inferLayerNormGrad: inputs dy, x and scale; outputs dx, dscale and dbias.
func inferLayerNormGrad(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	for i := range 2 {
		if err := n.SetOut(i+1, n.In[0].DType, n.In[2].Shape); err != nil {
			return err
		}
	}
	return n.SetOut(0, n.In[0].DType, n.In[1].Shape)
}

func bindLayerNormGrad(n *Node, e *Env) (func(), error) {
	s := norm.LayerSpec{Rows: n.Int("rows", 1), Eps: float64(n.Float("epsilon", 1e-5)), RMS: n.Int("rms", 0) != 0}
	if n.In[1].Len() == 0 {
		return func() {}, nil
	}
	s.D = n.In[1].Len() / s.Rows
	return floatLoop(n, e, func() func() { return layerNormGradLoop[float32](n, e, s) },
		func() func() { return layerNormGradLoop[float64](n, e, s) })
}

func layerNormGradLoop[T tensor.Float](n *Node, e *Env, s norm.LayerSpec) func() {
	p := norm.NewLayer[T](e.Pool, s)
	dy, x, scale := e.In[0], e.In[1], e.In[2]
	dx := outOrSpare(e, 0, x.DType, x.Shape...)
	dscale, dbias := outOrSpare(e, 1, x.DType, s.D), outOrSpare(e, 2, x.DType, s.D)
	mean, invstd := make([]T, s.Rows), make([]T, s.Rows)
	return func() {
		// dx holds y for a moment: the forward pass is run for its statistics.
		p.Forward(tensor.Data[T](dx), tensor.Data[T](x), tensor.Data[T](scale), nil, mean, invstd)
		p.Backward(tensor.Data[T](dx), tensor.Data[T](dscale), tensor.Data[T](dbias), tensor.Data[T](dy),
			tensor.Data[T](x), tensor.Data[T](scale), mean, invstd)
	}
}
