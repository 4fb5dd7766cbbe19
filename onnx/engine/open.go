package engine

import (
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// availability says when the elements and the shape of a tensor are there.
type availability uint8

const (
	now   availability = iota // its type and shape are known when the graph is compiled
	loose                     // it is computed by a step on whole values, behind the program
	later                     // it is computed by a later stage
)

// open is what a lowered graph leaves to the run.
type open struct {
	vals  map[*Node]*ops.Value
	at    map[*Node]availability // of what is not there now
	steps []*eager               // in an order in which they can be computed
	calls []*call                // of later stages, likewise
	whys  Problems               // why there is a later stage
	// waited counts the operations of the graph that are left to a later stage.
	waited int
}

// eager is an operation that is computed on whole values.
type eager struct {
	*call
	node *ops.Node
}

func (o *open) when(n *Node) availability { return o.at[n] }

// set says when n is there.
func (o *open) set(n *Node, when availability) {
	if n.name == "" {
		return
	}
	if o.at == nil {
		o.at = map[*Node]availability{}
	}
	o.at[n] = when
}

// named returns the tensor of that name, if it is not there now.
func (o *open) named(name string) *Node {
	if name == "" {
		return nil
	}
	for n := range o.at {
		if n.name == name {
			return n
		}
	}
	return nil
}

// wait leaves an operation to a later stage; why is nil where it follows from another.
func (o *open) wait(c *call, why error) {
	o.calls = append(o.calls, c)
	o.waited++
	for _, n := range c.outs {
		o.set(n, later)
	}
	if why != nil {
		o.whys = append(o.whys, why)
	}
}

// step computes an operation behind the program.
func (o *open) step(c *call, n *ops.Node) {
	n.In, n.Out = nil, make([]*ops.Value, len(c.outs))
	o.steps = append(o.steps, &eager{c, n})
	for _, n := range c.outs {
		o.set(n, loose)
	}
}

// why is nil if nothing is left to the run, else says what is.
func (o *open) why() error {
	switch {
	case len(o.whys) > 0:
		return o.whys
	case len(o.steps) > 0:
		n := o.steps[0].node
		return Problems{n.Errorf("what its results are is known when it runs")}
	}
	return nil
}

// rest is what has to be computed behind a program for some tensors.
type rest struct {
	steps []*eager
	graph *Graph  // of what is left then; nil for none
	reads []*Node // tensors that the steps and the graph read and do not compute
	leafs []*Node // those that the graph reads
}

// rest returns what the wanted tensors need of what is left open; nil if nothing.
func (g *Graph) rest(o *open, wanted []*Node) *rest {
	need := map[*Node]bool{}
	for _, n := range wanted {
		need[n] = o.at[n] != now
	}
	r := &rest{}
	calls := needed(o.calls, need, func(c *call) *call { return c })
	if len(calls) > 0 {
		r.later(g, o, calls)
	}
	r.steps = needed(o.steps, need, func(s *eager) *call { return s.call })
	if len(calls) == 0 && len(r.steps) == 0 && !slices.ContainsFunc(wanted, func(n *Node) bool { return o.at[n] != now }) {
		return nil
	}
	for _, s := range r.steps {
		for _, a := range s.args {
			if a != nil && a.name != "" && o.at[a] == now {
				r.reads = append(r.reads, a)
			}
		}
	}
	for _, a := range r.leafs {
		if o.at[a] == now {
			r.reads = append(r.reads, a)
		}
	}
	return r
}

// needed keeps the operations that compute what is needed, and adds what they read.
func needed[T any](list []T, need map[*Node]bool, of func(T) *call) []T {
	var kept []T
	for _, e := range slices.Backward(list) {
		c := of(e)
		if !slices.ContainsFunc(c.outs, func(n *Node) bool { return need[n] }) {
			continue
		}
		kept = append(kept, e)
		for _, a := range c.reads() {
			need[a] = true
		}
	}
	slices.Reverse(kept)
	return kept
}

// reads lists what c needs: operands, and conditions under which it is there.
func (c *call) reads() []*Node {
	var all []*Node
	for _, a := range c.args {
		if a != nil && (a.name != "" || a.call != nil) {
			all = append(all, a)
		}
	}
	for _, g := range c.guards {
		all = append(all, g.condition)
	}
	return all
}

// later makes the graph of the given calls, whose leafs are what others compute. What
// is constant by now is a constant of it.
func (r *rest) later(g *Graph, o *open, calls []*call) {
	r.graph = &Graph{opsets: g.opsets, channels: g.block(), until: g.until}
	made := map[*Node]*Node{}
	for _, c := range calls {
		for _, n := range c.outs {
			made[n] = r.graph.NewNode(n.name)
		}
	}
	node := func(n *Node) *Node {
		if n == nil || made[n] != nil {
			return made[n]
		}
		leaf := r.graph.NewNode(n.name)
		made[n] = leaf
		switch v := o.vals[n]; {
		case v != nil && v.Const != nil:
			leaf.SetConstant(v.Const, false)
		case n.name != "":
			r.leafs = append(r.leafs, n)
		}
		return leaf
	}
	for _, c := range calls {
		own := *c
		own.args, own.outs, own.guards = make([]*Node, len(c.args)), make([]*Node, len(c.outs)), nil
		for i, a := range c.args {
			own.args[i] = node(a)
		}
		for i, n := range c.outs {
			own.outs[i] = made[n]
			made[n].call = &own
		}
		for _, on := range c.guards {
			if is, known := truth(o.vals[on.condition]); !known || is != on.want {
				own.guards = append(own.guards, guard{node(on.condition), on.want})
			}
		}
		r.graph.calls = append(r.graph.calls, &own)
	}
}

// tensors lists the values of nodes that are there now and not constant.
func (o *open) tensors(nodes []*Node) []*ops.Value {
	var out []*ops.Value
	for _, n := range nodes {
		if v := o.vals[n]; v != nil && v.Const == nil {
			out = append(out, v)
		}
	}
	return out
}

// constant is the elements of a node that are known by now.
func (o *open) constant(n *Node) *tensor.Tensor {
	if v := o.vals[n]; v != nil {
		return v.Const
	}
	return nil
}
