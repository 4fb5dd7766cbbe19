package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/onnx"
)

// sequences is a model of the tokens x [N,5,4] up to h, which one block has added to;
// head makes the embedding of it.
func sequences(t *testing.T, head func(b *builder)) *onnx.Model {
	b := newBuilder(5, 4, 1)
	b.graph.Input = []*onnxpb.ValueInfoProto{b.info("x", 5, 4)}
	b.node("MatMul", "q", "x", b.weight("wq", 4, 4))
	b.node("Tanh", "a", "q")
	b.node("Add", "h", "x", "a")
	head(b)
	b.gemm("out", "embedding", 3, 4)
	return b.model(t, "out")
}

// What the head reads of tokens is found in the graph.
func TestReads(t *testing.T) {
	reduce := func(op string) func(*builder) {
		return func(b *builder) {
			n := b.node(op, "embedding", "h")
			if op == "ReduceSum" { // axes are an operand of it
				n.Input = append(n.Input, b.constant("axes", 1))
			} else {
				ints(n, "axes", 1)
			}
			integer(n, "keepdims", 0)
		}
	}
	gather := func(i int64) func(*builder) {
		return func(b *builder) {
			b.node("Squeeze", "index", b.constant("i", i))
			integer(b.node("Gather", "embedding", "h", "index"), "axis", 1)
		}
	}
	slice := func(lo, hi int64) func(*builder) {
		return func(b *builder) {
			b.node("Slice", "one", "h", b.constant("lo", lo), b.constant("hi", hi), b.constant("axis", 1))
			b.node("Squeeze", "embedding", "one", "axis")
		}
	}
	for name, c := range map[string]struct {
		head func(*builder)
		want string
	}{
		"class token":       {gather(0), "cls"},
		"token":             {gather(2), "token:2"},
		"token from behind": {gather(-2), "token:3"},
		"last":              {gather(-1), "last"},
		"last by number":    {gather(4), "last"},
		"slice":             {slice(0, 1), "cls"},
		"last slice":        {slice(-1, 1<<62), "last"},
		"mean":              {reduce("ReduceMean"), "mean"},
		"sum":               {reduce("ReduceSum"), "mean"},
		"max":               {reduce("ReduceMax"), "max"},
		"pooled": {func(b *builder) {
			ints(b.node("Transpose", "turned", "h"), "perm", 0, 2, 1)
			b.node("GlobalAveragePool", "pooled", "turned")
			b.node("Flatten", "embedding", "pooled")
		}, "mean"},
		"normalised": {func(b *builder) {
			n := b.node("LayerNormalization", "normed", "h", b.weight("g", 4), b.weight("b", 4))
			integer(n, "axis", -1)
			integer(b.node("Gather", "row", "normed", b.constant("i", 0)), "axis", 1)
			b.node("Flatten", "embedding", "row")
		}, "cls"},
		"two": {func(b *builder) {
			b.node("Squeeze", "index", b.constant("i", 0))
			integer(b.node("Gather", "first", "h", "index"), "axis", 1)
			n := b.node("ReduceMean", "mean", "h")
			ints(n, "axes", 1)
			integer(n, "keepdims", 0)
			b.node("Add", "both", "first", "mean")
			b.node("Flatten", "embedding", "both")
		}, "mean"},
	} {
		m := sequences(t, c.head)
		m.Proto().OpsetImport[0].Version = proto.Int64(17)
		layers, err := Layers(m, 2, nil, "", 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := slices.IndexFunc(layers, func(l Layer) bool { return l.Name == "h" })
		if l := layers[i]; l.Pool.String() != c.want || l.Tokens != 5 ||
			strings.Contains(l.Reads, "not plain") != (name == "two") {
			t.Errorf("%s: pooled by %v of %d tokens (%s), want %s", name, l.Pool, l.Tokens, l.Reads, c.want)
		}
	}
}

// A vision transformer is probed at the token that its head reads, and where there are
// other numbers of tokens at their mean; the number says so.
func TestClassToken(t *testing.T) {
	for _, name := range []string{"tinyvit-op17", "tinyvit-op12-nofold"} {
		m, err := onnx.Load(shared.Path(t, "fixtures", "models", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		data := Data{Train: square(30, 10, 3, 32), Test: square(20, 10, 3, 32), Classes: make([]string, 10),
			Shape: []int{3, 32, 32}}
		run := func(p Pooling) map[string]string {
			r, err := Run(context.Background(), m, data,
				Options{K: []int{3}, Pooling: p, NoUntrained: true, Layers: []string{"blocks", "/Transpose_output_0"}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"": r.Settings.Pool + "; " + r.Settings.Tokens}
			for _, l := range r.Layers {
				got[l.Name] = fmt.Sprint(l.Pool, l.Dim, l.KNN.True[3])
			}
			return got
		}
		auto, cls := run(Auto), run(Token(0))
		if want := `auto: cls; the head reads the cls of 17 tokens: Gather "/Gather_7"`; auto[""] != want {
			t.Errorf("%s: %s, want %s", name, auto[""], want)
		}
		if want := "mean32"; !strings.HasPrefix(auto["/Transpose_output_0"], want) {
			t.Errorf("%s: patches without a class token: %s, want %s", name, auto["/Transpose_output_0"], want)
		}
		delete(auto, "")
		for layer, got := range auto {
			if layer != "input" && strings.TrimLeft(got, "avg") != strings.TrimLeft(cls[layer], "avg") {
				t.Errorf("%s: %s: %s by auto, %s by hand", name, layer, got, cls[layer])
			}
		}
		if _, err := Run(context.Background(), m, data, Options{K: []int{3}, Pooling: Token(17)}); err == nil ||
			!strings.Contains(err.Error(), "token below 17") {
			t.Errorf("%s: token 17 of 17: %v", name, err)
		}
	}
}

// square is a synthetic split of square images.
func square(n, classes, c, side int) images {
	s := synthetic(n, classes)
	s.shape = []int{c, side, side}
	return s
}

// A dense block has a block after each layer, and its output is one too.
func TestDenseBlocks(t *testing.T) {
	m, err := onnx.Load(shared.Path(t, "fixtures", "models", "densenet-op9", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Join(roles(t, m), "\n")
	for i := 1; i <= 3; i++ {
		for _, want := range []string{"denseblock%d/denselayer2/Concat_output_0", "denseblock%d/Concat_output_0"} {
			if want = "block /features/" + fmt.Sprintf(want, i); !strings.Contains(named, want) {
				t.Errorf("no %q among\n%s", want, named)
			}
		}
	}
}
