package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// linearAttentions are attention by a state that each token updates, written out token
// by token.
var linearAttentions = []Def{{Op: "LinearAttention", Since: 27,
	Attributes: "chunk_size:i kv_num_heads:i! q_num_heads:i! scale:f update_rule:s",
	Expand:     expandLinearAttention}}

// linear is a resolved LinearAttention.
type linear struct {
	*Builder
	n                          *Node
	batch, steps, heads, kv    int
	d, dv                      int // sizes of a key and of a value
	gated, delta               bool
	q, k, v, decay, beta, gate *Value // [N,heads,T,…]; nil where absent
}

// expandLinearAttention updates a state S [N,heads,D,E] by each token and reads it:
//
//	S ← S·exp(decay),  v ← beta·(v − Sᵀ(gate∘k)),  S ← S + k·vᵀ,  y = scale·Sᵀq
//
// where the rule gated has the first step, delta the second. Queries come in groups
// that share a state. Inputs are query, key, value [N,T,heads·size], the state before,
// decay, beta and the gate of what is erased; outputs y and the state after. Reference:
// Yang et al. 2024 (Gated Delta Networks).
func expandLinearAttention(b *Builder, n *Node) ([]*Value, error) {
	l := &linear{Builder: b, n: n}
	if err := l.resolve(); err != nil {
		return nil, err
	}
	state := n.Input(3)
	if state == nil {
		state = b.Const(tensor.New(l.q.DType, l.batch, l.kv, l.d, l.dv))
	}
	scale := float64(n.Float("scale", 0))
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(l.d))
	}
	out := make([]*Value, l.steps)
	for t := range l.steps {
		if state = l.update(state, t); state == nil {
			return nil, b.Err
		}
		q := b.Reshape(l.at(l.q, t), []int{l.batch, l.kv, l.heads / l.kv, l.d})
		out[t] = b.Reshape(b.Op("MatMul", nil, q, state), []int{l.batch, 1, l.heads * l.dv})
	}
	return []*Value{b.times(b.concat(1, out...), scale), state}, b.Err
}

// resolve checks the operands and splits them by heads.
func (l *linear) resolve() error {
	n := l.n
	if err := n.Want(3, 7); err != nil {
		return err
	}
	for i, v := range n.In {
		if v != nil && i != 3 && (len(v.Shape) != 3 || !slices.Equal(v.Shape[:2], n.In[0].Shape[:2]) ||
			v.DType != n.In[0].DType || !v.DType.IsFloat()) {
			return n.Errorf("input %d is %v%v, want floats [N,T,heads·size] as the query", i, v.DType, v.Shape)
		}
	}
	l.batch, l.steps = n.In[0].Shape[0], n.In[0].Shape[1]
	l.heads, l.kv = n.Int("q_num_heads", 0), n.Int("kv_num_heads", 0)
	rule := n.Str("update_rule", "gated_delta")
	l.gated, l.delta = rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	switch {
	case !l.gated && !l.delta && rule != "linear":
		return n.Errorf("update_rule is %q, want linear, gated, delta or gated_delta", rule)
	case l.kv < 1 || l.heads < 1 || l.heads%l.kv != 0:
		return n.Errorf("q_num_heads is %d and kv_num_heads %d, want a multiple and its divisor", l.heads, l.kv)
	case l.gated != (n.Input(4) != nil) || l.delta != (n.Input(5) != nil) || !l.delta && n.Input(6) != nil:
		return n.Errorf("update_rule %q does not go with the inputs that are there", rule)
	case l.steps < 1 || l.steps > longest:
		return n.Errorf("has %d steps, want 1 to %d", l.steps, longest)
	}
	l.d, l.dv = n.In[0].Shape[2]/l.heads, n.In[2].Shape[2]/l.kv
	if n.In[0].Shape[2] != l.d*l.heads || n.In[1].Shape[2] != l.d*l.kv || n.In[2].Shape[2] != l.dv*l.kv {
		return n.Errorf("query, key and value of shapes %v, %v and %v do not fit",
			n.In[0].Shape, n.In[1].Shape, n.In[2].Shape)
	}
	if s := n.Input(3); s != nil && (!slices.Equal(s.Shape, []int{l.batch, l.kv, l.d, l.dv}) || s.DType != n.In[0].DType) {
		return n.Errorf("past_state is %v%v, want %v", s.DType, s.Shape, []int{l.batch, l.kv, l.d, l.dv})
	}
	l.q, l.k, l.v, l.decay, l.beta, l.gate = n.In[0], n.In[1], n.In[2], n.Input(4), n.Input(5), n.Input(6)
	for i, sizes := range [][]int{4: {l.kv, l.kv * l.d}, 5: {1, l.kv}, 6: {l.kv * l.d}} {
		if v := n.Input(i); sizes != nil && v != nil && !slices.Contains(sizes, v.Shape[2]) {
			return n.Errorf("input %d has shape %v, want a last axis of one of %v", i, v.Shape, sizes)
		}
	}
	return nil
}

// at is what v [N,T,…] holds for token t, [N,…].
func (l *linear) at(v *Value, t int) *Value { return l.slice(v, 1, t, t+1) }

// column is that for each head of a state, as a column [N,kv,size,1].
func (l *linear) column(v *Value, t int) *Value {
	heads := min(l.kv, v.Shape[2])
	return l.Reshape(l.at(v, t), []int{l.batch, heads, v.Shape[2] / heads, 1})
}

// update is the state after token t.
func (l *linear) update(state *Value, t int) *Value {
	if l.gated {
		state = l.Op("Mul", nil, state, l.Op("Exp", nil, l.column(l.decay, t)))
	}
	k, v := l.column(l.k, t), l.Reshape(l.at(l.v, t), []int{l.batch, l.kv, 1, l.dv})
	if l.delta {
		erase := k
		if l.gate != nil {
			erase = l.Op("Mul", nil, erase, l.column(l.gate, t))
		}
		known := l.Op("MatMul", nil, l.Reshape(erase, []int{l.batch, l.kv, 1, l.d}), state)
		v = l.Op("Mul", nil, l.column(l.beta, t), l.Op("Sub", nil, v, known))
	}
	return l.Op("Add", nil, state, l.Op("Mul", nil, k, v))
}
