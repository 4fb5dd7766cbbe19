package onnxtest

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// heads applies Attention to few heads, some of which share keys.
func heads(g *generator, op string) {
	groups, kv, q, k, d, dv, batch := g.between(1, 2), g.between(1, 2), g.between(1, 4), g.between(1, 4),
		g.between(1, 4), g.between(1, 4), g.between(1, 2)
	attrs := g.maybe(ops.Attrs{"is_causal": int64(g.IntN(2)), "softcap": float32(2), "scale": float32(0.5)})
	attrs["qk_matmul_output_mode"] = int64(oneOf(g, 0, 1, 3)) // 2 has −∞
	past, total := []*ops.Value{nil, nil}, k
	if g.chance(0.3) {
		past = []*ops.Value{g.weight(batch, kv, 2, d), g.weight(batch, kv, 2, dv)}
		total += 2
	}
	mask := oneOf(g, nil, g.like([]int{q, total}), g.boolean([]int{batch, 1, q, total}))
	var lens *ops.Value
	if g.chance(0.2) {
		t := tensor.New(tensor.Int64, batch)
		for i := range t.I64() {
			t.I64()[i] = int64(g.between(0, total))
		}
		lens = g.leaf(t, g.chance(0.5))
	}
	in := []*ops.Value{g.input(batch, groups*kv, q, d), g.weight(batch, kv, k, d), g.weight(batch, kv, k, dv)}
	if g.chance(0.5) {
		attrs["q_num_heads"], attrs["kv_num_heads"] = int64(groups*kv), int64(kv)
		in = []*ops.Value{g.input(batch, q, groups*kv*d), g.weight(batch, k, kv*d), g.weight(batch, k, kv*dv)}
	}
	in = append(in, mask, past[0], past[1], lens)
	g.apply(op, attrs, oneOf(g, 1, 3, 4), in...)
}

// rotary applies RotaryEmbedding, with positions or an angle for each token.
func rotary(g *generator, op string) {
	n, heads, length, d := g.between(1, 2), g.between(1, 2), g.between(1, 3), 2*g.between(1, 3)
	attrs := g.maybe(ops.Attrs{"interleaved": int64(g.IntN(2))})
	r := d
	if g.chance(0.3) {
		r = 2
		attrs["rotary_embedding_dim"] = int64(r)
	}
	x := g.input(n, heads, length, d)
	if g.chance(0.5) {
		x, attrs["num_heads"] = g.input(n, length, heads*d), int64(heads)
	}
	if g.chance(0.5) {
		g.one(op, attrs, x, g.weight(n, length, r/2), g.weight(n, length, r/2))
		return
	}
	g.one(op, attrs, x, g.weight(5, r/2), g.weight(5, r/2), g.within(0, 5, n, length))
}

func tensorScatter(g *generator, op string) {
	x := g.input(g.between(1, 3), g.between(1, 3), g.between(2, 5), g.between(1, 3))
	s := x.Shape
	u := g.between(1, 2)
	at := g.within(0, min(2, s[2]-u+1), s[0]) // a linear cache has no place behind its end
	g.one(op, g.maybe(ops.Attrs{"mode": "circular"}), x, g.weight(s[0], s[1], u, s[3]), oneOf(g, nil, at))
}

func causalConv(g *generator, op string) {
	x, k := g.float(3, 3), g.between(1, 4)
	n, c := x.Shape[0], x.Shape[1]
	attrs := g.maybe(ops.Attrs{"activation": oneOf(g, "none", "silu", "swish")})
	g.apply(op, attrs, g.between(1, 2), x, g.weight(c, 1, k), oneOf(g, nil, g.weight(c)),
		oneOf(g, nil, g.weight(n, c, k-1)))
}

// recurrent applies a network of few steps.
func recurrent(g *generator, op string) {
	x := g.float(3, 3)
	t, n, hidden, gates, ways := x.Shape[0], x.Shape[1], g.between(1, 3),
		map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}[op], 1
	attrs := g.maybe(ops.Attrs{"linear_before_reset": int64(g.IntN(2)), "clip": float32(1), "hidden_size": int64(hidden)})
	if g.chance(0.3) {
		attrs["direction"], ways = "bidirectional", 2
	} else if g.chance(0.3) {
		attrs["direction"] = "reverse"
	}
	state := []int{ways, n, hidden}
	if g.opset >= 14 && g.chance(0.3) {
		attrs["layout"] = int64(1)
		t, n = n, t
		state = []int{n, ways, hidden}
	}
	var lens *ops.Value
	if g.chance(0.3) && t > 0 {
		at := tensor.New(tensor.Int32, n)
		for i := range at.I32() {
			at.I32()[i] = int32(g.between(0, t))
		}
		lens = g.leaf(at, g.chance(0.5))
	}
	in := []*ops.Value{x, g.weight(ways, gates*hidden, x.Shape[2]), g.weight(ways, gates*hidden, hidden),
		oneOf(g, nil, g.weight(ways, 2*gates*hidden)), lens, oneOf(g, nil, g.weight(state...))}
	outs := 2
	if op == "LSTM" {
		in = append(in, oneOf(g, nil, g.weight(state...)), oneOf(g, nil, g.weight(ways, 3*hidden)))
		outs = 3
	}
	g.apply(op, attrs, g.between(1, outs), in...)
}

func linearAttention(g *generator, op string) {
	n, t, kv, group, d, dv := g.between(1, 2), g.between(1, 4), g.between(1, 2), g.between(1, 2),
		g.between(1, 3), g.between(1, 3)
	rule := oneOf(g, "linear", "gated", "delta", "gated_delta")
	attrs := g.maybe(ops.Attrs{"scale": float32(0.5)})
	attrs["update_rule"], attrs["q_num_heads"], attrs["kv_num_heads"] = rule, int64(kv*group), int64(kv)
	in := []*ops.Value{g.input(n, t, kv*group*d), g.weight(n, t, kv*d), g.weight(n, t, kv*dv),
		oneOf(g, nil, g.weight(n, kv, d, dv)), nil, nil, nil}
	if rule == "gated" || rule == "gated_delta" {
		in[4] = g.weight(n, t, oneOf(g, kv, kv*d))
	}
	if rule == "delta" || rule == "gated_delta" {
		in[5] = g.weight(n, t, oneOf(g, 1, kv))
		in[6] = oneOf(g, nil, g.weight(n, t, kv*d))
	}
	g.apply(op, attrs, g.between(1, 2), in...)
}
