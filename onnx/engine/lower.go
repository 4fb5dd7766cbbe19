package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Problems is every fault found in a graph; its text is one line a fault.
type Problems []error

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, e := range p {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As see each fault.
func (p Problems) Unwrap() []error { return p }

// program is a graph in the compiler's form: nodes in an order in which every
// operand is computed before its use.
type program struct {
	nodes  []*ops.Node
	values map[string]*ops.Value
	inputs []*ops.Value
	keep   []*ops.Value // results that are there after a run
	// outside are the inputs and results that have memory of another program.
	outside map[*ops.Value]bool
	frozen  map[string]bool
	open    open
	until   context.Context // ends its compilation; nil: nothing does
}

// order sorts the calls so that every operand comes before its use and nodes
// otherwise keep their place; a cycle is an error that names its nodes.
func (g *Graph) order() ([]*call, error) {
	index := make(map[*call]int64, len(g.calls))
	for i, c := range g.calls {
		index[c] = int64(i)
	}
	if g.ordered(index) {
		return g.calls, nil
	}
	d := simple.NewDirectedGraph()
	for i := range g.calls {
		d.AddNode(simple.Node(i))
	}
	for i, c := range g.calls {
		for _, a := range c.args {
			if a == nil || a.call == nil {
				continue
			}
			if a.call == c {
				return nil, fmt.Errorf("node %q (%s): has its own output %q as input", c.label(), c.op, a.name)
			}
			d.SetEdge(d.NewEdge(simple.Node(index[a.call]), simple.Node(i)))
		}
		for _, on := range c.guards {
			if before := on.condition.call; before != nil && before != c {
				d.SetEdge(d.NewEdge(simple.Node(index[before]), simple.Node(i)))
			}
		}
	}
	sorted, err := topo.SortStabilized(d, nil)
	if cycle, ok := errors.AsType[topo.Unorderable](err); ok {
		var names []string
		for _, n := range cycle[0] {
			names = append(names, g.calls[n.ID()].label())
		}
		slices.Sort(names)
		return nil, fmt.Errorf("nodes %s form a cycle", strings.Join(names, ", "))
	} else if err != nil {
		return nil, err
	}
	out := make([]*call, len(sorted))
	for i, n := range sorted {
		out[i] = g.calls[n.ID()]
	}
	return out, nil
}

// ordered reports whether the calls, whose places are given, are in order as they are.
func (g *Graph) ordered(index map[*call]int64) bool {
	for i, c := range g.calls {
		for _, a := range c.args {
			if a != nil && a.call != nil && index[a.call] >= int64(i) {
				return false
			}
		}
		for _, on := range c.guards {
			if before := on.condition.call; before != nil && before != c && index[before] > int64(i) {
				return false
			}
		}
	}
	return true
}

// label is the node's name, or its first output's where it has none.
func (c *call) label() string {
	if c.name != "" {
		return c.name
	}
	return c.outs[0].name
}

// lower checks the whole graph for the given inputs and returns its program with
// every shape inferred and every constant folded, but for what is left open: the
// operations that wait for the run. The error holds all faults; the program is then
// what is left without the nodes that have them.
//
// An input is a constant of the program where an operator must know its elements
// before the run. Which are is found out: where operators miss elements, the graph
// is lowered once more with those inputs as constants that they are computed from.
func (g *Graph) lower(o *Options, pool *parallel.Pool) (*program, error) {
	settled := map[string]bool{}
	pool = pool.Stoppable()
	pool.Until(g.stop())
	for {
		p, err := g.lowerWith(o, settled, pool)
		if p == nil || ended(g.until) != nil || !p.settle(err, o, settled) {
			return p, err
		}
	}
}

// settle adds to settled the inputs whose elements faults, or operations that wait,
// ask for, where they alone decide these elements and are given with their own; it
// reports whether there are any. Within a run it takes inputs alone that are asked for
// themselves: what is computed from others is there one stage later, and does not make
// a plan for the elements of these.
func (p *program) settle(err error, o *Options, settled map[string]bool) bool {
	before := len(settled)
	var faults Problems
	errors.As(err, &faults)
	for _, fault := range slices.Concat(faults, p.open.whys) {
		var e *ops.Error
		if errors.As(fault, &e) && e.Unknown != nil {
			if o.turns != nil && !slices.Contains(p.inputs, e.Unknown) {
				continue
			}
			if names, ok := p.sources(e.Unknown, o.Inputs); ok {
				for _, name := range names {
					settled[name] = true
				}
			}
		}
	}
	return len(settled) > before
}

// sources returns the inputs that v is computed from, and whether all are given with
// their elements.
func (p *program) sources(v *ops.Value, given map[string]*tensor.Tensor) (names []string, all bool) {
	seen := map[*ops.Value]bool{}
	all = true
	var trace func(v *ops.Value)
	trace = func(v *ops.Value) {
		if v == nil || v.Const != nil || seen[v] {
			return
		}
		seen[v] = true
		if slices.Contains(p.inputs, v) {
			names = append(names, v.Name)
			all = all && given[v.Name].Filled()
		}
		if v.Producer != nil {
			for _, operand := range v.Producer.In {
				trace(operand)
			}
		}
	}
	trace(v)
	return names, all
}

// add infers a node, or the nodes that it expands to, folds what is constant, and
// appends it.
func (p *program) add(n *ops.Node, pool *parallel.Pool) error {
	nodes := []*ops.Node{n}
	var err error
	if n.Def.Expand != nil {
		nodes, err = expand(n)
	} else {
		err = infer(n)
	}
	if err != nil {
		return err
	}
	nodes, err = widen(nodes)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := ended(p.until); err != nil {
			return err
		}
		if err := fold(n, pool); err != nil {
			return err
		}
	}
	p.nodes = append(p.nodes, nodes...)
	return nil
}

// widen puts casts around the nodes that compute in a wider type than they have.
func widen(nodes []*ops.Node) ([]*ops.Node, error) {
	var out []*ops.Node
	for _, n := range nodes {
		wide, err := ops.Widen(n)
		if err != nil {
			return nil, err
		}
		out = append(out, wide...)
	}
	return out, nil
}

// expand returns the nodes that n stands for, which compute n's outputs.
func expand(n *ops.Node) (nodes []*ops.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = n.Errorf("malformed: %v", r)
		}
	}()
	return ops.Expanded(n)
}

// infer runs a node's shape rule. A rule that panics has met a graph that its
// author did not foresee; that is a fault of the graph to its user.
func infer(n *ops.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = n.Errorf("malformed: %v", r)
		}
	}()
	if err := n.Def.Infer(n); err != nil {
		return err
	}
	if n.Mistyped != nil {
		return n.Mistyped
	}
	for i, v := range n.Out {
		if v != nil && v.DType == tensor.Invalid {
			return n.Errorf("output %d, %q, is not one of the operator's", i, v.Name)
		}
	}
	return nil
}

// fold computes a node whose operands are all constant.
func fold(n *ops.Node, pool *parallel.Pool) error {
	if n.Def.Random {
		return nil
	}
	done := true
	for _, v := range n.Out {
		done = done && (v == nil || v.Const != nil)
	}
	for _, v := range n.In {
		if v != nil && (v.Const == nil || v.Param) {
			return nil
		}
	}
	if done {
		return nil
	}
	var scratch ops.Scratch
	in, out := make([]*tensor.Tensor, len(n.In)), make([]*tensor.Tensor, len(n.Out))
	for i, v := range n.In {
		if v != nil {
			in[i] = v.Const
		}
	}
	for i, v := range n.Out {
		if v == nil {
			continue
		}
		if err := room(n, "its constant result", v.DType, v.Shape); err != nil {
			return err
		}
		out[i] = tensor.New(v.DType, v.Shape...)
	}
	if n.Def.View {
		out[0].Alias(in[0])
	} else {
		var fault error
		env := ops.NewEnv(pool, &scratch, in, out)
		env.Fault = &fault
		run, err := bind(n, env)
		if err != nil {
			return err
		}
		if err := memory.Need("node "+show.Name(n.Name)+": its workspace", 4*int64(scratch.Need())); err != nil {
			return err
		}
		scratch.Allocate()
		if run(); fault != nil {
			return fault
		}
	}
	for i, v := range n.Out {
		if v != nil && v.Const == nil { // the shape rule may know it, as the mask of Dropout
			v.Const = out[i]
		}
	}
	return nil
}

// room asks for the memory of a tensor that belongs to a node.
func room(n *ops.Node, what string, d tensor.DType, shape []int) error {
	size := int64(d.Size()) * int64(tensor.Len(shape))
	if size < 1<<12 { // not worth the words
		return memory.Need("a tensor", size)
	}
	return memory.Need(fmt.Sprintf("node %q (%s): %s of shape %v", show.Name(n.Name), n.Op, what, shape), size)
}

func bind(n *ops.Node, e *ops.Env) (run func(), err error) {
	defer func() {
		if r := recover(); r != nil {
			err = n.Errorf("malformed: %v", r)
		}
	}()
	run, err = n.Def.Bind(n, e)
	return run, cmp.Or(err, n.Mistyped)
}
