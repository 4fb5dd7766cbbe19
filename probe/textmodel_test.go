package probe

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// The sizes of the encoder: words, tokens, features, heads, blocks, classes.
const vocabulary, tokensT, width, heads, depthB, kinds = 40, 6, 8, 2, 2, 3

func (b *builder) ids(name string) *onnxpb.ValueInfoProto {
	v := b.info(name, tokensT)
	v.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	return v
}

func (b *builder) float(name string, v ...float32) string {
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, tensor.From(v, len(v))))
	return name
}

func (b *builder) norm(out, in string) string {
	ones := slices.Repeat([]float32{1}, width)
	b.node("LayerNormalization", out, in, b.float(out+".g", ones...), b.float(out+".b", make([]float32, width)...))
	return out
}

func (b *builder) dense(out, in string, n, k int) string {
	b.node("MatMul", out+".mm", in, b.weight(out+".w", k, n))
	b.node("Add", out, out+".mm", b.weight(out+".bias", n))
	return out
}

// split makes [N,heads,T,width/heads] of [N,T,width].
func (b *builder) split(out, in string, perm ...int64) string {
	b.node("Reshape", out+".r", in, b.constant(out+".shape", 0, tokensT, heads, width/heads))
	ints(b.node("Transpose", out, out+".r"), "perm", perm...)
	return out
}

// attend adds self-attention over x, with what is added to the scores.
func (b *builder) attend(out, x, bias string) string {
	q := b.split(out+".q", b.dense(out+".query", x, width, width), 0, 2, 1, 3)
	k := b.split(out+".k", b.dense(out+".key", x, width, width), 0, 2, 3, 1)
	v := b.split(out+".v", b.dense(out+".value", x, width, width), 0, 2, 1, 3)
	b.node("MatMul", out+".scores", q, k)
	b.node("Div", out+".scaled", out+".scores", b.float(out+".root", float32(math.Sqrt(width/heads))))
	b.node("Add", out+".masked", out+".scaled", bias)
	integer(b.node("Softmax", out+".shares", out+".masked"), "axis", -1)
	b.node("MatMul", out+".mix", out+".shares", v)
	ints(b.node("Transpose", out+".back", out+".mix"), "perm", 0, 2, 1, 3)
	b.node("Reshape", out+".flat", out+".back", b.constant(out+".shape", 0, tokensT, width))
	return b.dense(out, out+".flat", width, width)
}

// gelu is x·(1+erf(x/√2))/2, as PyTorch exports it.
func (b *builder) gelu(out, in string) string {
	b.node("Div", out+".d", in, b.float(out+".root", float32(math.Sqrt2)))
	b.node("Erf", out+".e", out+".d")
	b.node("Add", out+".a", out+".e", b.float(out+".one", 1))
	b.node("Mul", out+".m", in, out+".a")
	b.node("Mul", out, out+".m", b.float(out+".half", 0.5))
	return out
}

// encoder is a BERT: words, places and kinds of token are embedded and normalised; blocks
// add attention and an MLP and normalise behind each. head makes the outputs of "last".
func encoder(t *testing.T, head func(b *builder) (outputs []string)) *onnx.Model {
	b := newBuilder(1, 1, 1)
	b.graph.Input = []*onnxpb.ValueInfoProto{b.ids("input_ids"), b.ids("attention_mask"), b.ids("token_type_ids")}
	b.node("Gather", "words", b.weight("word.table", vocabulary, width), "input_ids")
	b.node("Gather", "types", b.weight("type.table", 2, width), "token_type_ids")
	b.node("Add", "typed", "words", "types")
	b.node("Add", "placed", "typed", b.weight("place.table", 1, tokensT, width))
	x := b.norm("embedded", "placed")
	integer(b.node("Cast", "mask.float", "attention_mask"), "to", 1)
	b.node("Unsqueeze", "mask.wide", "mask.float", b.constant("mask.axes", 1, 2))
	b.node("Sub", "mask.out", b.float("mask.one", 1), "mask.wide")
	b.node("Mul", "mask.bias", "mask.out", b.float("mask.least", -1e4))
	for i := range depthB {
		name := "block" + string(rune('0'+i))
		b.node("Add", name+".sum", b.attend(name+".attention", x, "mask.bias"), x)
		y := b.norm(name+".middle", name+".sum")
		up := b.gelu(name+".gelu", b.dense(name+".up", y, 2*width, width))
		b.node("Add", name+".sum2", b.dense(name+".down", up, width, 2*width), y)
		x = b.norm(name, name+".sum2")
	}
	b.node("Identity", "last", x)
	return b.model(t, head(b)...)
}

func ofTokens(b *builder) []string { return []string{"last"} }

// meanHead averages the tokens that the mask leaves, and classifies that.
func meanHead(b *builder) []string {
	b.node("Unsqueeze", "kept", "mask.float", b.constant("kept.axis", 2))
	b.node("Mul", "left", "last", "kept")
	integer(b.node("ReduceSum", "total", "left", b.constant("total.axis", 1)), "keepdims", 0)
	integer(b.node("ReduceSum", "count", "kept", b.constant("count.axis", 1)), "keepdims", 0)
	b.node("Div", "sentence", "total", "count")
	b.gemm("scores", "sentence", kinds, width)
	return []string{"scores"}
}

// classHead is BERT's: a pooler on the first token, and a classifier.
func classHead(b *builder) []string {
	integer(b.node("Gather", "first", "last", b.constant("first.index", 0)), "axis", 1)
	b.node("Squeeze", "token", "first", b.constant("first.axis", 1))
	b.gemm("pooled", "token", width, width)
	b.node("Tanh", "pooler", "pooled")
	b.gemm("scores", "pooler", kinds, width)
	return []string{"scores"}
}

// plainEncoder is the encoder of m in float64, written out from its definition: it returns
// the mean of the last block's tokens that are no padding.
func plainEncoder(t *testing.T, m *onnx.Model) func(row []float32) []float64 {
	w := func(name string) []float64 {
		x, err := m.Initializer(name)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, x.Len())
		for i, v := range x.F32() {
			out[i] = float64(v)
		}
		return out
	}
	dense := func(name string, x []float64, n int) []float64 {
		weight, y := w(name+".w"), w(name+".bias")
		for j := range y {
			for i, v := range x {
				y[j] += v * weight[i*n+j]
			}
		}
		return y
	}
	norm := func(x []float64) []float64 {
		mean, square := 0.0, 0.0
		for _, v := range x {
			mean += v / width
		}
		for _, v := range x {
			square += (v - mean) * (v - mean) / width
		}
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = (v - mean) / math.Sqrt(square+1e-5)
		}
		return y
	}
	sum := func(a, b []float64) []float64 {
		c := make([]float64, len(a))
		for i := range a {
			c[i] = a[i] + b[i]
		}
		return c
	}
	return func(row []float32) []float64 {
		words, types, places := w("word.table"), w("type.table"), w("place.table")
		x := make([][]float64, tokensT)
		at := func(table []float64, i int) []float64 { return table[i*width : (i+1)*width] }
		for i := range x {
			x[i] = norm(sum(sum(at(words, int(row[i])), at(types, int(row[2*tokensT+i]))), at(places, i)))
		}
		for b := range depthB {
			name := "block" + string(rune('0'+b))
			var q, k, v [tokensT][]float64
			for i := range x {
				q[i], k[i], v[i] = dense(name+".attention.query", x[i], width), dense(name+".attention.key", x[i], width),
					dense(name+".attention.value", x[i], width)
			}
			y := make([][]float64, tokensT)
			for i := range x {
				mixed := make([]float64, width)
				const d = width / heads
				for h := range heads {
					share, total := [tokensT]float64{}, 0.0
					for j := range x {
						s := 0.0
						for c := h * d; c < (h+1)*d; c++ {
							s += q[i][c] * k[j][c]
						}
						share[j] = math.Exp(s/math.Sqrt(d) - 1e4*(1-float64(row[tokensT+j])))
						total += share[j]
					}
					for j := range x {
						for c := h * d; c < (h+1)*d; c++ {
							mixed[c] += share[j] / total * v[j][c]
						}
					}
				}
				y[i] = norm(sum(dense(name+".attention", mixed, width), x[i]))
			}
			for i := range x {
				up := dense(name+".up", y[i], 2*width)
				for j, u := range up {
					up[j] = u * (1 + math.Erf(u/math.Sqrt2)) / 2
				}
				x[i] = norm(sum(dense(name+".down", up, width), y[i]))
			}
		}
		mean, n := make([]float64, width), 0.0
		for i := range x {
			if row[tokensT+i] != 0 {
				mean, n = sum(mean, x[i]), n+1
			}
		}
		for j := range mean {
			mean[j] /= n
		}
		return mean
	}
}
