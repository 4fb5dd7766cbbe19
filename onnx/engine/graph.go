package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Graph is a graph of tensors joined by operations.
type Graph struct {
	nodes   []*Node
	calls   []*call
	opsets  map[string]int
	outputs []*Node
	// channels is block, of a part of a graph; 0 for a graph that is whole.
	channels int64
	until    context.Context // ends what is computed of the graph; nil: nothing does
}

// Node is a tensor of a graph.
type Node struct {
	name  string
	call  *call // that computes it; nil for an input or a constant
	value *tensor.Tensor
	param bool
}

// Operation is an operator applied to operands.
type Operation struct {
	Name       string // of the node; "": that of its first result
	Domain, Op string
	Attrs      ops.Attrs
	Operands   []*Node // nil, or a node without a name, for one that is left out
	Bodies     map[string]*Body
}

// call is an operation of a graph.
type call struct {
	name, domain, op string
	attrs            ops.Attrs
	args, outs       []*Node
	guards           []guard
	bodies           map[string]*Body
	captured         int // how many of args, the last, its bodies read
}

// LegacyOpset is the version of the standard operators of a graph that is not told one.
const LegacyOpset = 10

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{opsets: map[string]int{"": LegacyOpset}} }

// Until has what is computed of the graph from then on, its constants and its plans,
// end with ctx: the error is then ctx's.
func (g *Graph) Until(ctx context.Context) { g.until = ctx }

// ended is the error of the context that Until gave.
func ended(until context.Context) error {
	if until == nil {
		return nil
	}
	return until.Err()
}

// stop is closed once what is computed of the graph is to end; nil never is.
func (g *Graph) stop() <-chan struct{} {
	if g.until == nil {
		return nil
	}
	return g.until.Done()
}

// SetOpset sets the version of a domain's operators ("" is ai.onnx).
func (g *Graph) SetOpset(domain string, version int) {
	if domain == "ai.onnx" {
		domain = ""
	}
	g.opsets[domain] = version
}

// NewNode adds a tensor; the empty name stands for an operand or result that is left out.
func (g *Graph) NewNode(name string) *Node {
	n := &Node{name: name}
	g.nodes = append(g.nodes, n)
	return n
}

// SetConstant makes the node a constant of the graph. Training may change a
// parameter, so it is never folded into other constants there.
func (n *Node) SetConstant(t *tensor.Tensor, param bool) { n.value, n.param = t, param }

// MarkOutput makes the node a result of the graph.
func (g *Graph) MarkOutput(n *Node) { g.outputs = append(g.outputs, n) }

// Apply says which operation computes the results, of which there is at least one.
func (g *Graph) Apply(o Operation, results ...*Node) error {
	if len(results) == 0 {
		return fmt.Errorf("operator %s has no output", o.Op)
	}
	c := &call{name: o.Name, domain: o.Domain, op: o.Op, attrs: o.Attrs, args: slices.Clone(o.Operands), outs: results,
		bodies: o.Bodies}
	for _, name := range slices.Sorted(maps.Keys(o.Bodies)) {
		c.args = append(c.args, o.Bodies[name].Captures...)
		c.captured += len(o.Bodies[name].Captures)
	}
	for _, n := range results {
		if n.call != nil {
			return fmt.Errorf("tensor %q is computed by two operations: %s and %s", n.name, n.call.op, o.Op)
		}
		n.call = c
	}
	g.calls = append(g.calls, c)
	return nil
}

// Guard says that the operation that computes n is of a branch: it is part of the
// program only where the condition, a boolean that the shapes decide, has the value
// want. An If of the internal domain chooses between the results of two branches.
func (g *Graph) Guard(n, condition *Node, want bool) {
	if n.call != nil {
		n.call.guards = append(n.call.guards, guard{condition, want})
	}
}
