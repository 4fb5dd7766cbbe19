package ops

import (
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
)

// dropouts: evaluation's Dropout passes its input on; DropoutTrain draws.
var dropouts = []Def{
	{Op: "Dropout", Since: 1,
		Attributes: "consumed_inputs:I is_test:i ratio:f; 6 is_test:i ratio:f; 7 ratio:f; 12 seed:i",
		Infer:      inferDropout, View: true, Grad: gradView,
		Train: trainDropout, Evaluation: &Evaluation{Operands: 2, Results: 2}},
	{Op: "DropoutTrain", Domain: Internal, Since: 1, As: "Dropout", Infer: func(n *Node) error { return sameAs(n, 1, 1) },
		Bind: bindDropoutTrain, Grad: gradDropoutTrain, InPlace: true, Random: true},
}

// inferDropout is evaluation's: the output is the input, and the mask lets
// everything pass.
func inferDropout(n *Node) error {
	if err := sameAs(n, 1, 3); err != nil {
		return err
	}
	if len(n.Out) < 2 || n.Out[1] == nil {
		return nil
	}
	d := tensor.Bool
	if n.Opset < 10 {
		d = n.In[0].DType
	}
	if err := n.SetOut(1, d, n.In[0].Shape); err != nil {
		return err
	}
	n.Out[1].Const = full(d, 1, n.In[0].Shape...)
	return nil
}

// trainDropout draws, unless nothing is dropped.
func trainDropout(b *Builder, n *Node, t *Training) (*Node, error) {
	id := t.dropouts
	t.dropouts++
	ratio, err := n.dropoutRatio()
	if err != nil || ratio == 0 || n.Out[0] == nil {
		return n, err
	}
	return b.instead(n, "DropoutTrain", Attrs{"ratio": float32(ratio), "id": id}, n.In[:1], n.Out[:1])
}

// dropoutRatio is the probability with which a Dropout drops an element: an
// attribute before opset 12, an input after it, 1/2 by default.
func (n *Node) dropoutRatio() (float64, error) {
	ratio := float64(n.Float("ratio", 0.5))
	if v := n.Input(1); v != nil && n.Opset >= 12 {
		switch {
		case v.Len() != 1 || !v.DType.IsFloat():
			return 0, n.Errorf("ratio is %v%v, want one float", v.DType, v.Shape)
		case v.Const == nil:
			return 0, n.Unknown(v, "ratio")
		}
		ratio = v.Const.Number(0)
	}
	if !(ratio >= 0 && ratio < 1) {
		return 0, n.Errorf("ratio is %v, want 0 <= ratio < 1", ratio)
	}
	return ratio, nil
}

func bindDropoutTrain(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return dropoutLoop[float32](n, e) },
		func() func() { return dropoutLoop[float64](n, e) })
}

// dropoutLoop computes y = x/(1-ratio) where a draw says to keep, else 0. Draws
// are keyed by the seed, the step, the attribute id of the node and the chunk,
// so that the gradient is the same function of dy, and no mask is stored.
// Reference: Srivastava et al. 2014, in the inverted form.
func dropoutLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y, id, ratio := e.In[0], e.Out[0], uint64(n.Int("id", 0)), n.Float("ratio", 0.5)
	scale, size := T(1/(1-float64(ratio))), y.Len()
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, span, size)
		draw := rng.New(e.Seed, rng.Dropout, *e.Step, id, uint64(chunk))
		src, dst := tensor.Data[T](x)[lo:hi], tensor.Data[T](y)[lo:hi]
		for i, v := range src {
			dst[i] = 0
			if draw.Float32() >= ratio {
				dst[i] = v * scale
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(size, span), body) }
}

func gradDropoutTrain(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.Op("DropoutTrain", n.Attrs, dy[0])}, b.Err
}
