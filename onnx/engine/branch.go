package engine

import (
	"fmt"

	"memprobe/internal/parallel"
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

// taken reports whether an operation is part of the program. Where a condition is
// not known it is not; the If says so.
func (c *call) taken(vals map[*Node]*ops.Value) bool {
	for _, g := range c.guards {
		if is, known := truth(vals[g.condition]); !known || is != g.want {
			return false
		}
	}
	return true
}

// chooses reports whether c is the If that Guard speaks of: its operands are the
// condition, the results of the branch for true, and those of the other.
func (c *call) chooses() bool {
	return c.op == "If" && c.domain == ops.Internal && len(c.args) == 1+2*len(c.outs)
}

// choose hands on the results of the branch that is taken. Faults of that branch
// have been told; its results are then missing here too.
func (p *program) choose(c *call, vals map[*Node]*ops.Value, failed map[*ops.Value]bool, pool *parallel.Pool) error {
	args := c.args
	condition := vals[args[0]]
	is, known := truth(condition)
	if !known {
		if condition == nil && args[0].call != nil || failed[condition] {
			return nil
		}
		n := &ops.Node{Name: c.label(), Op: c.op}
		return n.Unknown(condition, fmt.Sprintf("its condition %q", args[0].name))
	}
	results := args[1 : 1+len(c.outs)]
	if !is {
		results = args[1+len(c.outs):]
	}
	def, err := ops.Lookup("", "Identity", ops.Newest)
	if err != nil {
		return err
	}
	for i, out := range c.outs {
		chosen := vals[results[i]]
		if chosen == nil || failed[chosen] {
			continue
		}
		v := &ops.Value{Name: out.name}
		n := &ops.Node{Name: c.label(), Op: def.Op, Opset: ops.Newest, In: []*ops.Value{chosen}, Out: []*ops.Value{v}, Def: def}
		v.Producer = n
		if err := p.add(n, pool); err != nil {
			return err
		}
		vals[out], p.values[out.name] = v, v
	}
	return nil
}
