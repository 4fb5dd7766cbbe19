package ops

import (
	"slices"
	"strings"

	"memprobe/internal/tensor"
)

// einsums are products that an equation describes. They are written out in
// transpositions, sums and matrix products, which have kernels and gradients.
var einsums = []Def{{Op: "Einsum", Since: 12, Attributes: "equation:s!",
	Weighted: true, Roles: []Role{Matrix}, Fan: summed, Infer: inferEinsum,
	Expand: expandEinsum}}

// summed is the product of the axes of operand number arg that the result lacks.
func summed(n *Node, arg int, shape []int) int {
	terms, result, _ := strings.Cut(strings.ReplaceAll(n.Str("equation", ""), " ", ""), "->")
	operands := strings.Split(terms, ",")
	if arg >= len(operands) || len(operands[arg]) != len(shape) {
		return 0
	}
	fan := 1
	for i, letter := range operands[arg] {
		if !strings.ContainsRune(result, letter) {
			fan *= shape[i]
		}
	}
	return fan
}

// label names an axis of an equation: a letter, or -1, -2, … for those of an
// ellipsis from the last to the first.
type label int

// einsum is a resolved equation.
type einsum struct {
	in   [][]label // of each operand's axes
	out  []label
	size map[label]int
}

// einsum resolves the equation by numpy's rules. Without an arrow the result has
// the axes of the ellipsis and then, sorted, the letters that occur once.
func (n *Node) einsum() (*einsum, error) {
	if err := n.Want(len(n.In), len(n.In)); err != nil {
		return nil, err
	}
	equation := strings.ReplaceAll(n.Str("equation", ""), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(n.In) || len(n.In) == 0 {
		return nil, n.Errorf("equation %q has %d terms for %d inputs", equation, len(terms), len(n.In))
	}
	e := &einsum{size: map[label]int{}}
	dots, count := 0, map[label]int{}
	for i, term := range terms {
		shape := n.In[i].Shape
		hidden := len(shape) - len(strings.ReplaceAll(term, "...", ""))
		axes, ok := labels(term, hidden)
		if !ok || len(axes) != len(shape) {
			return nil, n.Errorf("term %q of equation %q does not fit shape %v", term, equation, shape)
		}
		for d, l := range axes {
			switch have, known := e.size[l]; {
			case !known || l < 0 && have == 1:
				e.size[l] = shape[d]
			case have != shape[d] && (l > 0 || shape[d] != 1):
				return nil, n.Errorf("equation %q gives an axis the sizes %d and %d", equation, have, shape[d])
			}
			count[l]++
			dots = max(dots, -int(l))
		}
		e.in = append(e.in, axes)
	}
	if !explicit {
		right = "..."
		for l := label('A'); l <= 'z'; l++ {
			if count[l] == 1 {
				right += string(rune(l))
			}
		}
	}
	var ok bool
	if e.out, ok = labels(right, dots); !ok {
		return nil, n.Errorf("equation %q: its result %q is not one", equation, right)
	}
	for i, l := range e.out {
		if count[l] == 0 || slices.Contains(e.out[:i], l) {
			return nil, n.Errorf("equation %q: an axis of its result is not one of an operand's, or is there twice", equation)
		}
	}
	return e, n.sameFloat()
}

// labels reads a term whose ellipsis, if it has one, stands for dots axes.
func labels(term string, dots int) (axes []label, ok bool) {
	before, after, ellipsis := strings.Cut(term, "...")
	for i, c := range before + after {
		if i == len(before) && ellipsis {
			axes = ellipsisOf(axes, dots)
		}
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return nil, false
		}
		axes = append(axes, label(c))
	}
	if ellipsis && after == "" {
		axes = ellipsisOf(axes, dots)
	}
	return axes, true
}

func ellipsisOf(axes []label, dots int) []label {
	for d := dots; d > 0; d-- {
		axes = append(axes, label(-d))
	}
	return axes
}

func (e *einsum) shape(axes []label) []int {
	shape := make([]int, len(axes))
	for i, l := range axes {
		shape[i] = e.size[l]
	}
	return shape
}

func inferEinsum(n *Node) error {
	e, err := n.einsum()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, e.shape(e.out))
}

// term is a tensor and the labels of its axes.
type term struct {
	*Value
	axes []label
}

// expandEinsum multiplies the operands from left to right.
func expandEinsum(b *Builder, n *Node) ([]*Value, error) {
	e, err := n.einsum()
	if err != nil {
		return nil, err
	}
	var product term
	for i, v := range n.In {
		next := e.diagonal(b, e.stretch(b, term{v, e.in[i]}))
		needed := slices.Concat(append(slices.Clone(e.in[i+1:]), e.out)...)
		if i == 0 {
			product = next
		} else {
			product = e.multiply(b, product, next, needed)
		}
		product = e.sum(b, product, needed)
	}
	return []*Value{e.arrange(b, product, e.out).Value}, b.Err
}

// stretch repeats the axes of an ellipsis along which t is broadcast.
func (e *einsum) stretch(b *Builder, t term) term {
	if shape := e.shape(t.axes); !slices.Equal(shape, t.Shape) {
		t.Value = b.Op("Expand", nil, t.Value, b.Ints(shape...))
	}
	return t
}

// diagonal keeps of two axes of one label the elements where they agree: what is
// beside the diagonal is multiplied by 0, and one axis is summed up.
func (e *einsum) diagonal(b *Builder, t term) term {
	for i := 0; i < len(t.axes) && b.Err == nil; i++ {
		j := i + 1 + slices.Index(t.axes[i+1:], t.axes[i])
		if j == i {
			continue
		}
		size := e.size[t.axes[i]]
		if b.Err = b.need("the diagonal", 12*size*size); b.Err != nil {
			return t
		}
		eye := tensor.New(tensor.Float64, size, size)
		for d, x := 0, eye.F64(); d < size; d++ {
			x[d*size+d] = 1
		}
		eye = converted(eye, t.DType)
		shape := make([]int, len(t.axes))
		for d := range shape {
			shape[d] = 1
		}
		shape[i], shape[j] = size, size
		masked := b.Op("Mul", nil, t.Value, b.Const(eye.Reshape(shape...)))
		t = term{b.Op("ReduceSum", Attrs{"keepdims": int64(0)}, masked, b.Ints(j)),
			slices.Delete(slices.Clone(t.axes), j, j+1)}
		i--
	}
	return t
}

// sum adds up over the axes that are not needed.
func (e *einsum) sum(b *Builder, t term, needed []label) term {
	var gone []int
	var left []label
	for i, l := range t.axes {
		if slices.Contains(needed, l) {
			left = append(left, l)
		} else {
			gone = append(gone, i)
		}
	}
	if gone == nil {
		return t
	}
	return term{b.Op("ReduceSum", Attrs{"keepdims": int64(0)}, t.Value, b.Ints(gone...)), left}
}

// multiply is a stack of matrix products: over the needed axes that x and y
// share, of x's own by y's own, along the shared ones that are not needed.
func (e *einsum) multiply(b *Builder, x, y term, needed []label) term {
	x, y = e.sum(b, x, slices.Concat(needed, y.axes)), e.sum(b, y, slices.Concat(needed, x.axes))
	var batch, rows, inner, cols []label
	for _, l := range x.axes {
		switch {
		case !slices.Contains(y.axes, l):
			rows = append(rows, l)
		case slices.Contains(needed, l):
			batch = append(batch, l)
		default:
			inner = append(inner, l)
		}
	}
	for _, l := range y.axes {
		if !slices.Contains(x.axes, l) {
			cols = append(cols, l)
		}
	}
	size := func(axes []label) int { return tensor.Len(e.shape(axes)) }
	x, y = e.arrange(b, x, slices.Concat(batch, rows, inner)), e.arrange(b, y, slices.Concat(batch, inner, cols))
	product := b.Op("MatMul", nil, b.Reshape(x.Value, []int{size(batch), size(rows), size(inner)}),
		b.Reshape(y.Value, []int{size(batch), size(inner), size(cols)}))
	axes := slices.Concat(batch, rows, cols)
	return term{b.Reshape(product, e.shape(axes)), axes}
}

// arrange puts t's axes in an order.
func (e *einsum) arrange(b *Builder, t term, order []label) term {
	if slices.Equal(t.axes, order) {
		return t
	}
	perm := make([]int, len(order))
	for i, l := range order {
		perm[i] = slices.Index(t.axes, l)
	}
	return term{b.Op("Transpose", Attrs{"perm": int64s(perm)}, t.Value), order}
}
