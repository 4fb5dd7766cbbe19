package ops

import (
	"slices"
	"strings"

	"memprobe/internal/tensor"
)

// recurrents are networks over sequences, written out step by step.
var recurrents = []Def{
	{Op: "RNN", Since: 7,
		Attributes: "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i; " +
			"14 activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i",
		Weighted: true, Roles: []Role{"", Recurrent, Recurrent, Recurrent, ""}, Fan: hiddenSize(1),
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			return expandRecurrent(b, n, 1, "Tanh")
		}},
	{Op: "GRU", Since: 7,
		Attributes: "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i " +
			"linear_before_reset:i; " +
			"14 activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i " +
			"linear_before_reset:i",
		Weighted: true, Roles: []Role{"", Recurrent, Recurrent, Recurrent, ""}, Fan: hiddenSize(3),
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			return expandRecurrent(b, n, 3, "Sigmoid", "Tanh")
		}},
	{Op: "LSTM", Since: 7,
		Attributes: "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i " +
			"input_forget:i; " +
			"14 activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i " +
			"input_forget:i layout:i",
		Weighted: true, Roles: []Role{"", Recurrent, Recurrent, Recurrent, "", "", "", Recurrent},
		Fan: hiddenSize(4), Expand: func(b *Builder, n *Node) ([]*Value, error) {
			return expandRecurrent(b, n, 4, "Sigmoid", "Tanh", "Tanh")
		}},
}

// hiddenSize is the Fan of a network of so many gates: the operands are [directions,
// gates·hidden, …], biases of both products side by side, and peepholes of three gates.
func hiddenSize(gates int) func(n *Node, arg int, shape []int) int {
	return func(n *Node, arg int, shape []int) int {
		if n.Def.Role(arg) != Recurrent || len(shape) < 2 {
			return 0
		}
		rows := map[int]int{3: 2 * gates, 7: 3}[arg]
		if rows == 0 {
			rows = gates
		}
		return n.Int("hidden_size", shape[1]/rows)
	}
}

// longest is the greatest number of steps that are written out.
const longest = 1 << 12

// recurrent is a resolved RNN, GRU or LSTM, which has gates·hidden numbers a step.
type recurrent struct {
	*Builder
	n                                   *Node
	gates, steps, batch, inputs, hidden int
	directions                          []bool // whether from the last step to the first
	lens                                *Value // [N,1], or nil where all are of full length
	acts                                []activation
}

// activation is one of a recurrent network's, with its parameters.
type activation struct {
	name        string
	alpha, beta float32
}

// recurrentActs are the activations that ONNX lists, with their default parameters.
var recurrentActs = map[string]activation{
	"relu": {"Relu", 0, 0}, "tanh": {"Tanh", 0, 0}, "sigmoid": {"Sigmoid", 0, 0}, "affine": {"Affine", 1, 0},
	"leakyrelu": {"LeakyRelu", 0.01, 0}, "thresholdedrelu": {"ThresholdedRelu", 1, 0}, "scaledtanh": {"ScaledTanh", 1, 1},
	"hardsigmoid": {"HardSigmoid", 0.2, 0.5}, "elu": {"Elu", 1, 0}, "softsign": {"Softsign", 0, 0},
	"softplus": {"Softplus", 0, 0},
}

func expandRecurrent(b *Builder, n *Node, gates int, defaults ...string) ([]*Value, error) {
	r := &recurrent{Builder: b, n: n, gates: gates}
	x, err := r.resolve(defaults)
	if err != nil {
		return nil, err
	}
	var all, last, cells []*Value
	for d := range r.directions {
		y, h, c := r.direction(d, x)
		all, last, cells = append(all, y), append(last, h), append(cells, c)
	}
	if b.Err != nil {
		return nil, b.Err
	}
	y, h := b.concat(1, all...), b.concat(0, last...) // [T,directions,N,H] and [directions,N,H]
	out := []*Value{y, h}
	if n.Op == "LSTM" {
		out = append(out, b.concat(0, cells...))
	}
	if n.Int("layout", 0) == 1 {
		out[0] = b.transpose(out[0], 2, 0, 1, 3)
		for i := range out[1:] {
			out[1+i] = b.transpose(out[1+i], 1, 0, 2)
		}
	}
	return out, b.Err
}

// resolve checks operands and attributes and returns the input as [T,N,I].
func (r *recurrent) resolve(defaults []string) (*Value, error) {
	n := r.n
	most := 6
	if n.Op == "LSTM" {
		most = 8
	}
	if err := n.Want(3, most); err != nil {
		return nil, err
	}
	x, w := n.In[0], n.In[1]
	if len(x.Shape) != 3 || len(w.Shape) != 3 || !x.DType.IsFloat() {
		return nil, n.Errorf("input is %v%v and W has shape %v, want [T,N,I] and [directions,gates·H,I]",
			x.DType, x.Shape, w.Shape)
	}
	switch l := n.Int("layout", 0); l {
	case 0:
	case 1:
		x = r.transpose(x, 1, 0, 2)
	default:
		return nil, n.Errorf("layout is %d, want 0 or 1", l)
	}
	r.steps, r.batch, r.inputs, r.hidden = x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[1]/r.gates
	switch d := n.Str("direction", "forward"); d {
	case "forward":
		r.directions = []bool{false}
	case "reverse":
		r.directions = []bool{true}
	case "bidirectional":
		r.directions = []bool{false, true}
	default:
		return nil, n.Errorf("direction is %q, want forward, reverse or bidirectional", d)
	}
	if r.steps < 1 || r.steps > longest {
		return nil, n.Errorf("has %d steps, want 1 to %d", r.steps, longest)
	}
	if h := n.Int("hidden_size", r.hidden); h != r.hidden {
		return nil, n.Errorf("hidden_size is %d, and W of shape %v has %d", h, w.Shape, r.hidden)
	}
	ways, g, h := len(r.directions), r.gates*r.hidden, r.hidden
	state := []int{ways, r.batch, h}
	if n.Int("layout", 0) == 1 {
		state = []int{r.batch, ways, h}
	}
	for i, want := range [][]int{1: {ways, g, r.inputs}, 2: {ways, g, h}, 3: {ways, 2 * g}, 4: {r.batch}, 5: state,
		6: state, 7: {ways, 3 * h}} {
		if v := n.Input(i); want != nil && v != nil && (!slices.Equal(v.Shape, want) || v.DType != x.DType && i != 4) {
			return nil, n.Errorf("input %d is %v%v, want %v", i, v.DType, v.Shape, want)
		}
	}
	if lens := n.Input(4); lens != nil {
		r.lens = r.Reshape(r.cast(lens, tensor.Int64), []int{r.batch, 1})
	}
	return x, r.activations(defaults)
}

// activations reads those of all directions; parameters go to the activations that
// have some, in their order.
func (r *recurrent) activations(defaults []string) error {
	names := attr[[]string](r.n, "activations", nil)
	if names == nil {
		names = slices.Repeat(defaults, len(r.directions))
	}
	if len(names) != len(defaults)*len(r.directions) {
		return r.n.Errorf("has %d activations, want %d", len(names), len(defaults)*len(r.directions))
	}
	alphas, betas := r.n.floats("activation_alpha"), r.n.floats("activation_beta")
	for _, name := range names {
		a, ok := recurrentActs[strings.ToLower(name)]
		if !ok {
			return r.n.Errorf("activation %q is not one of ONNX's", name)
		}
		if a.alpha != 0 && len(alphas) > 0 {
			a.alpha, alphas = alphas[0], alphas[1:]
		}
		if (a.beta != 0 || a.name == "Affine") && len(betas) > 0 {
			a.beta, betas = betas[0], betas[1:]
		}
		r.acts = append(r.acts, a)
	}
	return nil
}

// act applies activation i of direction d to x, which is clipped first.
func (r *recurrent) act(d, i int, x *Value) *Value {
	if c := r.n.Float("clip", 0); c > 0 && x != nil {
		x = r.Op("Clip", nil, x, r.Scalar(x, float64(-c)), r.Scalar(x, float64(c)))
	}
	return r.squash(d, i, x)
}

// squash is act without the clipping.
func (r *recurrent) squash(d, i int, x *Value) *Value {
	a := r.acts[d*len(r.acts)/len(r.directions)+i]
	if x == nil {
		return nil
	}
	switch a.name {
	case "Affine":
		return r.Op("Add", nil, r.times(x, float64(a.alpha)), r.Scalar(x, float64(a.beta)))
	case "ScaledTanh":
		return r.times(r.Op("Tanh", nil, r.times(x, float64(a.beta))), float64(a.alpha))
	case "HardSigmoid":
		return r.Op(a.name, Attrs{"alpha": a.alpha, "beta": a.beta}, x)
	case "LeakyRelu", "ThresholdedRelu", "Elu":
		return r.Op(a.name, Attrs{"alpha": a.alpha}, x)
	}
	return r.Op(a.name, nil, x)
}

// of is what operand i holds for direction d, in the given shape; nil where absent.
func (r *recurrent) of(i, d int, shape ...int) *Value {
	v := r.n.Input(i)
	if v == nil {
		return nil
	}
	axis := 0
	if r.n.Int("layout", 0) == 1 && (i == 5 || i == 6) {
		axis = 1
	}
	return r.Reshape(r.slice(v, axis, d, d+1), shape)
}

// state is the initial h or c.
func (r *recurrent) state(i, d int) *Value {
	if v := r.of(i, d, r.batch, r.hidden); v != nil {
		return v
	}
	return r.Const(tensor.New(r.n.In[0].DType, r.batch, r.hidden))
}

// gate is the part of v [N,gates·H], or [gates·H], that is for gate i.
func (r *recurrent) gate(v *Value, i int) *Value {
	if v == nil {
		return nil
	}
	return r.slice(v, len(v.Shape)-1, i*r.hidden, (i+1)*r.hidden)
}

func (r *recurrent) add(a, c *Value) *Value {
	if c == nil {
		return a
	}
	return r.Op("Add", nil, a, c)
}

// weights are those of a direction: what the inputs contribute to each step
// [T,N,gates·H], the weights of the state [H,gates·H], its bias apart, and the
// peepholes.
type weights struct {
	d                   int
	fromInput, r, rBias *Value
	peep                [3]*Value
}

// direction runs the steps of direction d; y is [T,1,N,H], h and c are [1,N,H].
func (r *recurrent) direction(d int, x *Value) (y, last, cell *Value) {
	g := r.gates * r.hidden
	w := &weights{d: d, r: r.transpose(r.of(2, d, g, r.hidden), 1, 0)}
	w.fromInput = r.Op("MatMul", nil, x, r.transpose(r.of(1, d, g, r.inputs), 1, 0))
	if bias := r.of(3, d, 2*g); bias != nil {
		w.fromInput, w.rBias = r.add(w.fromInput, r.slice(bias, 0, 0, g)), r.slice(bias, 0, g, 2*g)
	}
	if p := r.of(7, d, 3*r.hidden); p != nil {
		for i := range w.peep {
			w.peep[i] = r.gate(p, i)
		}
	}
	h, c := r.state(5, d), (*Value)(nil)
	if r.n.Op == "LSTM" {
		c = r.state(6, d)
	}
	out := make([]*Value, r.steps)
	for i := range r.steps {
		t := i
		if r.directions[d] {
			t = r.steps - 1 - i
		}
		xt := r.Reshape(r.slice(w.fromInput, 0, t, t+1), []int{r.batch, g})
		h1, c1 := r.step(w, xt, h, c)
		y := h1
		if r.lens != nil {
			within := r.Op("Less", nil, r.Ints(t), r.lens)
			y = r.Op("Where", nil, within, h1, r.Scalar(h, 0))
			if h1 = r.Op("Where", nil, within, h1, h); c1 != nil {
				c1 = r.Op("Where", nil, within, c1, c)
			}
		}
		h, c = h1, c1
		if r.Err != nil {
			return nil, nil, nil
		}
		out[t] = r.Reshape(y, []int{1, 1, r.batch, r.hidden})
	}
	state := []int{1, r.batch, r.hidden}
	return r.concat(0, out...), r.Reshape(h, state), r.Reshape(c, state)
}

// step is one of the network:
//
//	RNN   h' = f(x + h·R)
//	GRU   z, r = f(x + h·R),  h' = (1−z)∘g(x + (r∘h)·R) + z∘h,  or with linear_before_reset g(x + r∘(h·R))
//	LSTM  i, o, f = f(x + h·R + p∘c),  c' = f∘c + i∘g(x + h·R),  h' = o∘h(c')
//
// where x are the contributions of the inputs. Reference: Elman 1990; Cho et al. 2014;
// Hochreiter and Schmidhuber 1997.
func (r *recurrent) step(w *weights, x, h, c *Value) (h1, c1 *Value) {
	if r.n.Op == "GRU" {
		return r.stepGRU(w, x, h), nil
	}
	sum := r.add(r.add(x, w.rBias), r.Op("MatMul", nil, h, w.r))
	if r.n.Op == "RNN" {
		return r.act(w.d, 0, sum), nil
	}
	peep := func(i, gate int, cell *Value) *Value {
		v := r.gate(sum, gate)
		if w.peep[i] != nil {
			v = r.add(v, r.Op("Mul", nil, w.peep[i], cell))
		}
		return r.act(w.d, 0, v)
	}
	in := peep(0, 0, c)
	forget := peep(2, 2, c)
	if r.n.Int("input_forget", 0) != 0 && in != nil {
		forget = r.Op("Sub", nil, r.Scalar(in, 1), in)
	}
	c1 = r.add(r.Op("Mul", nil, forget, c), r.Op("Mul", nil, in, r.act(w.d, 1, r.gate(sum, 3))))
	return r.Op("Mul", nil, peep(1, 1, c1), r.squash(w.d, 2, c1)), c1
}

func (r *recurrent) stepGRU(w *weights, x, h *Value) *Value {
	two := func(v *Value) *Value { // of the gates z and r
		if v == nil {
			return nil
		}
		return r.slice(v, len(v.Shape)-1, 0, 2*r.hidden)
	}
	gates := r.act(w.d, 0, r.add(r.add(two(x), two(w.rBias)), r.Op("MatMul", nil, h, two(w.r))))
	if gates == nil {
		return nil
	}
	z, reset := r.gate(gates, 0), r.gate(gates, 1)
	var from *Value
	if r.n.Int("linear_before_reset", 0) != 0 {
		from = r.Op("Mul", nil, reset, r.add(r.Op("MatMul", nil, h, r.gate(w.r, 2)), r.gate(w.rBias, 2)))
	} else {
		from = r.add(r.Op("MatMul", nil, r.Op("Mul", nil, reset, h), r.gate(w.r, 2)), r.gate(w.rBias, 2))
	}
	fresh := r.act(w.d, 1, r.add(r.gate(x, 2), from))
	if fresh == nil {
		return nil
	}
	return r.add(r.Op("Mul", nil, r.Op("Sub", nil, r.Scalar(z, 1), z), fresh), r.Op("Mul", nil, z, h))
}
