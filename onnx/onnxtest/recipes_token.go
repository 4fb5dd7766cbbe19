package onnxtest

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// heads applies Attention to few heads, some of which share keys.
func heads(g *generator, op string) {
	groups, kv, q, k, d, dv, batch := g.between(1, 2), g.between(1, 2), g.between(1, 4), g.between(1, 4), g.between(1, 4), g.between(1, 4), g.between(1, 2)
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
