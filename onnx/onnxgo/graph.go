// Package onnxgo lets programs that are written for github.com/owulveryck/onnx-go run on
// memprobe's engine: its Graph is an onnx-go Backend and ComputationBackend.
//
//	backend := onnxgo.NewGraph()
//	model := onnx.NewModel(backend) // onnx-go's
//
// Tensors are gorgonia's, copied in and out. onnx-go's decoder does not say which version of
// the operators a model is of; they are read as engine.LegacyOpset.
package onnxgo

import (
	"context"
	"fmt"
	"slices"

	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	gtensor "gorgonia.org/tensor"

	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
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
	nodes  []*Node
	calls  []call
	sealed bool // an operation was applied: what is set from now on is input
}

// call is an operation applied to the operands of its results.
type call struct {
	op    string
	attrs ops.Attrs
	outs  []*Node
}

// Node is a tensor of a graph. It satisfies onnx-go's Namer and DataCarrier.
type Node struct {
	id    int64
	name  string
	graph *Graph
	op    string  // that computes it; "" for an input or a constant
	args  []*Node // its operands

	value *tensor.Tensor
	input bool // set after the graph was built, so not constant
}

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{} }

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

// NewNode implements graph.NodeAdder. The node is not yet in the graph.
func (g *Graph) NewNode() graph.Node { return &Node{id: int64(len(g.nodes)), graph: g} }

// AddNode implements graph.NodeAdder. It panics if the ID is taken, as the
// interface demands.
func (g *Graph) AddNode(n graph.Node) {
	v, ok := n.(*Node)
	if !ok || v.id != int64(len(g.nodes)) {
		panic(fmt.Sprintf("onnxgo: AddNode of node %d, which NewNode did not just make", n.ID()))
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
	if len(outs) == 0 {
		return fmt.Errorf("operator %s has no output", op.Name)
	}
	c := call{op: op.Name, attrs: attrs}
	for _, o := range outs {
		n := o.(*Node)
		if n.op != "" {
			return fmt.Errorf("tensor %q is computed by two operations: %s and %s", n.name, n.op, op.Name)
		}
		n.op = op.Name
		c.outs = append(c.outs, n)
	}
	g.calls, g.sealed = append(g.calls, c), true
	return nil
}

// Run implements onnx-go's ComputationBackend: it computes every tensor that an
// operation yields and nothing consumes, from the tensors set on the nodes.
func (g *Graph) Run() error {
	inner, o, err := g.build()
	if err != nil {
		return err
	}
	s, err := inner.Compile(o)
	if err != nil {
		return err
	}
	if err := s.Run(context.Background(), nil); err != nil {
		return err
	}
	for _, n := range g.nodes {
		if n.op == "" || !slices.Contains(o.Outputs, n.name) {
			continue
		}
		out := s.Output(n.name)
		if out == nil {
			return fmt.Errorf("tensor %q was not computed", n.name)
		}
		n.value = out.Clone()
	}
	return nil
}

// build returns the graph as the engine has it, and what a run of it is given and yields.
func (g *Graph) build() (*engine.Graph, engine.Options, error) {
	inner, of := engine.NewGraph(), map[*Node]*engine.Node{}
	o := engine.Options{Inputs: map[string]*tensor.Tensor{}, Outputs: []string{}}
	used := map[*Node]bool{}
	for _, n := range g.nodes {
		of[n] = inner.NewNode(n.name)
		for _, a := range n.args {
			used[a] = true
		}
		switch {
		case n.op == "" && n.input:
			o.Inputs[n.name] = n.value
		case n.op == "" && n.value != nil:
			of[n].SetConstant(n.value, false)
		}
	}
	for _, n := range g.nodes {
		if n.op != "" && n.name != "" && (!used[n] || n.value != nil) {
			o.Outputs = append(o.Outputs, n.name)
		}
	}
	for _, c := range g.calls {
		var operands, results []*engine.Node
		for _, a := range c.outs[0].args {
			if a != nil && a.name == "/input" && a.op == "" && a.value == nil {
				continue // which onnx-go makes up for nodes without inputs
			}
			operands = append(operands, of[a])
		}
		for _, out := range c.outs {
			results = append(results, of[out])
		}
		if err := inner.Apply(engine.Operation{Op: c.op, Attrs: c.attrs, Operands: operands}, results...); err != nil {
			return nil, o, err
		}
	}
	return inner, o, nil
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
