package ops

import (
	"math"

	"memprobe/internal/tensor"
)

var mods = []Def{{Op: "Mod", Since: 10, Attributes: "fmod:i",
	Wide: wideInt, Infer: inferMod, Bind: bindMod, Grad: gradMod}}

func inferMod(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	d := n.In[0].DType
	if d != n.In[1].DType || d >= tensor.Bool {
		return n.Errorf("inputs are %v and %v, want one type of numbers", d, n.In[1].DType)
	}
	if d.IsFloat() && n.Int("fmod", 0) == 0 {
		return n.Errorf("fmod must be 1 for %v", d)
	}
	shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, d, shape)
}

// bindMod takes the sign of the dividend with fmod, else that of the divisor.
func bindMod(n *Node, e *Env) (func(), error) {
	f := arith{f32: fmod[float32], f64: fmod[float64], i64: floorMod, u64: remainder[uint64]}
	if n.Int("fmod", 0) != 0 {
		f.i64 = remainder[int64]
	}
	run, err := f.bind(n, e, e.In[0], e.In[1], e.Out[0])
	if err != nil {
		return nil, err
	}
	return dividing(n, e, run), nil
}

func fmod[T tensor.Float](a, b T) T { return T(math.Mod(float64(a), float64(b))) }

func remainder[T int64 | uint64](a, b T) T { return a % b }

func floorMod(a, b int64) int64 {
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// gradMod differentiates y = a - b·trunc(a/b) between its jumps.
var gradMod = gradOf(pass, func(b *Builder, n *Node, dy *Value) *Value {
	return b.Op("Mul", nil, dy, b.Op("Div", nil, b.Op("Sub", nil, n.Out[0], n.In[0]), n.In[1]))
})
