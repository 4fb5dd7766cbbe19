package ops

import "memprobe/internal/tensor"

var groupQueries = []Def{contrib("GroupQueryAttention", 1, 12, "causal:i do_rotary:i k_quant_type:s "+
	"kv_cache_bit_width:i kv_num_heads:i! local_window_size:i num_heads:i! qk_norm_epsilon:f qk_output:i "+
	"rotary_interleaved:i scale:f sliding_window_cache:i smooth_softmax:i softcap:f "+
	"v_quant_type:s", expandGroupQuery)}

// groupQuery is GroupQueryAttention: causal attention of S queries [N,S,heads·D] whose
// keys and values lie behind those of earlier calls, of which each sequence has its own
// number.
type groupQuery struct {
	*Builder
	n                           *Node
	q, k, v                     *Value // [N,S,heads·D]
	batch, length, heads, kv, d int
	past, total                 int    // places of the keys from before, and of all
	before                      *Value // keys from before that count, [N,1]; nil: none
}

// expandGroupQuery takes query, key and value, or all three packed in the query.
// seqlens_k is one less than how many keys each sequence has in all.
func expandGroupQuery(b *Builder, n *Node) []*Value {
	g := &groupQuery{Builder: b, n: n, heads: n.Int("num_heads", 0), kv: n.Int("kv_num_heads", 0)}
	if !g.resolve() {
		return nil
	}
	positions := b.Const(counting(g.length, 1, g.length))
	if g.before != nil {
		positions = b.Op("Add", nil, positions, g.before)
	}
	if n.Int("do_rotary", 0) != 0 {
		if !g.rotated(positions) {
			return nil
		}
	}
	k, v := g.cached(g.k, n.Input(3)), g.cached(g.v, n.Input(4))
	attrs := Attrs{"softcap": n.Float("softcap", 0)}
	if scale := n.Float("scale", 0); scale != 0 {
		attrs["scale"] = scale
	}
	y := b.Op("Attention", attrs, g.split(g.q, g.heads), k, v, g.mask(positions))
	if b.Err != nil {
		return nil
	}
	return []*Value{b.Reshape(b.transpose(y, 0, 2, 1, 3), []int{g.batch, g.length, g.heads * g.d}), k, v}
}

// resolve checks the shapes.
func (g *groupQuery) resolve() bool {
	n, b := g.n, g.Builder
	g.q, g.k, g.v = n.In[0], n.Input(1), n.Input(2)
	lens, total := n.Input(5), n.Input(6)
	switch {
	case len(g.q.Shape) != 3 || !g.q.DType.IsFloat() || g.heads < 1 || g.kv < 1 || g.heads%g.kv != 0 ||
		(g.k == nil) != (g.v == nil):
		b.fail(n, "query has shape %v with %d heads and %d of keys, want [N,T,heads·D]", g.q.Shape, g.heads, g.kv)
	case n.Int("smooth_softmax", 0) > 0 || n.Input(11) != nil:
		b.fail(n, "smooth_softmax and head_sink are not supported")
	case n.Int("causal", 1) != 1 || n.Int("sliding_window_cache", 0) != 0 || n.Int("qk_output", 0) != 0 ||
		n.Str("k_quant_type", "NONE") != "NONE" || n.Str("v_quant_type", "NONE") != "NONE":
		b.fail(n, "causal 0, sliding_window_cache, qk_output, k_quant_type and v_quant_type are not supported")
	case lens == nil || lens.Len() != g.q.Shape[0] || total == nil || total.Len() != 1:
		b.fail(n, "has no seqlens_k for each of %d sequences with total_sequence_length", g.q.Shape[0])
	}
	if b.Err != nil {
		return false
	}
	g.batch, g.length = g.q.Shape[0], g.q.Shape[1]
	width := g.q.Shape[2]
	if g.k == nil {
		parts := g.heads + 2*g.kv
		g.d = width / parts
		x, d := g.q, g.d
		g.q, g.k, g.v = b.slice(x, 2, 0, g.heads*d), b.slice(x, 2, g.heads*d, (g.heads+g.kv)*d),
			b.slice(x, 2, (g.heads+g.kv)*d, parts*d)
		if g.d < 1 || width != parts*d {
			b.fail(n, "query has shape %v for %d heads and %d of keys and values", n.In[0].Shape, g.heads, g.kv)
			return false
		}
	} else if g.d = width / g.heads; g.d < 1 || width%g.heads != 0 {
		b.fail(n, "query has shape %v for %d heads", g.q.Shape, g.heads)
		return false
	}
	for _, v := range []*Value{g.k, g.v} {
		if b.Err == nil && (len(v.Shape) != 3 || v.Shape[0] != g.batch || v.Shape[1] != g.length || v.Shape[2] != g.kv*g.d) {
			b.fail(n, "keys and values have shapes %v and %v, want %v",
				g.k.Shape, g.v.Shape, []int{g.batch, g.length, g.kv * g.d})
		}
	}
	return b.Err == nil && g.earlier(lens, total)
}

// earlier finds how many keys there are from before.
func (g *groupQuery) earlier(lens, total *Value) bool {
	n, b := g.n, g.Builder
	g.total = g.length
	key := n.Input(3)
	if key == nil || len(key.Shape) == 4 && key.Shape[2] == 0 {
		return true
	}
	all, known := total.Ints()
	if !known {
		b.Err = n.Unknown(total, "total_sequence_length")
		return false
	}
	for _, v := range []*Value{key, n.Input(4)} {
		if v == nil || len(v.Shape) != 4 || v.Shape[0] != g.batch || v.Shape[1] != g.kv || v.Shape[2] != key.Shape[2] ||
			v.Shape[3] != g.d {
			b.fail(n, "past_key has shape %v, want [%d,%d,T,%d], as past_value", key.Shape, g.batch, g.kv, g.d)
			return false
		}
	}
	if all[0] < g.length || all[0] > key.Shape[2]+g.length {
		b.fail(n, "total_sequence_length is %d for %d keys after %d", all[0], g.length, key.Shape[2])
		return false
	}
	g.past, g.total = key.Shape[2], max(key.Shape[2], all[0])
	g.before = b.Const(tensor.New(tensor.Int64, g.batch, 1))
	if all[0] > g.length { // not the first call
		g.before = b.Op("Add", nil, b.Reshape(b.cast(lens, tensor.Int64), []int{g.batch, 1}), b.Ints(1-g.length))
	}
	return b.Err == nil
}

// split brings [N,S,heads·D] to [N,heads,S,D].
func (g *groupQuery) split(x *Value, heads int) *Value {
	return g.transpose(g.Reshape(x, []int{g.batch, g.length, heads, g.d}), 0, 2, 1, 3)
}

// rotated turns queries and keys by their positions.
func (g *groupQuery) rotated(positions *Value) bool {
	n, b := g.n, g.Builder
	cos, sin := n.Input(7), n.Input(8)
	if cos == nil || sin == nil || len(cos.Shape) != 2 {
		b.fail(n, "do_rotary without cos_cache and sin_cache [T,D/2]")
		return false
	}
	if v := n.Input(9); v != nil {
		positions = v
	}
	positions = b.expand(positions, []int{g.batch, g.length})
	for _, part := range []struct {
		x     **Value
		heads int
	}{{&g.q, g.heads}, {&g.k, g.kv}} {
		own := *n
		own.Attrs = Attrs{"num_heads": int64(part.heads), "interleaved": int64(n.Int("rotary_interleaved", 0)),
			"rotary_embedding_dim": int64(2 * cos.Shape[1])}
		y, err := b.rotate(&own, *part.x, cos, sin, positions)
		if b.Err == nil {
			b.Err = err
		}
		*part.x = y
	}
	return b.Err == nil
}

// cached is x [N,S,heads·D] as [N,heads,T,D], behind what each sequence has from before;
// places that are left are 0.
func (g *groupQuery) cached(x, past *Value) *Value {
	y := g.split(x, g.kv)
	if g.before == nil || g.Err != nil {
		return y
	}
	place := g.Const(counting(g.total, 1, g.total))
	at := g.Op("Sub", nil, place, g.before) // among the new ones
	old, all := g.Op("Less", nil, at, g.Ints(0)), g.Op("Less", nil, at, g.Ints(g.length))
	index := g.Op("Where", nil, old, place, g.Op("Add", nil, at, g.Ints(g.past)))
	index = g.Op("Where", nil, all, index, g.Ints(0))
	shape := []int{g.batch, 1, g.total, 1}
	moved := g.Op("GatherElements", Attrs{"axis": int64(2)}, g.concat(2, past, y),
		g.expand(g.Reshape(index, shape), []int{g.batch, g.kv, g.total, g.d}))
	return g.Op("Where", nil, g.Reshape(all, shape), moved, g.Scalar(x, 0))
}

// mask is true for the keys that each query sees: none after it or after the end of its
// sequence, and none before its window of local_window_size keys; with attention_bias
// what is added instead.
func (g *groupQuery) mask(positions *Value) *Value {
	b := g.Builder
	if b.Err != nil {
		return nil
	}
	last := b.Op("Min", nil, positions, b.Reshape(b.cast(g.n.In[5], tensor.Int64), []int{g.batch, 1}))
	rows := b.Reshape(last, []int{g.batch, 1, g.length, 1})
	column := b.Const(counting(g.total, 1, 1, 1, g.total))
	seen := b.Op("LessOrEqual", nil, column, rows)
	if w := g.n.Int("local_window_size", -1); w > 0 {
		seen = b.Op("And", nil, seen, b.Op("Greater", nil, column, b.Op("Sub", nil, rows, b.Ints(w))))
	}
	if bias := g.n.Input(10); bias != nil {
		return b.Op("Where", nil, seen, bias, b.Scalar(g.q, lowest))
	}
	return seen
}

// lowest is added to the scores of keys that are not seen.
const lowest = -1e30
