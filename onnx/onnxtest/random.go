package onnxtest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// limits of a random graph: what a tensor may hold
const (
	mostElements = 6000
	mostAbs      = 1e4
)

// opsets are those of random graphs, in which operators take their settings as
// attributes, as inputs, or as both.
var opsets = []int{6, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 20, 21, 23, 24, 26, 28, 28, 28, 28}

// generator grows a graph node by node. Every node is evaluated as soon as it is
// proposed, on tensors of its own; a node that the operator's shape rule refuses, or
// whose results are not finite, is not taken.
type generator struct {
	*rand.Rand
	opset  int
	nodes  []*ops.Node
	values []*ops.Value // in the order of their making
	data   map[*ops.Value]*tensor.Tensor
	// exact holds the values whose elements no rewrite may change by a rounding:
	// inputs, and what only moves or chooses among them. Functions that jump are
	// applied to no others.
	exact   map[*ops.Value]bool
	jumps   bool // the operator in the making jumps
	leafs   int
	weights []*ops.Value
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)),
		data: map[*ops.Value]*tensor.Tensor{}, exact: map[*ops.Value]bool{}}
	g.opset = opsets[g.IntN(len(opsets))]
	return g
}

// between draws from [lo, hi].
func (g *generator) between(lo, hi int) int { return lo + g.IntN(hi-lo+1) }

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func oneOf[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// size draws that of an axis: small, odd, sometimes none or more than a panel.
func (g *generator) size() int {
	switch k := g.IntN(60); {
	case k == 0:
		return 0
	case k == 1:
		return 33
	case k < 15:
		return 1
	}
	return g.between(2, 6)
}

func (g *generator) shape(rank int) []int {
	s := make([]int, rank)
	for i := range s {
		s[i] = g.size()
	}
	return s
}

// leaf makes a value that nothing computes: an initialiser or, where fed, an input.
func (g *generator) leaf(t *tensor.Tensor, fed bool) *ops.Value {
	g.leafs++
	v := &ops.Value{Name: fmt.Sprintf("w%d", g.leafs), DType: t.DType, Shape: t.Shape}
	if !fed {
		v.Const = t
	}
	g.data[v], g.exact[v] = t, true
	return v
}

// numbers fills a float32 tensor from [lo, hi).
func (g *generator) numbers(lo, hi float64, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(lo + (hi-lo)*g.Float64())
	}
	return t
}

// input is a new input of the graph; functions that want positive numbers, or numbers
// below or above 1, find such ones too.
func (g *generator) input(shape ...int) *ops.Value {
	lo, hi := -1.5, 1.5
	switch g.IntN(6) {
	case 0:
		lo, hi = 0.1, 0.9
	case 1:
		lo, hi = 1.1, 2.5
	}
	v := g.leaf(g.numbers(lo, hi, shape...), true)
	g.values = append(g.values, v)
	return v
}

// weight is an initialiser or, at times, an input, and may be one that others read.
func (g *generator) weight(shape ...int) *ops.Value {
	same := func(v *ops.Value) bool { return slices.Equal(v.Shape, shape) }
	if i := slices.IndexFunc(g.weights, same); i >= 0 && g.chance(0.2) {
		return g.weights[i]
	}
	g.weights = append(g.weights, g.leaf(g.numbers(-1, 1, shape...), g.chance(0.2)))
	return g.weights[len(g.weights)-1]
}

func (g *generator) constant(shape ...int) *ops.Value {
	return g.leaf(g.numbers(-1, 1, shape...), false)
}

// filled is an initialiser of one number throughout.
func (g *generator) filled(x float64, shape ...int) *ops.Value {
	return g.leaf(g.numbers(x, x, shape...), false)
}

// positive is a new initialiser or input of numbers in [0.5, 1.5).
func (g *generator) positive(shape ...int) *ops.Value {
	return g.leaf(g.numbers(0.5, 1.5, shape...), g.chance(0.2))
}

func (g *generator) ints(v ...int) *ops.Value {
	t := tensor.New(tensor.Int64, len(v))
	for i, x := range v {
		t.I64()[i] = int64(x)
	}
	return g.leaf(t, false)
}

// within is an initialiser of integers in [lo, hi).
func (g *generator) within(lo, hi int, shape ...int) *ops.Value {
	t := tensor.New(tensor.Int64, shape...)
	for i := range t.I64() {
		t.I64()[i] = int64(g.between(lo, max(lo, hi-1)))
	}
	return g.leaf(t, false)
}

// whole is an initialiser of small numbers of any type.
func (g *generator) whole(d tensor.DType, shape ...int) *ops.Value {
	t := tensor.New(d, shape...)
	for i := range t.Len() {
		x := g.IntN(7)
		switch d {
		case tensor.Float32:
			t.F32()[i] = float32(x) - 3
		case tensor.Float64:
			t.F64()[i] = float64(x) - 3
		case tensor.Int8:
			tensor.Data[int8](t)[i] = int8(x) - 3
		case tensor.Int16:
			tensor.Data[int16](t)[i] = int16(x) - 3
		case tensor.Int32:
			t.I32()[i] = int32(x) - 3
		case tensor.Int64:
			t.I64()[i] = int64(x) - 3
		case tensor.Uint16:
			tensor.Data[uint16](t)[i] = uint16(x)
		case tensor.Uint64:
			tensor.Data[uint64](t)[i] = uint64(x)
		case tensor.Uint8:
			t.U8()[i] = uint8(x)
		case tensor.Bool:
			t.Bool()[i] = x < 3
		}
	}
	return g.leaf(t, false)
}

// pick returns one of the values that fit, later ones more often; nil if there is none.
func (g *generator) pick(fits func(v *ops.Value) bool) *ops.Value {
	var found []*ops.Value
	for _, v := range g.values {
		if (!g.jumps || g.exact[v]) && fits(v) {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[max(g.IntN(len(found)), g.IntN(len(found)))]
}

// float is a float32 value of the given ranks, old or new.
func (g *generator) float(least, most int) *ops.Value {
	v := g.pick(func(v *ops.Value) bool {
		return v.DType == tensor.Float32 && len(v.Shape) >= least && len(v.Shape) <= most
	})
	if v == nil || g.chance(0.15) {
		v = g.input(g.shape(g.between(least, most))...)
	}
	return v
}

// like is a float32 value that broadcasts with the shape: an old one of that shape, or
// a new one of it in part.
func (g *generator) like(shape []int) *ops.Value {
	same := func(v *ops.Value) bool { return v.DType == tensor.Float32 && slices.Equal(v.Shape, shape) }
	if v := g.pick(same); v != nil && g.chance(0.4) {
		return v
	}
	return g.weight(g.part(shape)...)
}

// part is a shape that broadcasts to the given one, or at times with it.
func (g *generator) part(shape []int) []int {
	s := slices.Clone(shape[g.IntN(len(shape)+1):])
	if g.chance(0.4) {
		s = slices.Clone(shape)
	}
	for i := range s {
		if g.chance(0.35) {
			s[i] = 1
		}
	}
	if g.chance(0.05) {
		s = append([]int{g.between(1, 2)}, s...)
	}
	return s
}

// apply adds a node and returns its results; nil where it cannot be.
func (g *generator) apply(op string, attrs ops.Attrs, outs int, in ...*ops.Value) []*ops.Value {
	def, err := ops.Lookup("", op, g.opset)
	if err != nil {
		return nil
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	maps.DeleteFunc(attrs, func(name string, _ any) bool { return !def.HasAttr(g.opset, name) })
	n := &ops.Node{Name: fmt.Sprintf("n%d", len(g.nodes)), Op: op, Opset: g.opset, Attrs: attrs, In: in, Def: def}
	for i := range outs {
		n.Out = append(n.Out, &ops.Value{Name: fmt.Sprintf("%s_%d", n.Name, i), Producer: n})
	}
	if _, err := ops.Expanded(n); err != nil || n.Mistyped != nil {
		return nil
	}
	exact := selects[op]
	for _, v := range in {
		exact = exact && (v == nil || g.exact[v])
	}
	for _, v := range n.Out {
		if v.DType == tensor.Invalid || v.Len() > mostElements {
			return nil
		}
	}
	if evaluateNode(n, g.data) != nil || slices.ContainsFunc(n.Out, func(v *ops.Value) bool { return wild(g.data[v]) }) {
		return nil
	}
	for _, v := range n.Out {
		g.exact[v] = exact || !v.DType.IsFloat()
		if v.Const == nil {
			v.Const = known(n, g.data[v])
		}
	}
	g.nodes, g.values = append(g.nodes, n), append(g.values, n.Out...)
	return n.Out
}

// known is the result t of n if the engine knows it before a run: integers that
// constants decide.
func known(n *ops.Node, t *tensor.Tensor) *tensor.Tensor {
	for _, v := range n.In {
		if v != nil && v.Const == nil {
			return nil
		}
	}
	if t.DType.IsFloat() {
		return nil
	}
	return t
}

// wild reports whether a tensor holds what is not finite, or large.
func wild(t *tensor.Tensor) bool {
	for i := range t.Len() {
		if t.DType.IsFloat() && !(math.Abs(t.Number(i)) <= mostAbs) {
			return true
		}
	}
	return false
}

// one is apply for an operator of one result.
func (g *generator) one(op string, attrs ops.Attrs, in ...*ops.Value) *ops.Value {
	if slices.Contains(in[:min(1, len(in))], nil) {
		return nil
	}
	if out := g.apply(op, attrs, 1, in...); out != nil {
		return out[0]
	}
	return nil
}

// evaluateNode computes a node's results on tensors of their own.
func evaluateNode(n *ops.Node, data map[*ops.Value]*tensor.Tensor) error {
	if n.Def.Expand != nil {
		nodes, err := ops.Expanded(n)
		if err != nil {
			return err
		}
		for _, inner := range nodes {
			if err := evaluateNode(inner, data); err != nil {
				return err
			}
		}
		return nil
	}
	if wide, err := ops.Widen(n); err != nil {
		return err
	} else if len(wide) > 1 {
		for _, inner := range wide {
			if err := evaluateNode(inner, data); err != nil {
				return err
			}
		}
		return nil
	}
	in, out := make([]*tensor.Tensor, len(n.In)), make([]*tensor.Tensor, len(n.Out))
	for i, v := range n.In {
		if v == nil {
			continue
		}
		if in[i] = data[v]; in[i] == nil {
			in[i] = v.Const
		}
	}
	computed := false
	for i, v := range n.Out {
		if v.Const != nil && data[v] == nil {
			data[v] = v.Const
		}
		computed = computed || v.Const == nil
		out[i] = tensor.New(v.DType, v.Shape...)
	}
	switch {
	case !computed:
		return nil
	case n.Def.View:
		out[0] = in[0].Clone().Reshape(n.Out[0].Shape...)
	default:
		var s ops.Scratch
		var fault error
		env := ops.NewEnv(nil, &s, in, out)
		env.Fault = &fault
		run, err := n.Def.Bind(n, env)
		if err != nil {
			return err
		}
		s.Allocate()
		if run(); fault != nil {
			return fault
		}
	}
	for i, v := range n.Out {
		if v.Const == nil {
			data[v] = out[i]
		}
	}
	return nil
}
