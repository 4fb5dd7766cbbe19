package ops

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// known is a value whose elements are known.
func known(t *tensor.Tensor) *Value { return &Value{DType: t.DType, Shape: t.Shape, Const: t} }

// contribution evaluates an operator of ONNX Runtime's domain.
func contribution(t *testing.T, op string, attrs Attrs, outs int, in ...*Value) []*tensor.Tensor {
	t.Helper()
	def, err := Lookup(Contrib, op, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Name: "node", Op: op, Domain: Contrib, Attrs: attrs, In: in, Def: def}
	for i := range outs {
		n.Out = append(n.Out, &Value{Name: fmt.Sprint("out", i)})
	}
	b := NewBuilder("node")
	values, err := def.Expand(b, n)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	given := map[*Value]*tensor.Tensor{}
	for _, v := range in {
		if v != nil && v.Const == nil {
			given[v] = feeds[v]
		}
	}
	given = evaluate(t, b.Nodes, given)
	var out []*tensor.Tensor
	for _, v := range values[:outs] {
		out = append(out, given[v])
	}
	return out
}

// feeds holds what values of fed are at run time.
var feeds = map[*Value]*tensor.Tensor{}

func fed(t *tensor.Tensor) *Value {
	v := input(t)
	feeds[v] = t
	return v
}

// Sequences with keys of their own number from before, heads in groups that share them,
// a window: against the definition, key by key.
func TestGroupQueryAttention(t *testing.T) {
	const heads, kv, d, places = 4, 2, 4, 5
	for _, c := range []struct {
		length, total, window int
		lens                  []int32
	}{{1, 6, -1, []int32{5, 3}}, {2, 6, -1, []int32{5, 2}}, {3, 3, -1, []int32{2, 1}}, {2, 5, 2, []int32{4, 4}}} {
		q, k, v := wave(tensor.Float32, 2, c.length, heads*d), wave(tensor.Float32, 2, c.length, kv*d),
			wave(tensor.Float32, 2, c.length, kv*d)
		for i := range v.F32() {
			v.F32()[i] += float32(i % 7)
		}
		pastK, pastV := wave(tensor.Float32, 2, kv, places, d), wave(tensor.Float32, 2, kv, places, d)
		out := contribution(t, "GroupQueryAttention",
			Attrs{"num_heads": int64(heads), "kv_num_heads": int64(kv), "local_window_size": int64(c.window)}, 3,
			fed(q), fed(k), fed(v), fed(pastK), fed(pastV), fed(tensor.From(c.lens, 2)),
			known(tensor.From([]int32{int32(c.total)}, 1)))
		size := max(places, c.total)
		want := [3][]float64{make([]float64, q.Len()), make([]float64, 2*kv*size*d), make([]float64, 2*kv*size*d)}
		for b := range 2 {
			before := int(c.lens[b]) + 1 - c.length
			if c.total == c.length {
				before = 0
			}
			for i, from := range [][2]*tensor.Tensor{{k, pastK}, {v, pastV}} {
				for h := range kv {
					for j := range before + c.length {
						for e := range d {
							to := &want[1+i][((b*kv+h)*size+j)*d+e]
							if j < before {
								*to = float64(from[1].F32()[((b*kv+h)*places+j)*d+e])
							} else {
								*to = float64(from[0].F32()[(b*c.length+j-before)*kv*d+h*d+e])
							}
						}
					}
				}
			}
			for s := range c.length {
				last := min(before+s, int(c.lens[b]))
				for h := range heads {
					group, sum := h/(heads/kv), 0.0
					at := (b*c.length+s)*heads*d + h*d
					for j := range last + 1 {
						if c.window > 0 && j <= last-c.window {
							continue
						}
						dot, key := 0.0, ((b*kv+group)*size+j)*d
						for e := range d {
							dot += float64(q.F32()[at+e]) * want[1][key+e]
						}
						p := math.Exp(dot / 2) // √d
						sum += p
						for e := range d {
							want[0][at+e] += p * want[2][key+e]
						}
					}
					for e := range d {
						want[0][at+e] /= sum
					}
				}
			}
		}
		for i, w := range want {
			if err := tol.Scaled(out[i].F32(), w, 1e-6); err != nil { // sums of up to six products
				t.Errorf("%+v: output %d: %v", c, i, err)
			}
		}
	}
}
