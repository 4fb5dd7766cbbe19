package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// loops are the operators that repeat a graph. How often, and what shapes come of it,
// the data may say, so that they run on whole values.
var loops = []Def{
	{Op: "Loop", Since: 1, Attributes: "body:g!", Eager: loop},
	{Op: "Scan", Since: 8, Attributes: "body:g! directions:I num_scan_inputs:i!", Eager: scanBatches},
	{Op: "Scan", Since: 9,
		Attributes: "body:g! num_scan_inputs:i! scan_input_axes:I scan_input_directions:I scan_output_axes:I " +
			"scan_output_directions:I",
		Eager: scan},
	{Op: "SequenceMap", Since: 17, Attributes: "body:g!", Eager: sequenceMap},
}

// Bodies names the attributes that hold the graphs of operators that repeat one.
var Bodies = map[string]string{"Loop": "body", "Scan": "body", "SequenceMap": "body"}

// body is the graph that n repeats, which must have as many inputs and outputs.
func (n *Node) body(inputs, outputs int) (Body, error) {
	b, ok := n.Attrs[Bodies[n.Op]].(Body)
	if !ok {
		return nil, n.Errorf("has no body")
	}
	if b.Inputs() != inputs || b.Outputs() != outputs {
		return nil, n.Errorf("its body has %d inputs and %d outputs, want %d and %d",
			b.Inputs(), b.Outputs(), inputs, outputs)
	}
	return b, nil
}

// one is operand i, which must have one element of a type; def where it is absent.
func one[T tensor.Element](n *Node, in []Data, i int, what string, def T) (T, error) {
	if i >= len(in) || in[i] == nil {
		return def, nil
	}
	t, ok := in[i].(*tensor.Tensor)
	if !ok || t.DType != tensor.TypeOf[T]() || t.Len() != 1 {
		return def, n.Errorf("%s is not one %v", what, tensor.TypeOf[T]())
	}
	return tensor.Data[T](t)[0], nil
}

// loop runs its body at most M times, as long as the condition holds: on the number of
// the turn, the condition and the carried values, which gives the next condition, the
// next carried values and what is stacked over the turns.
func loop(n *Node, in []Data) ([]Data, error) {
	if len(in) < 2 {
		return nil, n.Errorf("has %d inputs, want at least 2", len(in))
	}
	carried := slices.Clone(in[2:])
	stacks := len(n.Out) - len(carried)
	body, err := n.body(len(in), 1+len(n.Out))
	if err != nil {
		return nil, err
	}
	if stacks < 0 || slices.Contains(carried, nil) {
		return nil, n.Errorf("has %d values to carry and %d outputs", len(carried), len(n.Out))
	}
	most, err := one[int64](n, in, 0, "the number of turns", -1)
	if err != nil {
		return nil, err
	}
	bounded := len(in) > 0 && in[0] != nil
	on, err := one(n, in, 1, "the condition", true)
	if err != nil {
		return nil, err
	}
	collected := make([][]*tensor.Tensor, stacks)
	for turn := int64(0); on && (!bounded || turn < most); turn++ {
		out, err := body.Run(slices.Concat([]Data{tensor.From([]int64{turn}), tensor.From([]bool{on})}, carried))
		if err != nil {
			return nil, err
		}
		if on, err = one(n, out, 0, "the body's condition", true); err != nil {
			return nil, err
		}
		copy(carried, out[1:])
		if err := n.collect(collected, out[1+len(carried):]); err != nil {
			return nil, err
		}
	}
	for i, parts := range collected {
		t, err := n.stackedTurns(body, 1+len(carried)+i, 0, parts)
		if err != nil {
			return nil, err
		}
		carried = append(carried, t)
	}
	return carried, nil
}

// collect appends what a turn yields to what those before did.
func (n *Node) collect(turns [][]*tensor.Tensor, out []Data) error {
	for i := range out {
		t, ok := out[i].(*tensor.Tensor)
		if !ok {
			return n.Errorf("its body yields %s to be stacked, want a tensor", KindOf(out[i]))
		}
		turns[i] = append(turns[i], t)
	}
	return nil
}

// stackedTurns stacks an output of the body over the turns. Where there was none, it
// has the type and shape that the body declares, open sizes being 0.
func (n *Node) stackedTurns(body Body, output, axis int, turns []*tensor.Tensor) (*tensor.Tensor, error) {
	if len(turns) > 0 {
		return n.stacked(axis, turns)
	}
	d, shape := body.Declared(output)
	if d == tensor.Invalid {
		return nil, n.Errorf("it makes no turn, and its body does not say what type output %d has", output)
	}
	axis, err := n.Axis(axis, len(shape)+1)
	if err != nil {
		return nil, err
	}
	return tensor.New(d, slices.Insert(slices.Clone(shape), axis, 0)...), nil
}

// direction is one of a Scan's operands or results: along which axis, and from which end.
type direction struct {
	axis    int
	reverse bool
}

// directions reads the attributes of the count operands or results of a Scan.
func (n *Node) directions(count int, axes, ways string) ([]direction, error) {
	axis, way := n.Ints(axes, make([]int, count)), n.Ints(ways, make([]int, count))
	if len(axis) != count || len(way) != count {
		return nil, n.Errorf("%s and %s have %d and %d values, want %d", axes, ways, len(axis), len(way), count)
	}
	out := make([]direction, count)
	for i := range out {
		out[i] = direction{axis[i], way[i] != 0}
	}
	return out, nil
}

// scan runs its body on the carried values and the slabs of the other operands, one
// after the other, and stacks what it yields besides the next carried values.
func scan(n *Node, in []Data) ([]Data, error) {
	scanned := n.Int("num_scan_inputs", 0)
	carried := len(in) - scanned
	if scanned < 1 || carried < 0 || carried > len(n.Out) {
		return nil, n.Errorf("num_scan_inputs is %d for %d inputs and %d outputs", scanned, len(in), len(n.Out))
	}
	from, err := n.directions(scanned, "scan_input_axes", "scan_input_directions")
	if err != nil {
		return nil, err
	}
	to, err := n.directions(len(n.Out)-carried, "scan_output_axes", "scan_output_directions")
	if err != nil {
		return nil, err
	}
	return n.scan(in, carried, from, to)
}

func (n *Node) scan(in []Data, carried int, from, to []direction) ([]Data, error) {
	body, err := n.body(len(in), carried+len(to))
	if err != nil {
		return nil, err
	}
	state, turns := slices.Clone(in[:carried]), 0
	for i := range from {
		t, err := n.tensorAt(in, carried+i)
		if err != nil {
			return nil, err
		}
		if from[i].axis, err = n.Axis(from[i].axis, len(t.Shape)); err != nil {
			return nil, err
		}
		if size := t.Shape[from[i].axis]; i == 0 {
			turns = size
		} else if size != turns {
			return nil, n.Errorf("its inputs have %d and %d slabs", turns, size)
		}
	}
	collected := make([][]*tensor.Tensor, len(to))
	for turn := range turns {
		args := slices.Clone(state)
		for i, d := range from {
			at := turn
			if d.reverse {
				at = turns - 1 - turn
			}
			slab, err := n.slab(in[carried+i].(*tensor.Tensor), d.axis, at)
			if err != nil {
				return nil, err
			}
			args = append(args, slab)
		}
		out, err := body.Run(args)
		if err != nil {
			return nil, err
		}
		copy(state, out)
		if err := n.collect(collected, out[carried:]); err != nil {
			return nil, err
		}
	}
	for i, parts := range collected {
		if to[i].reverse {
			slices.Reverse(parts)
		}
		t, err := n.stackedTurns(body, carried+i, to[i].axis, parts)
		if err != nil {
			return nil, err
		}
		state = append(state, t)
	}
	return state, nil
}

// scanBatches is Scan of opset 8: a scan for each index of a first axis, the batch.
func scanBatches(n *Node, in []Data) ([]Data, error) {
	if len(in) == 0 || in[0] != nil {
		return nil, n.Errorf("sequence_lens is not supported")
	}
	in = in[1:]
	scanned := n.Int("num_scan_inputs", 0)
	carried := len(in) - scanned
	if scanned < 1 || carried < 0 || carried > len(n.Out) {
		return nil, n.Errorf("num_scan_inputs is %d for %d inputs and %d outputs", scanned, len(in), len(n.Out))
	}
	batch := -1
	for i := range in {
		t, err := n.tensorAt(in, i)
		if err != nil {
			return nil, err
		}
		if len(t.Shape) == 0 || batch >= 0 && t.Shape[0] != batch {
			return nil, n.Errorf("input %d has shape %v, want a batch of %d", 1+i, t.Shape, batch)
		}
		batch = t.Shape[0]
	}
	if batch == 0 {
		return nil, n.Errorf("its batch is empty")
	}
	from, err := n.directions(scanned, "", "directions")
	if err != nil {
		return nil, err
	}
	all := make([][]*tensor.Tensor, len(n.Out))
	for b := range batch {
		args := make([]Data, len(in))
		for i := range in {
			if args[i], err = n.slab(in[i].(*tensor.Tensor), 0, b); err != nil {
				return nil, err
			}
		}
		out, err := n.scan(args, carried, slices.Clone(from), make([]direction, len(n.Out)-carried))
		if err != nil {
			return nil, err
		}
		if err := n.collect(all, out); err != nil {
			return nil, err
		}
	}
	out := make([]Data, len(all))
	for i, parts := range all {
		if out[i], err = n.stacked(0, parts); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sequenceMap runs its body on the tensors of a sequence, one after the other, each with
// those of further sequences at its place, and with tensors as they are.
func sequenceMap(n *Node, in []Data) ([]Data, error) {
	first, err := n.sequenceAt(in, 0)
	if err != nil {
		return nil, err
	}
	body, err := n.body(len(in), len(n.Out))
	if err != nil {
		return nil, err
	}
	for i, d := range in {
		if s, ok := d.(*Sequence); ok && len(s.Items) != len(first.Items) {
			return nil, n.Errorf("sequence %d has %d tensors, want %d", i, len(s.Items), len(first.Items))
		}
	}
	collected := make([][]*tensor.Tensor, len(n.Out))
	for turn := range first.Items {
		args := slices.Clone(in)
		for i, d := range args {
			if s, ok := d.(*Sequence); ok {
				args[i] = s.Items[turn]
			}
		}
		out, err := body.Run(args)
		if err != nil {
			return nil, err
		}
		if err := n.collect(collected, out); err != nil {
			return nil, err
		}
	}
	out := make([]Data, len(n.Out))
	for i, items := range collected {
		s := &Sequence{Items: items}
		if s.DType, _ = body.Declared(i); len(items) > 0 {
			s.DType = items[0].DType
		}
		out[i] = s
	}
	return out, nil
}
