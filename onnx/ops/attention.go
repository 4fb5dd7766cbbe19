package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// attentions are written out in products and a softmax, which have kernels and
// gradients.
var attentions = []Def{
	{Op: "Attention", Since: 23,
		Attributes: "is_causal:i kv_num_heads:i q_num_heads:i qk_matmul_output_mode:i scale:f softcap:f " +
			"softmax_precision:i; " +
			"25 is_causal:i kv_num_heads:i left_window_size:i q_num_heads:i qk_matmul_output_mode:i " +
			"right_window_size:i scale:f softcap:f softmax_precision:i",
		Expand: expandAttention},
}

// attention is a resolved Attention: of q·heads queries with head size d, against
// keys and values of kv heads, which groups of heads share.
type attention struct {
	batch, heads, kv, q, d, dv int
	past, total                int // keys from before, and in all
	flat                       bool
}

// heads resolves the shape of a query, key or value: [N,heads,T,D], or [N,T,heads·D].
func (n *Node) heads(v *Value, attribute string, flat bool) (heads, length, d int, err error) {
	s := v.Shape
	if !flat {
		return s[1], s[2], s[3], nil
	}
	heads = n.Int(attribute, 0)
	if heads < 1 || s[2]%heads != 0 {
		return 0, 0, 0, n.Errorf("%s is %d, want a divisor of %d", attribute, heads, s[2])
	}
	return heads, s[1], s[2] / heads, nil
}

func (n *Node) attention() (a attention, err error) {
	if err := n.Want(3, 7); err != nil {
		return a, err
	}
	rank := len(n.In[0].Shape)
	for i, v := range n.In[:3] {
		if len(v.Shape) != rank || rank != 3 && rank != 4 || v.Shape[0] != n.In[0].Shape[0] ||
			v.DType != n.In[0].DType || !v.DType.IsFloat() {
			return a, n.Errorf("input %d is %v%v, want floats [N,heads,T,D] or [N,T,heads·D], as all of query, key "+
				"and value", i, v.DType, v.Shape)
		}
	}
	a.batch, a.flat = n.In[0].Shape[0], rank == 3
	var d, length int
	if a.heads, a.q, a.d, err = n.heads(n.In[0], "q_num_heads", a.flat); err != nil {
		return a, err
	}
	if a.kv, a.total, d, err = n.heads(n.In[1], "kv_num_heads", a.flat); err != nil {
		return a, err
	}
	kv := a.kv
	if a.kv, length, a.dv, err = n.heads(n.In[2], "kv_num_heads", a.flat); err != nil {
		return a, err
	}
	if d != a.d || kv != a.kv || length != a.total || a.kv < 1 || a.heads%a.kv != 0 {
		return a, n.Errorf("query, key and value of shapes %v, %v and %v do not fit",
			n.In[0].Shape, n.In[1].Shape, n.In[2].Shape)
	}
	return a, n.attentionExtras(&a)
}

// attentionExtras checks the mask, the keys and values from before and the numbers of
// keys that count.
func (n *Node) attentionExtras(a *attention) error {
	key, value := n.Input(4), n.Input(5)
	if (key == nil) != (value == nil) {
		return n.Errorf("has one of past_key and past_value, want both or neither")
	}
	if key != nil {
		if len(key.Shape) == 4 {
			a.past = key.Shape[2]
		}
		for i, d := range []int{a.d, a.dv} {
			if v := n.In[4+i]; !slices.Equal(v.Shape, []int{a.batch, a.kv, a.past, d}) || v.DType != n.In[0].DType {
				return n.Errorf("input %d is %v%v, want %v%v",
					4+i, v.DType, v.Shape, n.In[0].DType, []int{a.batch, a.kv, a.past, d})
			}
		}
		a.total += a.past
	}
	if lens := n.Input(6); lens != nil && (lens.DType != tensor.Int64 || !slices.Equal(lens.Shape, []int{a.batch})) {
		return n.Errorf("nonpad_kv_seqlen is %v%v, want int64 [%d]", lens.DType, lens.Shape, a.batch)
	}
	mask := n.Input(3)
	if mask == nil {
		return nil
	}
	last := len(mask.Shape) - 1
	if mask.DType != tensor.Bool && mask.DType != n.In[0].DType || last < 1 || last > 3 || mask.Shape[last] > a.total {
		return n.Errorf("attn_mask is %v%v, want bool or %v that broadcasts to %v",
			mask.DType, mask.Shape, n.In[0].DType, a.scores())
	}
	padded := append(slices.Clone(mask.Shape[:last]), a.total)
	if out, err := broadcastShape(n, padded, a.scores()); err != nil || !slices.Equal(out, a.scores()) {
		return n.Errorf("attn_mask has shape %v, want one that broadcasts to %v", mask.Shape, a.scores())
	}
	return nil
}

// scores is the shape of the products of queries and keys.
func (a *attention) scores() []int { return []int{a.batch, a.heads, a.q, a.total} }

// split brings [N,T,heads·D] to [N,heads,T,D].
func (a *attention) split(b *Builder, v *Value, heads, d int) *Value {
	if !a.flat || v == nil {
		return v
	}
	return b.transpose(b.Reshape(v, []int{a.batch, v.Shape[1], heads, d}), 0, 2, 1, 3)
}

// expandAttention is
//
//	y = softmax(softcap(q·kᵀ·scale) + bias)·v
//
// with the bias that the mask, causality and the lengths make; a row without any key
// gives 0. Reference: Vaswani et al. 2017; Ainslie et al. 2023 for the groups of heads
// that share keys.
func expandAttention(b *Builder, n *Node) ([]*Value, error) {
	a, err := n.attention()
	if err != nil {
		return nil, err
	}
	mode := n.Int("qk_matmul_output_mode", 0)
	if mode < 0 || mode > 3 {
		return nil, n.Errorf("qk_matmul_output_mode is %d, want 0 to 3", mode)
	}
	for _, side := range []string{"left_window_size", "right_window_size"} {
		if size := n.Int(side, -1); size < -1 || size > math.MaxInt32 {
			return nil, n.Errorf("%s is %d, want −1 or a number of keys", side, size)
		}
	}
	if err := n.bounded(3, a.scores()); err != nil {
		return nil, err
	}
	q, k, v := a.split(b, n.In[0], a.heads, a.d), a.split(b, n.In[1], a.kv, a.d), a.split(b, n.In[2], a.kv, a.dv)
	if n.Input(4) != nil {
		k, v = b.concat(2, n.In[4], k), b.concat(2, n.In[5], v)
	}
	scale := float64(n.Float("scale", float32(1/math.Sqrt(float64(a.d)))))
	group := func(v *Value, heads, last int) *Value { // of heads that share a key
		if a.heads == a.kv || v == nil {
			return v
		}
		return b.Reshape(v, []int{a.batch, a.kv, heads / a.kv, v.Shape[2], last})
	}
	keys := b.transpose(k, 0, 1, 3, 2)
	if keys == nil {
		return nil, b.Err
	}
	product := b.Op("MatMul", nil, group(b.times(q, scale), a.heads, a.d), group(keys, a.kv, a.total))
	modes := make([]*Value, 4)
	modes[0] = b.Reshape(product, a.scores())
	modes[1] = modes[0]
	if c := float64(n.Float("softcap", 0)); c > 0 {
		modes[1] = b.times(b.Op("Tanh", nil, b.times(modes[0], 1/c)), c)
	}
	modes[2], modes[3] = a.weights(b, n, modes[1])
	if modes[3] == nil {
		return nil, b.Err
	}
	y := b.Op("MatMul", nil, group(modes[3], a.heads, a.total), group(v, a.kv, a.dv))
	y = b.Reshape(y, []int{a.batch, a.heads, a.q, a.dv})
	if a.flat {
		y = b.Reshape(b.transpose(y, 0, 2, 1, 3), []int{a.batch, a.q, a.heads * a.dv})
	}
	return []*Value{y, k, v, modes[mode]}, b.Err
}

// weights returns the scores with the bias, and their softmax.
func (a *attention) weights(b *Builder, n *Node, scores *Value) (biased, weights *Value) {
	bias := a.bias(b, n)
	if bias == nil || b.Err != nil {
		biased = scores
		return biased, a.softmax(b, n, biased)
	}
	biased = b.Op("Add", nil, scores, bias)
	if n.Input(3) == nil && n.Input(6) == nil && n.Int("left_window_size", -1) < 0 { // each query sees a key
		return biased, a.softmax(b, n, biased)
	}
	most := b.Op("ReduceMax", nil, bias, b.Ints(-1))
	none := b.Op("Equal", nil, most, b.Scalar(bias, math.Inf(-1)))
	zero := b.Scalar(bias, 0)
	weights = a.softmax(b, n, b.Op("Where", nil, none, zero, biased))
	return biased, b.Op("Where", nil, none, zero, weights)
}

// softmax is over the keys, in the precision that is asked for, but at least that of
// the plan.
func (a *attention) softmax(b *Builder, n *Node, scores *Value) *Value {
	if n.Int("softmax_precision", 0) != 11 || scores == nil || scores.DType == tensor.Float64 {
		return b.Op("Softmax", nil, scores)
	}
	wide := b.Op("Softmax", nil, b.cast(scores, tensor.Float64))
	return b.cast(wide, scores.DType)
}

// bias is what is added to the scores: 0 for keys that a query sees, by the lengths and
// its window of those before and after its own place, and −∞ for the others, or the
// mask's numbers; nil where all are seen.
func (a *attention) bias(b *Builder, n *Node) *Value {
	like := n.In[0]
	zero, never := b.Scalar(like, 0), b.Scalar(like, math.Inf(-1))
	var bias *Value
	add := func(v *Value) {
		if bias == nil {
			bias = v
		} else {
			bias = b.Op("Add", nil, bias, v)
		}
	}
	if mask := n.Input(3); mask != nil {
		if mask.DType == tensor.Bool {
			mask = b.Op("Where", nil, mask, zero, never)
		}
		if mask != nil && mask.Shape[len(mask.Shape)-1] < a.total {
			pads := make([]int, 2*len(mask.Shape))
			pads[len(pads)-1] = a.total - mask.Shape[len(mask.Shape)-1]
			mask = b.Op("Pad", nil, mask, b.Ints(pads...), never)
		}
		add(mask)
	}
	column := b.Const(counting(a.total, 1, 1, 1, a.total))
	var lens *Value
	if lens = n.Input(6); lens != nil {
		lens = b.Reshape(lens, []int{a.batch, 1, 1, 1})
	}
	left, right := n.Int("left_window_size", -1), n.Int("right_window_size", -1)
	if n.Int("is_causal", 0) != 0 {
		right = 0
	}
	if left >= 0 || right >= 0 {
		at := b.Const(counting(a.q, 1, 1, a.q, 1)) // key at the place of each query
		if lens != nil && n.Input(4) == nil {
			at = b.Op("Add", nil, at, b.Op("Sub", nil, lens, b.Ints(a.q)))
		} else {
			at = b.Op("Add", nil, at, b.Ints(a.past))
		}
		if right >= 0 {
			add(b.Op("Where", nil, b.Op("Less", nil, b.Op("Add", nil, at, b.Ints(right)), column), never, zero))
		}
		if left >= 0 {
			add(b.Op("Where", nil, b.Op("Less", nil, column, b.Op("Sub", nil, at, b.Ints(left))), never, zero))
		}
	}
	if lens != nil {
		add(b.Op("Where", nil, b.Op("Less", nil, column, lens), zero, never))
	}
	return bias
}

// counting is 0, 1, 2, … in a shape.
func counting(count int, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Int64, shape...)
	for i := range count {
		t.I64()[i] = int64(i)
	}
	return t
}
