package engine

import (
	"errors"

	"memprobe/onnx/ops"
)

// trainable reports whether training may change operand i of n, if that is a
// parameter. Running statistics are not learned.
func trainable(n *ops.Node, i int) bool {
	role := n.Def.Role(i)
	return n.In[i].Param && role != ops.Mean && role != ops.Variance
}

// moving returns the values that change with a parameter.
func (p *program) moving(nodes []*ops.Node) map[*ops.Value]bool {
	m := map[*ops.Value]bool{}
	for _, n := range nodes {
		moves := false
		for i, v := range n.In {
			if v != nil {
				m[v] = m[v] || trainable(n, i)
				moves = moves || m[v]
			}
		}
		if !moves || n.Def.NotDifferentiable != "" {
			continue
		}
		for _, v := range operands(n.Out) {
			m[v] = v.DType.IsFloat() && v.Const == nil
		}
	}
	return m
}

// reverse appends the nodes that compute the gradient of the loss with respect to
// every parameter, given that of the logits, from the last of the forward nodes
// to the first (Linnainmaa 1976). It returns the gradients by value; beside an
// error, which lists all faults, they tell no more than what gradients reach.
func (p *program) reverse(forward []*ops.Node, logits, dlogits *ops.Value) (map[*ops.Value]*ops.Value, error) {
	grads := map[*ops.Value]*ops.Value{logits: dlogits}
	moves := p.moving(forward)
	var faults Problems
	for i := len(forward) - 1; i >= 0; i-- {
		n := forward[i]
		dy, reached := make([]*ops.Value, len(n.Out)), false
		for j, v := range n.Out {
			if v != nil && moves[v] {
				dy[j] = grads[v]
				reached = reached || dy[j] != nil
			}
		}
		if !reached {
			continue
		}
		nodes, err := differentiate(n, dy, moves, grads)
		if err != nil {
			faults = append(faults, err)
		}
		p.nodes = append(p.nodes, nodes...)
	}
	if len(faults) > 0 {
		return grads, faults
	}
	return grads, nil
}

// differentiate adds to grads what n contributes to the gradients of its moving
// operands. Where it fails, operands count as reached, so that the faults of the
// nodes before n are found too.
func differentiate(n *ops.Node, dy []*ops.Value, moves map[*ops.Value]bool,
	grads map[*ops.Value]*ops.Value) (nodes []*ops.Node, err error) {
	want := make([]bool, len(n.In))
	for i, v := range n.In {
		want[i] = v != nil && moves[v]
	}
	defer func() {
		if r := recover(); r != nil {
			err = n.Errorf("its gradient cannot be computed: %v", r)
		}
		if inner, ok := errors.AsType[*ops.Error](err); ok && inner.Node != n.Name {
			err = n.Errorf("its gradient cannot be computed: %s", inner.Msg) // of a node that the rule added
		}
		for i, v := range n.In {
			if err != nil && want[i] && grads[v] == nil {
				grads[v] = v
			}
		}
	}()
	if n.Def.Grad == nil {
		return nil, n.Errorf("its gradient is not supported")
	}
	b := ops.NewBuilder(n.Name + "/grad")
	dx, err := n.Def.Grad(b, n, dy, want)
	if err != nil {
		return nil, err
	}
	for i, d := range dx {
		if d == nil || !want[i] {
			continue
		}
		if sum := grads[n.In[i]]; sum != nil {
			d = b.Sum(sum, d)
		}
		grads[n.In[i]] = d
	}
	return b.Nodes, b.Err
}
