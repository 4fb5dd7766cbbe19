package ops

import (
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// span is how many elements one chunk of an elementwise loop takes: 64 KiB of
// float32, so that a chunk's operands stay in the second-level cache.
const span = 1 << 14

// mapSpan is the same for functions, which take longer: about 4 µs.
const mapSpan = 1 << 13

// maps is an elementwise function y = f(x) and its gradient dx = dy·f'(v),
// where v is x, or y for functions whose derivative follows from their value.
type maps struct {
	f32   func(y, x []float32)
	f64   func(y, x []float64)
	g32   func(dx, dy, v []float32)
	g64   func(dx, dy, v []float64)
	ofY   bool                  // v is y
	whole func(x int64) int64   // f on signed integers; nil where f wants floats
	count func(x uint64) uint64 // f on unsigned ones
}

// each makes maps of a function and its derivative at x; df may be nil.
func each(f, df func(x float64) float64) maps {
	m := maps{f32: eachOf[float32](f), f64: eachOf[float64](f)}
	if df != nil {
		m.g32, m.g64 = slopeOf[float32](df), slopeOf[float64](df)
	}
	return m
}

func eachOf[T tensor.Float](f func(float64) float64) func(y, x []T) {
	return func(y, x []T) {
		for i, v := range x {
			y[i] = T(f(float64(v)))
		}
	}
}

func slopeOf[T tensor.Float](df func(float64) float64) func(dx, dy, v []T) {
	return func(dx, dy, v []T) {
		for i, x := range v {
			dx[i] = T(float64(dy[i]) * df(float64(x)))
		}
	}
}

// function is an elementwise operator; check, where it is not nil, holds attributes to what
// they may be, and of reads them.
type function struct {
	op         string
	since      int
	attributes string
	check      func(n *Node) error
	of         func(n *Node) maps
	flat       string // why there is no gradient
}

// hinted are the attributes of ONNX's first functions: below opset 6 they name operands
// that may be written over.
const hinted = "consumed_inputs:I; 6"

func simple(op string, since int, attributes string, m maps) function {
	return function{op: op, since: since, attributes: attributes, of: func(*Node) maps { return m }}
}

// step is a function whose derivative is 0 wherever it exists.
func step(op string, since int, attributes string, m maps) function {
	f := simple(op, since, attributes, m)
	f.flat = "its derivative is 0 almost everywhere"
	return f
}

// defs are the table's entries for functions: each and, in the internal domain,
// its gradient, named after it: inputs dy and x, or y.
func defs(list ...[]function) []Def {
	var out []Def
	for _, fs := range list {
		for _, f := range fs {
			forward := Def{Op: f.op, Since: f.since, Attributes: f.attributes, InPlace: true, Wide: wideInt,
				Infer: f.infer, Bind: f.bind, NotDifferentiable: f.flat}
			if f.flat == "" {
				forward.Grad = f.grad
				out = append(out, Def{Op: f.op + "Grad", Domain: Internal, Since: 1, InPlace: true, Over: [][2]int{{0, 1}},
					Infer: func(n *Node) error { return sameAs(n, 2, 2) }, Bind: f.bindGrad})
			}
			out = append(out, forward)
		}
	}
	return out
}

func (f function) infer(n *Node) error {
	if err := sameAs(n, 1, 1); err != nil {
		return err
	}
	if f.check != nil {
		if err := f.check(n); err != nil {
			return err
		}
	}
	d := n.In[0].DType
	if m := f.of(n); !d.IsFloat() && !(d.IsSigned() && m.whole != nil) && !(d.IsUnsigned() && m.count != nil) {
		return n.Errorf("element type %v is not supported", d)
	}
	return nil
}

func (f function) bind(n *Node, e *Env) (func(), error) {
	m := f.of(n)
	return numbers(n, n.In[0].DType, func() func() { return mapLoop(e, m.f32) },
		func() func() { return mapLoop(e, m.f64) }, func() func() { return mapLoop(e, eachWhole(m.whole)) },
		func() func() { return mapLoop(e, eachWhole(m.count)) })
}

func eachWhole[T int64 | uint64](f func(T) T) func(y, x []T) {
	return func(y, x []T) {
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

func (f function) grad(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	at := n.In[0]
	if f.of(n).ofY {
		at = n.Out[0]
	}
	return []*Value{b.Op(f.op+"Grad", n.Attrs, dy[0], at)}, b.Err
}

func (f function) bindGrad(n *Node, e *Env) (func(), error) {
	m := f.of(n)
	return floatLoop(n, e, func() func() { return mapLoop2(e, m.g32) }, func() func() { return mapLoop2(e, m.g64) })
}

// sameAs gives output 0 the type and shape of input 0.
func sameAs(n *Node, least, most int) error {
	if err := n.Want(least, most); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func mapLoop[T tensor.Element](e *Env, f func(y, x []T)) func() {
	x, y := e.In[0], e.Out[0]
	n := y.Len()
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, mapSpan, n)
		f(tensor.Data[T](y)[lo:hi], tensor.Data[T](x)[lo:hi])
	}
	return func() { e.Pool.For(parallel.Chunks(n, mapSpan), body) }
}

func mapLoop2[T tensor.Element](e *Env, f func(y, a, b []T)) func() {
	a, b, y := e.In[0], e.In[1], e.Out[0]
	n := y.Len()
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, mapSpan, n)
		f(tensor.Data[T](y)[lo:hi], tensor.Data[T](a)[lo:hi], tensor.Data[T](b)[lo:hi])
	}
	return func() { e.Pool.For(parallel.Chunks(n, mapSpan), body) }
}

// softplus is log(1+exp(x)) without overflow.
func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
