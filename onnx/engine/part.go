package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// parted is a session whose first nodes are computed for a part of the batch at a time, from the
// input to a cut: each thread takes images of its own, a few at a time. What a thread reads there
// it wrote itself not long before, so that it comes from the caches of its own core, and threads do
// not wait for each other after every node. The nodes behind the cut, which read more weights than
// results, are computed for the whole batch by all threads together. The bits are those of a
// session that is not cut.
type parted struct {
	*session // of the nodes behind the cut
	parts    []*session
	rounds   int // parts of each thread, one after the other
	body     func(worker, thread int)
	errs     []error // by thread

	// Of the run in progress.
	ctx   context.Context
	visit func(tap int, t *tensor.Tensor)
}

// Run implements Session.
func (s *parted) Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error {
	s.ctx, s.visit = ctx, visit
	s.pool.For(len(s.errs), s.body)
	s.ctx, s.visit = nil, nil
	if err := cmp.Or(s.errs...); err != nil {
		return err
	}
	return s.session.Run(ctx, visit)
}

// thread runs the parts of a thread.
func (s *parted) thread(_, i int) {
	s.errs[i] = nil
	for _, p := range s.parts[i*s.rounds : (i+1)*s.rounds] {
		if s.errs[i] = p.Run(s.ctx, s.visit); s.errs[i] != nil {
			return
		}
	}
}

// Memory implements Session.
func (s *parted) Memory() Memory {
	m := s.session.Memory()
	for i := 0; i < len(s.parts); i += s.rounds {
		p := s.parts[i].memory
		m.Arena, m.Scratch = m.Arena+p.Arena, m.Scratch+p.Scratch
	}
	return m
}

// cut is a program in two: the nodes that compute each image by itself, for one of several equal
// parts of the batch, and those behind them, for all of it.
type cut struct {
	part, whole *program
	threads     int                       // that take parts
	rounds      int                       // parts of each of them
	of          map[*ops.Value]*ops.Value // the parts of what both programs have
}

// cutBatch cuts a program for the threads of the pool, and for their caches; nil where that does
// not pay, or a batch cannot be shared out evenly.
func (p *program) cutBatch(o *Options) *cut {
	threads, batch := o.Pool.Threads(), batchOf(o.Inputs)
	if batch == 0 || batch%threads != 0 || o.KeepParams || o.Double || o.turns != nil ||
		len(o.Taps) > 0 && (threads > 1 || !o.Pieces) {
		return nil
	}
	rounds := p.rounds(batch, batch/threads)
	parts := threads * rounds
	if parts == 1 {
		return nil
	}
	c := &cut{threads: threads, rounds: rounds, of: map[*ops.Value]*ops.Value{},
		part: &program{outside: map[*ops.Value]bool{}, until: p.until, values: map[string]*ops.Value{}}}
	for _, v := range p.inputs {
		if v.DType == tensor.Float32 && len(v.Shape) > 0 && v.Shape[0] == batch {
			own := *v
			own.Shape = append([]int{batch / parts}, v.Shape[1:]...)
			c.of[v] = &own
		}
	}
	at := p.separable(c, batch)
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
	last, early := p.lastReads(), map[*ops.Value]bool{}
	var across []*ops.Value
	for _, n := range p.nodes[:at] {
		for _, v := range n.Out {
			early[v] = v != nil
			if v != nil && last[v] >= at {
				across = append(across, v)
				c.part.keep = append(c.part.keep, c.of[v])
				c.part.outside[c.of[v]] = true
			}
		}
	}
	c.whole = &program{values: maps.Clone(p.values), nodes: p.nodes[at:], inputs: slices.Concat(p.inputs, across),
		keep: p.keep, until: p.until}
	for name, v := range p.values { // the taps that the parts show
		if early[v] {
			c.part.values[name] = c.of[v]
			delete(c.whole.values, name)
		}
	}
	return c
}

// A thread computes so many elements of the largest tensor in a round, which its caches hold. Where
// its images have less than many it takes them at once: then each weight is read once.
const (
	roundFloats = 512 << 10
	manyFloats  = 2 << 20
)

// rounds is in how many parts a thread's images of the batch are computed.
func (p *program) rounds(batch, images int) int {
	largest := 0
	for _, n := range p.nodes {
		for _, v := range n.Out {
			if v != nil && len(v.Shape) > 0 && v.Shape[0] == batch {
				largest = max(largest, v.Len()/batch)
			}
		}
	}
	if images*largest < manyFloats || largest > roundFloats {
		return 1
	}
	rounds := 2
	for images%rounds != 0 || images/rounds*largest > roundFloats {
		rounds++
	}
	return rounds
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
// all weights before it, in each round: the best one has the largest difference.
func (p *program) separable(c *cut, batch int) (at int) {
	parts := c.threads * c.rounds
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
			saved += traffic(n, max(c.rounds-1, 1))
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

// traffic is how many more elements of results a node reads and writes than of constants, which it
// reads so many times.
func traffic(n *ops.Node, times int) int {
	sum := 0
	for _, v := range n.Out {
		if v != nil {
			sum += v.Len()
		}
	}
	for _, v := range reads(n) {
		if v.Const != nil {
			sum -= times * v.Len()
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

// session allocates and binds the two programs, with workspaces for the nodes behind the cut and for
// the parts.
func (c *cut) session(o *Options, behind, before *ops.Scratch) (*parted, error) {
	whole, part := c.whole.layout(), c.part.layout()
	batch, parts := batchOf(o.Inputs), c.threads*c.rounds
	if err := memory.Need("a run", int64(whole.size)+int64(c.threads)*int64(part.size)); err != nil {
		return nil, err
	}
	s, touching := &parted{rounds: c.rounds, errs: make([]error, c.threads)}, cmp.Or(o.Preparing, o.Pool)
	env := &ops.Env{Pool: o.Pool, Preparing: o.Preparing, Packed: o.Packed, Images: batch}
	var err error
	if s.session, err = c.whole.bind(whole.allocate(touching), o.Taps, env, behind); err != nil {
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
	for i, name := range o.Taps {
		if own := c.part.values[name]; own != nil {
			s.taps[i] = Tap{Name: name, DType: own.DType, Shape: slices.Concat([]int{parts * own.Shape[0]}, own.Shape[1:])}
		}
	}
	for i := range parts {
		env := &ops.Env{Preparing: o.Preparing, Images: batch / parts, Parts: parts}
		switch {
		case i == 0:
			env.Packed = o.Packed
			part.allocate(touching)
		case i%c.rounds == 0:
			before = before.Again()
			part = part.over(nil).allocate(touching)
		default:
			before.Rewind()
			part = part.over(part.arena)
		}
		for v, own := range c.of {
			if c.part.outside[own] {
				all := whole.tensor(v).Bytes()
				size := len(all) / parts
				part.made[own] = tensor.Over(own.DType, all[i*size:(i+1)*size:(i+1)*size], own.Shape...)
			}
		}
		p, err := c.part.bind(part, o.Taps, env, before)
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	s.body = s.thread
	return s, nil
}
