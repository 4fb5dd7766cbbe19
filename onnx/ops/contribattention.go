package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// contribAttentions are ONNX Runtime's, in terms of ONNX's.
var contribAttentions = []Def{
	weighted(contrib("Attention", 2, 7, "do_rotary:i mask_filter_value:f num_heads:i! "+
		"past_present_share_buffer:i qkv_hidden_sizes:I rotary_embedding_dim:i scale:f "+
		"unidirectional:i", expandFusedAttention), "", Matrix, Bias, ""),
	reads(contrib("MultiHeadAttention", 1, 8, "mask_filter_value:f num_heads:i! scale:f unidirectional:i",
		expandMultiHead), "", "", "", Bias, ""),
}

// expandFusedAttention projects the input [N,T,I] by weights [I,Q+K+V] first. past and
// present are [2,N,heads,T,D].
func expandFusedAttention(b *Builder, n *Node) []*Value {
	x, w, past := n.In[0], n.In[1], n.Input(4)
	if len(x.Shape) != 3 || len(w.Shape) != 2 || n.Int("do_rotary", 0) != 0 || n.Input(6) != nil {
		b.fail(n, "input has shape %v and weights %v, want [N,T,I] and [I,Q+K+V], without rotation and "+
			"past_sequence_length", x.Shape, w.Shape)
		return nil
	}
	sizes := n.Ints("qkv_hidden_sizes", slices.Repeat([]int{w.Shape[1] / 3}, 3))
	if len(sizes) != 3 || sizes[0]+sizes[1]+sizes[2] != w.Shape[1] {
		b.fail(n, "qkv_hidden_sizes are %v for weights of shape %v", sizes, w.Shape)
		return nil
	}
	y := b.Op("MatMul", nil, x, w)
	if bias := n.Input(2); bias != nil {
		y = b.Op("Add", nil, y, bias)
	}
	if y == nil {
		return nil
	}
	m := &multiHead{Builder: b, n: n, length: x.Shape[1], mask: n.Input(3), bias: n.Input(5)}
	m.q, m.k, m.v = b.slice(y, 2, 0, sizes[0]), b.slice(y, 2, sizes[0], sizes[0]+sizes[1]),
		b.slice(y, 2, sizes[0]+sizes[1], w.Shape[1])
	if past != nil && len(past.Shape) == 5 {
		m.pastK, m.pastV = b.Reshape(b.slice(past, 0, 0, 1), past.Shape[1:]),
			b.Reshape(b.slice(past, 0, 1, 2), past.Shape[1:])
	}
	out := m.attend()
	if out == nil {
		return nil
	}
	pair := func(v *Value) *Value { return b.Reshape(v, append([]int{1}, v.Shape...)) }
	if slices.Equal(out[1].Shape, out[2].Shape) {
		return []*Value{out[0], b.concat(0, pair(out[1]), pair(out[2]))}
	}
	return out[:1]
}

// expandMultiHead takes query, key and value [N,T,heads·D], keys and values of another
// sequence also as [N,heads,T,D]; a bias is added to all three.
func expandMultiHead(b *Builder, n *Node) []*Value {
	m := &multiHead{Builder: b, n: n, q: n.In[0], k: n.Input(1), v: n.Input(2), mask: n.Input(4), bias: n.Input(5),
		pastK: n.Input(6), pastV: n.Input(7)}
	if m.k == nil || m.v == nil || len(m.q.Shape) != 3 || len(m.k.Shape) != len(m.v.Shape) ||
		len(m.k.Shape) != 3 && len(m.k.Shape) != 4 {
		b.fail(n, "query has shape %v, want [N,T,heads·D] with a key and a value, not packed", m.q.Shape)
		return nil
	}
	heads := n.Int("num_heads", 0)
	if flatten := func(v *Value) *Value {
		return b.Reshape(b.transpose(v, 0, 2, 1, 3), []int{v.Shape[0], v.Shape[2], v.Shape[1] * v.Shape[3]})
	}; len(m.k.Shape) == 4 {
		m.k, m.v = flatten(m.k), flatten(m.v)
	}
	if bias := n.Input(3); bias != nil && b.Err == nil {
		q, k, v := m.q.Shape[2], m.k.Shape[2], m.v.Shape[2]
		if !slices.Equal(bias.Shape, []int{q + k + v}) {
			b.fail(n, "bias has shape %v, want [%d]", bias.Shape, q+k+v)
			return nil
		}
		m.q = b.Op("Add", nil, m.q, b.slice(bias, 0, 0, q))
		m.k = b.Op("Add", nil, m.k, b.slice(bias, 0, q, q+k))
		m.v = b.Op("Add", nil, m.v, b.slice(bias, 0, q+k, q+k+v))
	}
	if heads < 1 || b.Err != nil {
		b.fail(n, "num_heads is %d, want at least 1", heads)
		return nil
	}
	m.length = m.k.Shape[1]
	out := m.attend()
	if out == nil {
		return nil
	}
	return out[:3]
}

// multiHead is attention with heads of one number, whose masks are integers.
type multiHead struct {
	*Builder
	n            *Node
	q, k, v      *Value // [N,T,heads·D]
	pastK, pastV *Value // [N,heads,T,D], or nil
	mask, bias   *Value
	length       int // of the keys, without those from before
	batch, total int
}

func (m *multiHead) attend() []*Value {
	if m.Err != nil {
		return nil
	}
	heads := int64(m.n.Int("num_heads", 0))
	attrs := Attrs{"q_num_heads": heads, "kv_num_heads": heads, "is_causal": int64(m.n.Int("unidirectional", 0))}
	if scale := m.n.Float("scale", 0); scale != 0 {
		attrs["scale"] = scale
	}
	m.batch, m.total = m.q.Shape[0], m.length
	if m.pastK != nil {
		m.total += m.pastK.Shape[2]
	}
	bias := m.bias
	if m.mask != nil {
		masked := m.masked()
		if bias != nil {
			masked = m.Op("Add", nil, masked, bias)
		}
		bias = masked
	}
	return m.OpN("Attention", attrs, 4, m.q, m.k, m.v, bias, m.pastK, m.pastV)
}

// masked is what the mask adds to the scores: mask_filter_value for the keys that it
// leaves out. It says 1 or 0 for each key, [N,T] or [N,Q,T], or at which key each
// sequence ends [N], and after all ends where each begins [2N].
func (m *multiHead) masked() *Value {
	mask, column := m.cast(m.mask, tensor.Int64), m.Const(counting(m.total, 1, 1, 1, m.total))
	var seen *Value
	switch s := m.mask.Shape; {
	case slices.Equal(s, []int{m.batch}):
		seen = m.Op("Less", nil, column, m.Reshape(mask, []int{m.batch, 1, 1, 1}))
	case slices.Equal(s, []int{2 * m.batch}):
		ends, begins := m.slice(mask, 0, 0, m.batch), m.slice(mask, 0, m.batch, 2*m.batch)
		seen = m.Op("And", nil, m.Op("Less", nil, column, m.Reshape(ends, []int{m.batch, 1, 1, 1})),
			m.Op("GreaterOrEqual", nil, column, m.Reshape(begins, []int{m.batch, 1, 1, 1})))
	case slices.Equal(s, []int{m.batch, m.total}):
		seen = m.Op("Greater", nil, m.Reshape(mask, []int{m.batch, 1, 1, m.total}), m.Ints(0))
	case slices.Equal(s, []int{m.batch, m.q.Shape[1], m.total}):
		seen = m.Op("Greater", nil, m.Reshape(mask, []int{m.batch, 1, m.q.Shape[1], m.total}), m.Ints(0))
	default:
		m.fail(m.n, "mask has shape %v for %d sequences of %d keys", s, m.batch, m.total)
		return nil
	}
	return m.Op("Where", nil, seen, m.Scalar(m.q, 0), m.Scalar(m.q, float64(m.n.Float("mask_filter_value", -10000))))
}
