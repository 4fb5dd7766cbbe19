package engine

import (
	"fmt"
	"slices"

	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	gtensor "gorgonia.org/tensor"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

var (
	_ backend.ComputationBackend = (*Graph)(nil)
	_ onnx.DataCarrier           = (*Node)(nil)
	_ onnx.Namer                 = (*Node)(nil)
)

// Graph is a graph of tensors joined by operations. A node is a tensor; an edge
// leads from a result to an operand, and its weight is the operand's position.
type Graph struct {
	nodes   []*Node
	calls   []*call
	opsets  map[string]int
	outputs []*Node
	sealed  bool // an operation was applied: what is set from now on is input
}

// call is an operation applied to its operands.
type call struct {
	name, domain, op string
	attrs            ops.Attrs
	outs             []*Node
	guards           []guard
}

// Node is a tensor of a graph. It satisfies onnx-go's Namer and DataCarrier.
type Node struct {
	id    int64
	name  string
	graph *Graph
	call  *call
	args  []*Node // the operands of call, held by its first output

	value *tensor.Tensor
	input bool // set from outside after the graph was built, so not constant
	param bool
}

// LegacyOpset is the version of the standard operators that a graph has when its
// decoder does not say, as onnx-go's does not.
const LegacyOpset = 10

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{opsets: map[string]int{"": LegacyOpset}} }

// SetOpset sets the version of a domain's operators ("" is ai.onnx).
func (g *Graph) SetOpset(domain string, version int) {
	if domain == "ai.onnx" {
		domain = ""
	}
	g.opsets[domain] = version
}

// ID implements graph.Node.
func (n *Node) ID() int64 { return n.id }

// SetName names the tensor; the empty name stands for an absent operand.
func (n *Node) SetName(name string) { n.name = name }

// GetName returns the tensor's name.
func (n *Node) GetName() string { return n.name }

// SetTensor gives the node its elements. Before the first operation is applied
// they are a constant of the graph, afterwards an input of the next Run.
func (n *Node) SetTensor(t gtensor.Tensor) error {
	v, err := fromGorgonia(t)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", n.name, err)
	}
	n.value = v
	if n.graph.sealed {
		n.input = true
	}
	return nil
}

// GetTensor returns the node's elements: what was set, or computed by Run.
func (n *Node) GetTensor() gtensor.Tensor { return toGorgonia(n.value) }

// SetConstant makes the node a constant of the graph. Training may change a
// parameter, so it is never folded into other constants there.
func (n *Node) SetConstant(t *tensor.Tensor, param bool) { n.value, n.param = t, param }

// MarkOutput makes the node a result of the graph.
func (g *Graph) MarkOutput(n *Node) { g.outputs = append(g.outputs, n) }

// NewNode implements graph.NodeAdder. The node is not yet in the graph.
func (g *Graph) NewNode() graph.Node { return &Node{id: int64(len(g.nodes)), graph: g} }

// AddNode implements graph.NodeAdder. It panics if the ID is taken, as the
// interface demands.
func (g *Graph) AddNode(n graph.Node) {
	v, ok := n.(*Node)
	if !ok || v.id != int64(len(g.nodes)) {
		panic(fmt.Sprintf("engine: AddNode of node %d, which NewNode did not just make", n.ID()))
	}
	g.nodes = append(g.nodes, v)
}

// NewWeightedEdge implements graph.WeightedEdgeAdder.
func (g *Graph) NewWeightedEdge(from, to graph.Node, w float64) graph.WeightedEdge {
	return edge{from.(*Node), to.(*Node), w}
}

// SetWeightedEdge makes the edge's target operand number Weight of its source.
// The same tensor may be several operands of one operation.
func (g *Graph) SetWeightedEdge(e graph.WeightedEdge) {
	from, to, i := e.From().(*Node), e.To().(*Node), int(e.Weight())
	for len(from.args) <= i {
		from.args = append(from.args, nil)
	}
	from.args[i] = to
}

// ApplyOperation says which operation computes the outputs from the operands
// that edges joined to them.
func (g *Graph) ApplyOperation(op onnx.Operation, outs ...graph.Node) error {
	attrs := ops.Attrs{}
	for name, v := range op.Attributes {
		switch v := v.(type) {
		case int64, float32, string, []int64, []float32, []string, *tensor.Tensor:
			attrs[name] = v
		case gtensor.Tensor:
			t, err := fromGorgonia(v)
			if err != nil {
				return fmt.Errorf("operator %s: attribute %s: %w", op.Name, name, err)
			}
			attrs[name] = t
		case struct{}: // onnx-go's mark of an attribute without a type
		default:
			return fmt.Errorf("operator %s: attribute %s has unsupported type %T", op.Name, name, v)
		}
	}
	c := &call{op: op.Name, attrs: attrs}
	for _, o := range outs {
		n := o.(*Node)
		if n.call != nil {
			return fmt.Errorf("tensor %q is computed by two operations: %s and %s", n.name, n.call.op, op.Name)
		}
		n.call = c
		c.outs = append(c.outs, n)
	}
	if len(c.outs) == 0 {
		return fmt.Errorf("operator %s has no output", op.Name)
	}
	g.calls, g.sealed = append(g.calls, c), true
	return nil
}

// Annotate gives the operation that computes n the node name and the domain
// that onnx-go's contract does not carry.
func (g *Graph) Annotate(n *Node, name, domain string) {
	if n.call != nil {
		n.call.name, n.call.domain = name, domain
	}
}

// Guard says that the operation that computes n is of a branch: it is part of the
// program only where the condition, a boolean that the shapes decide, has the value
// want. An If of the internal domain chooses between the results of two branches.
func (g *Graph) Guard(n, condition *Node, want bool) {
	if n.call != nil {
		n.call.guards = append(n.call.guards, guard{condition, want})
	}
}

// Lookup returns the tensor of the given name, or nil.
func (g *Graph) Lookup(name string) *Node {
	for _, n := range g.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

type edge struct {
	from, to *Node
	w        float64
}

func (e edge) From() graph.Node         { return e.from }
func (e edge) To() graph.Node           { return e.to }
func (e edge) Weight() float64          { return e.w }
func (e edge) ReversedEdge() graph.Edge { return edge{e.to, e.from, e.w} }

// Node implements graph.Graph.
func (g *Graph) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(g.nodes)) {
		return nil
	}
	return g.nodes[id]
}

// Nodes implements graph.Graph.
func (g *Graph) Nodes() graph.Nodes { return nodes(g.nodes) }

// From returns the operands of a tensor's operation.
func (g *Graph) From(id int64) graph.Nodes { return nodes(distinct(g.nodes[id].args)) }

// To returns the tensors that have the given one as operand.
func (g *Graph) To(id int64) graph.Nodes {
	var out []*Node
	for _, n := range g.nodes {
		if slices.Contains(n.args, g.nodes[id]) {
			out = append(out, n)
		}
	}
	return nodes(out)
}

// HasEdgeBetween implements graph.Graph.
func (g *Graph) HasEdgeBetween(x, y int64) bool {
	return g.HasEdgeFromTo(x, y) || g.HasEdgeFromTo(y, x)
}

// HasEdgeFromTo implements graph.Directed.
func (g *Graph) HasEdgeFromTo(u, v int64) bool { return g.Edge(u, v) != nil }

// Edge implements graph.Graph.
func (g *Graph) Edge(u, v int64) graph.Edge {
	if e := g.WeightedEdge(u, v); e != nil {
		return e
	}
	return nil
}

// WeightedEdge returns the first edge from u to v.
func (g *Graph) WeightedEdge(u, v int64) graph.WeightedEdge {
	from, ok := g.Node(u).(*Node)
	if !ok {
		return nil
	}
	for i, a := range from.args {
		if a != nil && a.id == v {
			return edge{from, a, float64(i)}
		}
	}
	return nil
}

func nodes(ns []*Node) graph.Nodes {
	if len(ns) == 0 {
		return graph.Empty
	}
	out := make([]graph.Node, len(ns))
	for i, n := range ns {
		out[i] = n
	}
	return iterator.NewOrderedNodes(out)
}

func distinct(ns []*Node) []*Node {
	var out []*Node
	for _, n := range ns {
		if n != nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
