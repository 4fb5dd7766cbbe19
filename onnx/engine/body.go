package engine

import (
	"context"
	"fmt"
	"maps"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// maxTurns bounds how often one run may run bodies of loops, those within others too.
const maxTurns = 1 << 16

// compileTurns is what it costs of these to compile a body for the shapes of a turn: a body
// that has others in every turn would take minutes for turns that are short else.
const compileTurns = 1 << 6

// Body is a graph that an operation repeats, as an attribute. Its outputs are those
// that were marked.
type Body struct {
	Graph  *Graph
	Inputs []string
	// Captures are tensors around the operation that the body reads: its graph has a
	// node of that name without a value.
	Captures []*Node
	// Types are the types and shapes that its outputs are said to have, open sizes
	// being 0; of type Invalid where nothing is said.
	Types []tensor.Tensor
}

// turner runs a body for one step.
type turner struct {
	*Body
	plans plans
	reads []*Node // captured tensors that are not constant
	given map[string]ops.Data
	ctx   context.Context
	turns *int
}

// turner prepares to run a body of a step of which captured are the tensors that it
// reads. Constants among them become constants of its graph.
func (b *Body) turner(o *Options, open *open, captured []*Node, turns *int) *turner {
	own := Options{Pool: o.Pool, Double: o.Double, constants: map[string]*tensor.Tensor{}, turns: turns}
	for _, n := range b.Graph.outputs {
		own.Outputs = append(own.Outputs, n.name)
	}
	t := &turner{Body: b, given: map[string]ops.Data{}, turns: turns}
	for _, n := range captured {
		if c := open.constant(n); c != nil {
			own.constants[n.name] = c
		} else {
			t.reads = append(t.reads, n)
		}
	}
	t.plans = plans{graph: b.Graph, options: own}
	return t
}

// Inputs implements ops.Body.
func (t *turner) Inputs() int { return len(t.Body.Inputs) }

// Outputs implements ops.Body.
func (t *turner) Outputs() int { return len(t.plans.options.Outputs) }

// Declared implements ops.Body.
func (t *turner) Declared(i int) (tensor.DType, []int) {
	if i >= len(t.Types) {
		return tensor.Invalid, nil
	}
	return t.plans.options.float(t.Types[i].DType), t.Types[i].Shape
}

// Run implements ops.Body.
func (t *turner) Run(in []ops.Data) ([]ops.Data, error) {
	if *t.turns++; *t.turns > maxTurns {
		return nil, fmt.Errorf("the loops of the graph make more than %d turns in a run, or more than %d with new shapes",
			maxTurns, maxTurns/compileTurns)
	}
	given := maps.Clone(t.given)
	for i, name := range t.Body.Inputs {
		if given[name] = in[i]; in[i] == nil {
			given[name] = ops.Nothing{}
		}
	}
	before := t.plans.made
	s, err := t.plans.run(t.ctx, given, nil)
	if *t.turns += compileTurns * (t.plans.made - before); err != nil {
		return nil, err
	}
	out := make([]ops.Data, len(t.plans.options.Outputs))
	for i, name := range t.plans.options.Outputs {
		if out[i] = Value(s, name); out[i] == nil {
			return nil, fmt.Errorf("a body's output %q is not computed", name)
		}
		if x, ok := out[i].(*tensor.Tensor); ok { // the next turn writes to its memory
			if err := memory.Need("the results of a loop", int64(len(x.Bytes()))); err != nil {
				return nil, err
			}
			out[i] = x.Clone()
		}
	}
	return out, nil
}
