package engine

import (
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// layout says where every value of a program lives: constants where they are,
// results of all types in one arena of bytes by liveness.
type layout struct {
	root    map[*ops.Value]*ops.Value // the value whose memory a value uses
	blocks  map[*ops.Value]*block     // by root
	outside map[*ops.Value]bool       // see program
	size    int                       // of the arena, in bytes
	arena   []byte
	made    map[*ops.Value]*tensor.Tensor
}

// layout plans the memory.
func (p *program) layout() *layout {
	l := &layout{root: p.share(), blocks: map[*ops.Value]*block{}, outside: p.outside, made: map[*ops.Value]*tensor.Tensor{}}
	var list []*block
	touch := func(v *ops.Value, at int) {
		if !l.inArena(v) {
			return
		}
		r := l.rootOf(v)
		b := l.blocks[r]
		if b == nil {
			b = &block{size: r.Len() * r.DType.Size(), first: at, last: at}
			l.blocks[r] = b
			list = append(list, b)
		}
		b.first, b.last = min(b.first, at), max(b.last, at)
	}
	for _, v := range p.inputs { // a caller may keep its data in an input across runs
		touch(v, -1)
		touch(v, len(p.nodes))
	}
	for i, n := range p.nodes {
		for _, v := range slices.Concat(n.In, n.Out) {
			touch(v, i)
		}
	}
	for _, v := range p.keep {
		touch(v, len(p.nodes))
	}
	l.size = pack(list)
	return l
}

func (l *layout) rootOf(v *ops.Value) *ops.Value {
	if r := l.root[v]; r != nil {
		return r
	}
	return v
}

func (l *layout) inArena(v *ops.Value) bool {
	return v != nil && v.Const == nil && l.rootOf(v).Const == nil && !l.outside[l.rootOf(v)]
}

// allocate makes the arena. The threads of a pool share its zeros: what takes the time are the first
// touches of its pages.
func (l *layout) allocate(pool *parallel.Pool) *layout {
	const some = 2 << 20
	l.arena = memory.Uncleared[byte](l.size)
	pool.For(parallel.Chunks(l.size, some), func(_, i int) {
		lo, hi := parallel.Range(i, some, l.size)
		clear(l.arena[lo:hi])
	})
	return l
}

// over is the same plan in an arena that is there, or in none yet.
func (l *layout) over(arena []byte) *layout {
	own := *l
	own.arena, own.made = arena, map[*ops.Value]*tensor.Tensor{}
	return &own
}

// tensor returns the tensor of a value; nil for none.
func (l *layout) tensor(v *ops.Value) *tensor.Tensor {
	if v == nil {
		return nil
	}
	if t := l.made[v]; t != nil {
		return t
	}
	var t *tensor.Tensor
	switch r := l.rootOf(v); {
	case v.Const != nil:
		t = v.Const
	case l.inArena(v) && l.blocks[r] != nil:
		b := l.blocks[r]
		end := b.offset + v.Len()*v.DType.Size()
		t = tensor.Over(v.DType, l.arena[b.offset:end:end], v.Shape...)
	case r != v:
		t = l.tensor(r).Reshape(v.Shape...)
	default:
		t = tensor.New(v.DType, v.Shape...)
	}
	l.made[v] = t
	return t
}

func (l *layout) tensors(vs []*ops.Value) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(vs))
	for i, v := range vs {
		out[i] = l.tensor(v)
	}
	return out
}

// share finds which values live in the memory of another: the results of views,
// and results written over an operand that nobody reads afterwards.
func (p *program) share() map[*ops.Value]*ops.Value {
	root := map[*ops.Value]*ops.Value{}
	last := map[*ops.Value]int{} // by root: last reading step
	keep := map[*ops.Value]bool{}
	for _, v := range p.values {
		root[v] = v
	}
	for _, v := range p.inputs {
		root[v], keep[v] = v, true
	}
	for i, n := range p.nodes {
		for _, v := range n.Out {
			if v != nil {
				root[v] = v
			}
		}
		for _, v := range n.In {
			if v != nil && v.Const != nil {
				root[v], keep[v] = v, true
			}
		}
		if n.Def.View && n.Out[0] != nil {
			root[n.Out[0]] = root[n.In[0]]
		}
		for _, v := range n.In {
			if v != nil {
				last[root[v]] = i
			}
		}
	}
	for _, v := range p.keep {
		keep[root[v]] = true
	}
	members := map[*ops.Value][]*ops.Value{} // of each root
	for v, r := range root {
		members[r] = append(members[r], v)
	}
	for i, n := range p.nodes {
		for _, pair := range n.Def.Overwrites() {
			if pair[0] >= len(n.Out) || n.Out[pair[0]] == nil {
				continue
			}
			out, a := n.Out[pair[0]], n.Input(pair[1])
			if a == nil || a.Const != nil || a.DType != out.DType || !slices.Equal(a.Shape, out.Shape) {
				continue
			}
			r := root[a]
			free := !keep[r] && last[r] == i && living(n.In, root, r) == 1 && living(n.Out, root, r) == 0
			if free && !keep[root[out]] && root[out] == out {
				for _, v := range members[out] {
					root[v] = r
				}
				members[r] = append(members[r], members[out]...)
				last[r] = max(last[r], last[out])
			}
		}
	}
	return root
}

// living counts the values that live in the memory of r.
func living(vs []*ops.Value, root map[*ops.Value]*ops.Value, r *ops.Value) int {
	count := 0
	for _, v := range vs {
		if v != nil && root[v] == r {
			count++
		}
	}
	return count
}
