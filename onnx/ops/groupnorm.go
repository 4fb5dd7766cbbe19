package ops

import (
	"slices"

	"memprobe/internal/kernel/norm"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var groupNorms = []Def{
	{Op: "InstanceNormalization", Since: 1, Attributes: "consumed_inputs:I epsilon:f; 6 epsilon:f",
		Roles: []Role{"", Scale, Bias}, Infer: inferGroupNorm, Bind: bindGroupNorm,
		Grad: gradGroupNorm},
	{Op: "GroupNormalization", Since: 18,
		Attributes: "epsilon:f num_groups:i!; 21 epsilon:f num_groups:i! stash_type:i",
		Roles:      []Role{"", Scale, Bias}, Infer: inferGroupNorm, Bind: bindGroupNorm,
		Grad: gradGroupNorm},
}

// groupNorm returns the number of groups of channels that share statistics.
func (n *Node) groupNorm() (groups int, err error) {
	if err := n.Want(3, 3); err != nil {
		return 0, err
	}
	x := n.In[0].Shape
	if len(x) < 2 {
		return 0, n.Errorf("input has shape %v, want at least [N,C]", x)
	}
	groups, params := x[1], x[1]
	if n.Op == "GroupNormalization" {
		groups = n.Int("num_groups", 0)
		if n.Opset < 21 {
			params = groups
		}
	}
	if x[1] > 0 && (groups < 1 || x[1]%groups != 0) {
		return 0, n.Errorf("%d groups do not divide %d channels", groups, x[1])
	}
	for i, what := range []string{"scale", "bias"} {
		if v := n.In[i+1]; !slices.Equal(v.Shape, []int{params}) {
			return 0, n.Errorf("%s has shape %v, want [%d]", what, v.Shape, params)
		}
	}
	return groups, n.sameFloat()
}

func inferGroupNorm(n *Node) error {
	if _, err := n.groupNorm(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindGroupNorm(n *Node, e *Env) (func(), error) {
	groups, err := n.groupNorm()
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	eps := float64(n.Float("epsilon", 1e-5))
	return floatLoop(n, e, func() func() { return groupNormLoop[float32](e, groups, eps) },
		func() func() { return groupNormLoop[float64](e, groups, eps) })
}

// groupNormLoop normalises every group of every item as a channel of one batch
// and then scales and shifts the planes.
func groupNormLoop[T tensor.Float](e *Env, groups int, eps float64) func() {
	x, scale, bias, y := e.In[0], e.In[1], e.In[2], e.Out[0]
	c, plane := x.Shape[1], tensor.Len(x.Shape[2:])
	g := x.Shape[0] * groups
	p := norm.NewBatch[T](e.Pool, norm.BatchSpec{N: 1, C: g, S: x.Len() / g, Eps: eps})
	ones, zeros, mean, variance, invstd := make([]T, g), make([]T, g), make([]T, g), make([]T, g), make([]T, g)
	for i := range ones {
		ones[i] = 1
	}
	share, size, planes := c/scale.Len(), max(1, span/plane), x.Shape[0]*c
	affine := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, size, planes)
		for i := lo; i < hi; i++ {
			v, k := tensor.Data[T](y)[i*plane:(i+1)*plane], i%c/share
			vec.Affine(v, v, tensor.Data[T](scale)[k], tensor.Data[T](bias)[k])
		}
	}
	return func() {
		p.Forward(tensor.Data[T](y), tensor.Data[T](x), nil, ones, zeros, mean, variance, invstd)
		e.Pool.For(parallel.Chunks(planes, size), affine)
	}
}

// gradGroupNorm normalises again, every group of every item as a channel of one
// batch, and differentiates that under dy·scale.
func gradGroupNorm(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	groups, err := n.groupNorm()
	if err != nil {
		return nil, err
	}
	x, scale, out := n.In[0], n.In[1], make([]*Value, 3)
	if x.Len() == 0 {
		return nil, n.Errorf("input of shape %v has no gradient", x.Shape)
	}
	g, params := x.Shape[0]*groups, scale.Len()
	batch := []int{1, g, x.Len() / g}
	planes, column := []int{x.Shape[0], params, x.Len() / (x.Shape[0] * params)}, []int{params, 1}
	one, zero := b.filled(x.DType, g, 1), b.filled(x.DType, g, 0)
	eps, rows := Attrs{"epsilon": n.Float("epsilon", 1e-5)}, b.Reshape(x, batch)
	stats := b.OpN("BatchNormTrain", eps, 5, rows, one, zero, zero, one)
	if b.Err != nil {
		return nil, b.Err
	}
	d := b.Reshape(dy[0], planes)
	if want[0] {
		dz := b.Reshape(b.Op("Mul", nil, d, b.Reshape(scale, column)), batch)
		if dx := b.OpN("BatchNormGrad", eps, 3, dz, rows, one, zero, stats[1], stats[2]); b.Err == nil {
			out[0] = b.Reshape(dx[0], x.Shape)
		}
	}
	if want[1] {
		out[1] = b.Reshape(b.SumTo(b.Op("Mul", nil, d, b.Reshape(stats[0], planes)), column), scale.Shape)
	}
	if want[2] {
		out[2] = b.Reshape(b.SumTo(d, column), n.In[2].Shape)
	}
	return out, b.Err
}

// filled is a constant vector of n equal values.
func (b *Builder) filled(d tensor.DType, n int, x float64) *Value {
	return b.Const(full(d, x, n))
}
