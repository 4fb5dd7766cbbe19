package ops

import (
	"hash/fnv"
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
)

// randoms draw numbers. A draw is a function of the attribute seed (0 where there is
// none), the node's name and the element's place, so that every run of a model draws the
// same; the generators of ONNX Runtime and NumPy draw others.
var randoms = []Def{
	{Op: "RandomUniform", Since: 1, Attributes: "dtype:i high:f low:f seed:f shape:I!",
		Random: true, Infer: inferRandom, Bind: bindRandom(uniform), NotDifferentiable: drawn},
	{Op: "RandomNormal", Since: 1, Attributes: "dtype:i mean:f scale:f seed:f shape:I!",
		Random: true, Infer: inferRandom, Bind: bindRandom(normal), NotDifferentiable: drawn},
	{Op: "RandomUniformLike", Since: 1, Attributes: "dtype:i high:f low:f seed:f",
		Random: true, Infer: inferRandomLike, Bind: bindRandom(uniform),
		NotDifferentiable: drawn},
	{Op: "RandomNormalLike", Since: 1, Attributes: "dtype:i mean:f scale:f seed:f",
		Random: true, Infer: inferRandomLike, Bind: bindRandom(normal),
		NotDifferentiable: drawn},
	{Op: "Bernoulli", Since: 15, Attributes: "dtype:i seed:f",
		Random: true, Infer: inferBernoulli, Bind: bindBernoulli, NotDifferentiable: drawn},
}

const drawn = "its result is drawn"

func inferRandom(n *Node) error {
	if err := n.Want(0, 0); err != nil {
		return err
	}
	if !n.Has("shape") {
		return n.Errorf("has no shape")
	}
	return n.drawnAs(tensor.Float32, n.Ints("shape", nil), true)
}

func inferRandomLike(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	return n.drawnAs(n.In[0].DType, n.In[0].Shape, true)
}

// inferBernoulli: the operand holds the probabilities of 1.
func inferBernoulli(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if !n.In[0].DType.IsFloat() {
		return n.Errorf("input is %v, want float32", n.In[0].DType)
	}
	return n.drawnAs(n.In[0].DType, n.In[0].Shape, false)
}

// drawnAs sets the result to a shape and the type that the attribute dtype gives, or def.
func (n *Node) drawnAs(def tensor.DType, shape []int, float bool) error {
	if n.Has("dtype") {
		t, ok := castTypes[n.Int("dtype", 0)]
		if !ok {
			return n.Errorf("element type number %d is not supported", n.Int("dtype", 0))
		}
		def = t.dtype
	}
	if float && !def.IsFloat() {
		return n.Errorf("element type %v is not supported, want a float", def)
	}
	return n.SetOut(0, def, shape)
}

// uniform is uniform on [low,high).
func uniform(n *Node) func(s *rng.Stream) float64 {
	low, high := float64(n.Float("low", 0)), float64(n.Float("high", 1))
	return func(s *rng.Stream) float64 { return s.Uniform(low, high) }
}

// normal has the attributes' mean and standard deviation.
func normal(n *Node) func(s *rng.Stream) float64 {
	mean, scale := float64(n.Float("mean", 0)), float64(n.Float("scale", 1))
	return func(s *rng.Stream) float64 { return mean + scale*s.Normal() }
}

// stream is the source of the draws of a chunk of n's result.
func (n *Node) stream(chunk int) rng.Stream {
	name := fnv.New64a()
	name.Write([]byte(n.Name))
	return rng.New(uint64(math.Float32bits(n.Float("seed", 0))), rng.Operator, name.Sum64(), uint64(chunk))
}

func bindRandom(distribution func(n *Node) func(s *rng.Stream) float64) func(n *Node, e *Env) (func(), error) {
	return func(n *Node, e *Env) (func(), error) {
		y, draw := e.Out[0], distribution(n)
		body := func(_, chunk int) {
			lo, hi := parallel.Range(chunk, span, y.Len())
			s := n.stream(chunk)
			for i := lo; i < hi; i++ {
				if y.DType == tensor.Float64 {
					y.F64()[i] = draw(&s)
				} else {
					y.F32()[i] = float32(draw(&s))
				}
			}
		}
		return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }, nil
	}
}

func bindBernoulli(n *Node, e *Env) (func(), error) {
	x, y := e.In[0], e.Out[0]
	ones := tensor.New(tensor.Float64, x.Shape...)
	write := castLoop(ones, y, narrowing{})
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, span, x.Len())
		s := n.stream(chunk)
		for i := lo; i < hi; i++ {
			ones.F64()[i] = 0
			if s.Float64() < x.Number(i) {
				ones.F64()[i] = 1
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(x.Len(), span), body); write() }, nil
}
