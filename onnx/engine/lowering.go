package engine

import (
	"errors"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// lowering is the state of a walk over a graph's operations.
type lowering struct {
	*program
	graph   *Graph
	options *Options
	settled map[string]bool
	pool    *parallel.Pool
	vals    map[*Node]*ops.Value
	failed  map[*ops.Value]bool
	faults  Problems
}

func (g *Graph) lowerWith(o *Options, settled map[string]bool, pool *parallel.Pool) (*program, error) {
	calls, err := g.order()
	if err != nil {
		return nil, err
	}
	l := &lowering{program: &program{values: map[string]*ops.Value{}, frozen: o.Frozen, until: g.until}, graph: g,
		options: o, settled: settled, pool: pool,
		vals: map[*Node]*ops.Value{}, failed: map[*ops.Value]bool{}}
	l.open.vals = l.vals
	for _, n := range g.nodes {
		if n.call == nil && n.name != "" {
			l.leaf(n)
		}
	}
	block := g.block()
	for _, c := range calls {
		switch taken, known := l.taken(c); {
		case !known:
			l.open.wait(c, nil)
		case taken && c.chooses():
			l.choose(c)
		case taken:
			l.call(c, block)
		}
		if err := ended(g.until); err != nil {
			return nil, err // constants may be in part
		}
	}
	if len(l.faults) > 0 {
		return l.program, l.faults
	}
	return l.program, nil
}

// leaf enters a tensor that nothing computes: a constant, or an input as the options
// describe it, if anything is known of it.
func (l *lowering) leaf(n *Node) {
	o, v := l.options, &ops.Value{Name: n.name}
	t, isInput := o.Inputs[n.name]
	switch {
	case o.Values[n.name] != nil:
		l.open.set(n, loose)
		return
	case isInput:
		v.DType, v.Shape = o.float(t.DType), t.Shape
		if l.settled[n.name] {
			v.Const = o.promote(t)
		} else {
			l.inputs = append(l.inputs, v)
		}
	case o.constants[n.name] != nil:
		v.Const = o.constants[n.name]
	case n.value != nil:
		v.Const, v.Param = o.promote(n.value), n.param && o.KeepParams && !o.Frozen[n.name]
	default:
		return
	}
	if v.Const != nil {
		v.DType, v.Shape = v.Const.DType, v.Const.Shape
	}
	l.vals[n], l.values[n.name] = v, v
}

// call enters an operation: as nodes of the program, or as one that waits for the run.
func (l *lowering) call(c *call, block int64) {
	n := &ops.Node{Name: c.label(), Op: c.op, Domain: c.domain, Opset: l.graph.opsets[c.domain],
		Attrs: c.blocked(block), Stop: l.graph.stop()}
	if to, ok := c.attrs["to"].(int64); ok && l.options.Double && c.op == "Cast" && to == 1 {
		n.Attrs = ops.Attrs{"to": int64(11)}
	}
	def, err := ops.Lookup(c.domain, c.op, n.Opset)
	if err != nil {
		l.fault(&ops.Error{Node: n.Name, Op: n.Op, Msg: err.Error()})
	}
	if n.Def = def; err == nil {
		if err = n.CheckAttrs(); err != nil {
			l.fault(err)
		}
	}
	whole, bad := l.operands(c, n)
	if bad || err != nil {
		l.results(c, n, true)
		return
	}
	switch {
	case whole == later:
		l.open.wait(c, nil)
	case def.Eager != nil && (whole == loose || def.Infer == nil && def.Expand == nil):
		l.open.step(c, n)
	case whole == loose && l.options.unfit(c):
		l.fault(n.Errorf("an operand is no tensor"))
		l.results(c, n, true)
	case whole == loose:
		l.open.wait(c, nil)
	default:
		l.results(c, n, false)
		l.compile(c, n)
	}
}

// compile appends what the operation becomes, if all that it needs is known.
func (l *lowering) compile(c *call, n *ops.Node) {
	err := l.add(n, l.pool)
	var e *ops.Error
	unknown := errors.As(err, &e) && e.Unknown != nil && e.Unknown.Const == nil
	switch {
	case err == nil:
		return
	case !unknown:
		l.fault(err)
		for _, v := range n.Out {
			l.failed[v] = true
		}
		return
	}
	for i, out := range c.outs {
		if n.Out[i] != nil {
			delete(l.vals, out)
			delete(l.values, out.name)
		}
	}
	if n.Def.Eager == nil {
		l.open.wait(c, err)
		return
	}
	n.In, n.Out = nil, nil
	l.open.step(c, n)
}

// operands enters the values of c's operands into n. It reports whether some are there
// at run time alone, and whether one is missing or faulty.
func (l *lowering) operands(c *call, n *ops.Node) (when availability, bad bool) {
	for i, a := range c.args {
		if a == nil || a.name == "" && a.call == nil {
			n.In = append(n.In, nil)
			continue
		}
		v := l.vals[a]
		switch at := l.open.when(a); {
		case at != now:
			when = max(when, at)
		case v == nil:
			if a.call == nil {
				l.fault(n.Errorf("input %q is not in the graph, or its shape is not known", a.name))
			}
			bad = true
		case l.failed[v]:
			bad = true
		}
		if i < len(c.args)-c.captured {
			n.In = append(n.In, v)
		}
	}
	for len(n.In) > 0 && n.In[len(n.In)-1] == nil {
		n.In = n.In[:len(n.In)-1]
	}
	return when, bad
}

// results makes the values of c's results.
func (l *lowering) results(c *call, n *ops.Node, failed bool) {
	for _, out := range c.outs {
		if out.name == "" {
			n.Out = append(n.Out, nil)
			continue
		}
		v := &ops.Value{Name: out.name, Producer: n}
		n.Out = append(n.Out, v)
		l.vals[out], l.values[out.name] = v, v
		if failed {
			l.failed[v] = true
		}
	}
}

func (l *lowering) fault(err error) { l.faults = append(l.faults, err) }

// unfit reports whether an operand of c is an input that is no tensor.
func (o *Options) unfit(c *call) bool {
	for _, a := range c.args {
		if d := o.value(a); d != nil {
			if _, ok := d.(*tensor.Tensor); !ok {
				return true
			}
		}
	}
	return false
}

// value is what the options give for an input that is no tensor.
func (o *Options) value(n *Node) ops.Data {
	if n == nil || n.call != nil {
		return nil
	}
	return o.Values[n.name]
}
