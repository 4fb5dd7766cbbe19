package engine

import (
	"fmt"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// guard is a condition under which an operation is part of the program.
type guard struct {
	condition *Node
	want      bool
}

// truth returns the value of a condition, if that is known.
func truth(v *ops.Value) (is, known bool) {
	if v == nil || v.Const == nil || v.DType != tensor.Bool || v.Len() != 1 {
		return false, false
	}
	return v.Const.Bool()[0], true
}

// taken reports whether an operation is part of the program, if that is known. With a
// condition that is faulty it is not; the If says so.
func (l *lowering) taken(c *call) (taken, known bool) {
	known = true
	for _, g := range c.guards {
		v := l.vals[g.condition]
		switch is, sure := truth(v); {
		case sure && is != g.want:
			return false, true
		case sure:
		case l.open.when(g.condition) == now && (v == nil || v.Const != nil || l.failed[v]):
			return false, true
		default:
			known = false
		}
	}
	return known, known
}

// chooses reports whether c is the If that Guard speaks of: its operands are the
// condition, the results of the branch for true, and those of the other.
func (c *call) chooses() bool {
	return c.op == "If" && c.domain == ops.Internal && len(c.args) == 1+2*len(c.outs)
}

// choose hands on the results of the branch that is taken. Faults of that branch
// have been told; its results are then missing here too.
func (l *lowering) choose(c *call) {
	condition := l.vals[c.args[0]]
	is, known := truth(condition)
	n := &ops.Node{Name: c.label(), Op: c.op}
	switch {
	case known:
	case l.open.when(c.args[0]) != now:
		l.open.wait(c, nil)
		return
	case condition == nil && c.args[0].call != nil || l.failed[condition]:
		return
	case condition != nil && condition.Const != nil:
		l.fault(n.Errorf("its condition %q is %v%v, want one bool", c.args[0].name, condition.DType, condition.Shape))
		return
	default:
		l.open.wait(c, n.Unknown(condition, fmt.Sprintf("its condition %q", c.args[0].name)))
		return
	}
	results := c.args[1 : 1+len(c.outs)]
	if !is {
		results = c.args[1+len(c.outs):]
	}
	def, err := ops.Lookup("", "Identity", ops.Newest)
	if err != nil {
		l.fault(err)
		return
	}
	for i, out := range c.outs {
		chosen := l.vals[results[i]]
		n := &ops.Node{Name: c.label(), Op: def.Op, Opset: ops.Newest, Def: def}
		alias := &call{name: n.Name, op: def.Op, args: results[i : i+1], outs: c.outs[i : i+1]}
		switch when := l.open.when(results[i]); {
		case when == later:
			l.open.wait(alias, nil)
			l.open.waited-- // the If is decided
			continue
		case when == loose:
			l.open.step(alias, n)
			continue
		case chosen == nil || l.failed[chosen]:
			continue
		}
		v := &ops.Value{Name: out.name, Producer: n}
		n.In, n.Out = []*ops.Value{chosen}, []*ops.Value{v}
		if err := l.add(n, l.pool); err != nil {
			l.fault(err)
			continue
		}
		l.vals[out], l.values[out.name] = v, v
	}
}
