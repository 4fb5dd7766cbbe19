package engine

import (
	"context"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// parted is a session whose first nodes are computed by each thread for a part of the batch, from
// the input to a cut. What a thread reads there it wrote itself, so that it comes from the caches
// of its own core, and threads do not wait for each other after every node. The nodes behind
// the cut, which read more weights than results, are computed by all threads together. The bits
// are those of a session that is not cut.
type parted struct {
	*session // of the nodes behind the cut
	parts    []*session
	body     func(worker, part int)
	ctx      context.Context // of the run in progress
	errs     []error         // by part
}

// Run implements Session.
func (s *parted) Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error {
	s.ctx = ctx
	s.pool.For(len(s.parts), s.body)
	for _, err := range s.errs {
		if err != nil {
			return err
		}
	}
	return s.session.Run(ctx, visit)
}

// Memory implements Session.
func (s *parted) Memory() Memory {
	m := s.session.Memory()
	for _, p := range s.parts {
		m.Arena, m.Scratch = m.Arena+p.memory.Arena, m.Scratch+p.memory.Scratch
	}
	return m
}

// cut is a program in two: the nodes that compute each image by itself, for one of several equal
// parts of the batch, and those behind them, for all of it.
type cut struct {
	part, whole *program
	of          map[*ops.Value]*ops.Value // the parts of what both programs have
}

// cutBatch cuts a program for the threads of the pool; nil where that does not pay, or a batch
// cannot be shared out evenly.
func (p *program) cutBatch(o *Options) *cut {
	parts, batch := o.Pool.Threads(), batchOf(o.Inputs)
	if parts < 2 || batch == 0 || batch%parts != 0 || len(o.Taps) > 0 || o.KeepParams || o.Double || o.turns != nil {
		return nil
	}
	c := &cut{part: &program{outside: map[*ops.Value]bool{}, until: p.until}, of: map[*ops.Value]*ops.Value{}}
	for _, v := range p.inputs {
		if v.DType == tensor.Float32 && len(v.Shape) > 0 && v.Shape[0] == batch {
			own := *v
			own.Shape = append([]int{batch / parts}, v.Shape[1:]...)
			c.of[v] = &own
		}
	}
	at := p.separable(c, batch, parts)
	if at == 0 {
		return nil
	}
	c.part.nodes = c.part.nodes[:at]
	for _, v := range p.inputs {
		if own := c.of[v]; own != nil {
			c.part.inputs = append(c.part.inputs, own)
			c.part.outside[own] = true
		}
	}
	last := p.lastReads()
	var across []*ops.Value
	for _, n := range p.nodes[:at] {
		for _, v := range n.Out {
			if v != nil && last[v] >= at {
				across = append(across, v)
				c.part.keep = append(c.part.keep, c.of[v])
				c.part.outside[c.of[v]] = true
			}
		}
	}
	c.whole = &program{values: p.values, nodes: p.nodes[at:], inputs: slices.Concat(p.inputs, across), keep: p.keep,
		until: p.until}
	return c
}

// lastReads gives for each value the last node that reads it: the number of nodes, if it is kept.
func (p *program) lastReads() map[*ops.Value]int {
	last := map[*ops.Value]int{}
	for i, n := range p.nodes {
		for _, v := range n.In {
			last[v] = i
		}
	}
	for _, v := range p.keep {
		last[v] = len(p.nodes)
	}
	return last
}

// separable appends to c's part the nodes that compute each image by itself, from the first on,
// and returns where to cut. A cut saves threads from reading what others wrote, and has each read
// all weights before it: the best one has the largest difference.
func (p *program) separable(c *cut, batch, parts int) (at int) {
	last := p.lastReads()
	views := map[*ops.Value]bool{} // results that are read later and have no memory of their own
	var saved, most int
	for i, n := range p.nodes {
		own := n.Part(c.of, batch, parts)
		if own == nil {
			break
		}
		c.part.nodes = append(c.part.nodes, own)
		for j, v := range n.Out {
			if v != nil {
				c.of[v] = own.Out[j]
			}
		}
		if n.Def.View {
			views[n.Out[0]] = true
		} else {
			saved += traffic(n)
		}
		for _, v := range n.In {
			if last[v] == i {
				delete(views, v)
			}
		}
		if saved > most && len(views) == 0 {
			most, at = saved, i+1
		}
	}
	return at
}

// traffic is how many more elements of results a node reads and writes than of constants.
func traffic(n *ops.Node) int {
	sum := 0
	for _, v := range n.Out {
		if v != nil {
			sum += v.Len()
		}
	}
	for _, v := range reads(n) {
		if v.Const != nil {
			sum -= v.Len()
		} else {
			sum += v.Len()
		}
	}
	return sum
}

// reads lists what a node reads, each value once.
func reads(n *ops.Node) []*ops.Value {
	var list []*ops.Value
	for i, v := range n.In {
		if v != nil && !slices.Contains(n.In[:i], v) {
			list = append(list, v)
		}
	}
	return list
}

// session allocates and binds the two programs.
func (c *cut) session(o *Options) (*parted, error) {
	whole, part := c.whole.layout(), c.part.layout()
	parts, batch := o.Pool.Threads(), batchOf(o.Inputs)
	if err := memory.Need("a run", int64(whole.size)+int64(parts)*int64(part.size)); err != nil {
		return nil, err
	}
	s := &parted{errs: make([]error, parts)}
	var err error
	if s.session, err = c.whole.bind(whole.allocate(), nil, &ops.Env{Pool: o.Pool, Packed: o.Packed, Images: batch},
		new(ops.Scratch)); err != nil {
		return nil, err
	}
	for _, v := range c.whole.inputs {
		if v.Producer != nil { // what the parts compute
			delete(s.inputs, v.Name)
		}
	}
	s.fill(o)
	for i, name := range o.Outputs {
		s.outputs[name] = whole.tensor(c.whole.keep[i])
	}
	scratch := new(ops.Scratch)
	for i := range parts {
		l, env := part.again(), &ops.Env{Images: batch / parts, Parts: parts}
		if i == 0 {
			env.Packed = o.Packed
		} else {
			scratch = scratch.Again()
		}
		for v, own := range c.of {
			if c.part.outside[own] {
				all := whole.tensor(v).Bytes()
				size := len(all) / parts
				l.made[own] = tensor.Over(own.DType, all[i*size:(i+1)*size:(i+1)*size], own.Shape...)
			}
		}
		p, err := c.part.bind(l.allocate(), nil, env, scratch)
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	s.body = func(_, i int) { s.errs[i] = s.parts[i].Run(s.ctx, nil) }
	return s, nil
}
