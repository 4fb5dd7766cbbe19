package ops

import (
	"fmt"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
)

// Newest is the newest opset that the table implements.
const Newest = 28

// Builder appends nodes to a graph under construction, inferring as it goes.
// The first error sticks; later calls return nil values.
type Builder struct {
	Nodes []*Node
	Err   error
	// Prefix names what is built: gradients of node "conv1" are "conv1/grad…".
	Prefix string

	// find is Lookup. Rules of the table are given a Builder, so that a Builder
	// may not refer to the table itself.
	find   func(domain, op string, opset int) (*Def, error)
	serial int
}

// NewBuilder returns a Builder that names its nodes prefix/….
func NewBuilder(prefix string) *Builder { return &Builder{Prefix: prefix, find: Lookup} }

// nodeBytes is about what a node with its values takes.
const nodeBytes = 1 << 10

// need asks for memory that what is built takes.
func (b *Builder) need(what string, bytes int) error {
	return memory.Need(fmt.Sprintf("node %q: %s", show.Name(b.Prefix), what), int64(bytes))
}

// Op appends an operator with one output at its newest version; the internal
// domain is searched first.
func (b *Builder) Op(op string, attrs Attrs, in ...*Value) *Value {
	out := b.OpN(op, attrs, 1, in...)
	if out == nil {
		return nil
	}
	return out[0]
}

// OpN is Op for an operator with several outputs.
func (b *Builder) OpN(op string, attrs Attrs, outs int, in ...*Value) []*Value {
	if b.Err != nil {
		return nil
	}
	domain := Internal
	def, err := b.find(Internal, op, Newest)
	if err != nil {
		domain = ""
		def, err = b.find("", op, Newest)
	}
	if err != nil {
		b.Err = err
		return nil
	}
	if b.Err = b.need("the nodes it stands for", nodeBytes); b.Err != nil {
		return nil
	}
	b.serial++
	n := &Node{Name: fmt.Sprintf("%s/%s_%d", b.Prefix, op, b.serial), Op: op, Domain: domain, Opset: Newest,
		Attrs: attrs, In: in, Def: def}
	for i := range outs {
		n.Out = append(n.Out, &Value{Name: fmt.Sprintf("%s:%d", n.Name, i), Producer: n})
	}
	if def.Infer == nil {
		var values []*Value
		if values, err = def.Expand(b, n); b.Err == nil {
			b.Err = err
		}
		return values
	}
	if err := def.Infer(n); err != nil {
		b.Err = err
		return nil
	}
	b.Nodes = append(b.Nodes, n)
	return n.Out
}

// Const returns a constant value.
func (b *Builder) Const(t *tensor.Tensor) *Value {
	b.serial++
	return &Value{Name: fmt.Sprintf("%s/const_%d", b.Prefix, b.serial), DType: t.DType, Shape: t.Shape, Const: t}
}

// Ints returns a constant int64 vector.
func (b *Builder) Ints(v ...int) *Value {
	t := tensor.New(tensor.Int64, len(v))
	for i, x := range v {
		t.I64()[i] = int64(x)
	}
	return b.Const(t)
}

// Scalar returns a constant of like's element type and rank 0.
func (b *Builder) Scalar(like *Value, x float64) *Value {
	return b.Const(full(like.DType, x))
}

// Sum is a + d, for a d that nothing else reads. An operator that can add to its result does so.
func (b *Builder) Sum(a, d *Value) *Value {
	if b.Err != nil || d == nil {
		return nil
	}
	if n := d.Producer; n != nil && n.Def.Adds > 0 && n.Def.Adds == len(n.In) && slices.Contains(b.Nodes, n) && slices.Equal(a.Shape, d.Shape) {
		n.In = append(slices.Clone(n.In), a)
		return d
	}
	return b.Op("Add", nil, a, d)
}

// SumTo reduces v by summation to a shape that broadcasts to v's: the gradient
// of a broadcast.
func (b *Builder) SumTo(v *Value, shape []int) *Value {
	if v == nil || slices.Equal(v.Shape, shape) {
		return v
	}
	return b.Op("SumTo", Attrs{"shape": int64s(shape)}, v)
}

// Reshape gives v another shape of the same size.
func (b *Builder) Reshape(v *Value, shape []int) *Value {
	if v == nil || slices.Equal(v.Shape, shape) {
		return v
	}
	return b.Op("Reshape", nil, v, b.Ints(shape...))
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// transpose puts the axes of v in another order.
func (b *Builder) transpose(v *Value, perm ...int) *Value {
	return b.Op("Transpose", Attrs{"perm": int64s(perm)}, v)
}

// times multiplies v by a number.
func (b *Builder) times(v *Value, by float64) *Value {
	if v == nil || by == 1 {
		return v
	}
	return b.Op("Mul", nil, v, b.Scalar(v, by))
}

// concat joins values along an axis; absent ones count for nothing.
func (b *Builder) concat(axis int, values ...*Value) *Value {
	values = slices.DeleteFunc(slices.Clone(values), func(v *Value) bool { return v == nil })
	if len(values) == 1 {
		return values[0]
	}
	return b.Op("Concat", Attrs{"axis": int64(axis)}, values...)
}

// slice is v's elements from lo up to hi along an axis.
func (b *Builder) slice(v *Value, axis, lo, hi int) *Value {
	if v == nil || lo == 0 && hi == v.Shape[axis] {
		return v
	}
	return b.Op("Slice", nil, v, b.Ints(lo), b.Ints(hi), b.Ints(axis))
}
