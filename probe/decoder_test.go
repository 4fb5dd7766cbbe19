package probe

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// geluTanh is x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), as PyTorch exports it.
func (b *builder) geluTanh(out, in string) string {
	b.node("Pow", out+".cube", in, b.float(out+".three", 3))
	b.node("Mul", out+".small", out+".cube", b.float(out+".k", 0.044715))
	b.node("Add", out+".sum", in, out+".small")
	b.node("Mul", out+".scaled", out+".sum", b.float(out+".root", float32(math.Sqrt(2/math.Pi))))
	b.node("Tanh", out+".tanh", out+".scaled")
	b.node("Add", out+".plus", out+".tanh", b.float(out+".one", 1))
	b.node("Mul", out+".product", in, out+".plus")
	b.node("Mul", out, out+".product", b.float(out+".half", 0.5))
	return out
}

// decoder is a GPT as PyTorch exports it: words and places are embedded; blocks normalise what
// they read, and each token sees those before it (Where on a Trilu of ones); what the
// last normalisation yields is scored against the table of words again.
func decoder(t *testing.T) *onnx.Model {
	b := newBuilder(1, 1, 1)
	b.graph.Input = []*onnxpb.ValueInfoProto{b.ids("input_ids")}
	b.node("Gather", "words", b.weight("word.table", vocabulary, width), "input_ids")
	b.node("Gather", "places", b.weight("place.table", tokensT, width), b.constant("positions", 0, 1, 2, 3, 4, 5))
	x := "embedded"
	b.node("Add", x, "words", "places")
	ones := tensor.New(tensor.Float32, 1, 1, tokensT, tokensT)
	for i := range ones.F32() {
		ones.F32()[i] = 1
	}
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor("ones", ones))
	integer(b.node("Trilu", "lower", "ones"), "upper", 0)
	integer(b.node("Cast", "seen", "lower"), "to", int64(onnxpb.TensorProto_BOOL))
	b.node("Where", "causal", "seen", b.float("nothing", 0), b.float("least", -1e9))
	for i := range depthB {
		name := "block" + string(rune('0'+i))
		b.node("Add", name+".middle", b.attend(name+".attention", b.norm(name+".norm1", x), "causal"), x)
		up := b.geluTanh(name+".gelu", b.dense(name+".up", b.norm(name+".norm2", name+".middle"), 2*width, width))
		b.node("Add", name, b.dense(name+".down", up, width, 2*width), name+".middle")
		x = name
	}
	b.norm("last", x)
	ints(b.node("Transpose", "head", "word.table"), "perm", 1, 0)
	b.node("MatMul", "next", "last", "head")
	m := b.model(t, "next")
	m.Proto().OpsetImport[0].Version = proto.Int64(18) // Trilu is of opset 14
	m, err := onnx.FromProto(m.Proto())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The blocks of a language model end at the sums; its embedding is what its words are
// scored from, and probing it needs the ids alone.
func TestLayersOfDecoder(t *testing.T) {
	m := decoder(t)
	layers, err := Layers(m, 4, sentenceArrays[:1], "", kinds)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"embedded": Block, "block0.middle": Block, "block0": Block, "block1.middle": Block,
		"block1": Block, "last": Embedding, "next": Projector}
	for _, l := range layers {
		if l.Role != want[l.Name] {
			t.Errorf("%s is %q, want %q", l.Name, l.Role, want[l.Name])
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("no layers %v", want)
	}
	data := sentenceData(40, 20)
	data.Train, data.Test = idsOnly{data.Train}, idsOnly{data.Test}
	data.Shape, data.Arrays = []int{tokensT}, data.Arrays[:1]
	p, err := Run(t.Context(), m, data, Options{K: []int{3}, Batch: 8, Draws: 1, Layers: []string{"blocks"}})
	if err != nil {
		t.Fatal(err)
	}
	if e := p.AtEmbedding(); e.Name != "last" || len(e.Draws.Accuracies) != 1 {
		t.Errorf("the embedding is %s, untrained %v", e.Name, e.Draws)
	}
}

// idsOnly are samples without their masks and kinds.
type idsOnly struct{ Split }

func (s idsOnly) Float32(dst []float32, i int) {
	row := make([]float32, 3*tokensT)
	s.Split.Float32(row, i)
	copy(dst, row[:tokensT])
}
