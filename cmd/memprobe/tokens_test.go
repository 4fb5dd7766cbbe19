package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/probe/result"
)

const seqLen, seqWidth = 5, 6

// writeEncoder makes a model of ids and a mask [N,T] that ends in tokens [N,T,6]: words and
// places are embedded, mixed by a product, and normalised.
func writeEncoder(t *testing.T) string {
	t.Helper()
	r := rng.New(3, rng.Init)
	g := &onnxpb.GraphProto{Name: proto.String("encoder")}
	weight := func(name string, shape ...int) string {
		w := tensor.New(tensor.Float32, shape...)
		for i := range w.F32() {
			w.F32()[i] = float32(r.Normal())
		}
		g.Initializer = append(g.Initializer, onnx.EncodeTensor(name, w))
		return name
	}
	node := func(op, out string, in ...string) {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: &op, Name: proto.String(out), Input: in, Output: []string{out}})
	}
	value := func(name string, elem onnxpb.TensorProto_DataType, dims ...any) *onnxpb.ValueInfoProto {
		s := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			dim := &onnxpb.TensorShapeProto_Dimension{}
			if n, ok := d.(int); ok {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(n)}
			} else {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d.(string)}
			}
			s.Dim = append(s.Dim, dim)
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(elem)), Shape: s}}}}
	}
	node("Gather", "words", weight("table", 20, seqWidth), "input_ids")
	node("MatMul", "mixed", "words", weight("w", seqWidth, seqWidth))
	node("Tanh", "bent", "mixed")
	node("Cast", "kept", "attention_mask")
	g.Node[len(g.Node)-1].Attribute = []*onnxpb.AttributeProto{{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}}
	g.Initializer = append(g.Initializer, onnx.EncodeTensor("axis", tensor.From([]int64{2}, 1)))
	node("Unsqueeze", "column", "kept", "axis")
	node("Mul", "masked", "bent", "column")
	node("Add", "last_hidden_state", "masked", weight("bias", seqWidth))
	g.Input = []*onnxpb.ValueInfoProto{value("input_ids", onnxpb.TensorProto_INT64, "N", "T"),
		value("attention_mask", onnxpb.TensorProto_INT64, "N", "T")}
	g.Output = []*onnxpb.ValueInfoProto{value("last_hidden_state", onnxpb.TensorProto_FLOAT, "N", "T", seqWidth)}
	b, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}})
	file := filepath.Join(t.TempDir(), "encoder.onnx")
	if err == nil {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// sentence is the ids and the mask of sample i, whose class is i mod 2.
func sentence(i int) (ids, mask []int64) {
	for t := range seqLen {
		id, kept := int64(2+(i*i+3*t)%18), int64(1)
		if t > 1+i%(seqLen-1) {
			id, kept = 0, 0
		}
		if t == 0 {
			id = int64(i % 2)
		}
		ids, mask = append(ids, id), append(mask, kept)
	}
	return ids, mask
}

// writeSentences makes an archive of n sentences for training and n/2 for testing, with
// labels of text, but without some of the arrays.
func writeSentences(t *testing.T, n int, without ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name, descr string, values any, shape ...int) {
		if slices.Contains(without, name) {
			return
		}
		w, err := z.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		dims := ""
		for _, d := range shape {
			dims += fmt.Sprintf("%d, ", d)
		}
		head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, dims)
		fmt.Fprintf(w, "\x93NUMPY\x01\x00%s%s", binary.LittleEndian.AppendUint16(nil, uint16(len(head))), head)
		binary.Write(w, binary.LittleEndian, values)
	}
	at := 0
	for _, split := range []string{"train", "test"} {
		var ids, masks []int64
		var labels []byte
		for i := at; i < at+n; i++ {
			id, mask := sentence(i)
			ids, masks = append(ids, id...), append(masks, mask...)
			labels = append(labels, []string{"calm", "loud"}[i%2]...)
		}
		put("input_ids_"+split, "<i8", ids, n, seqLen)
		put("attention_mask_"+split, "<i8", masks, n, seqLen)
		put("y_"+split, "|S4", labels, n)
		at, n = at+n, n/2
	}
	file := filepath.Join(t.TempDir(), "set.npz")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// An encoder of tokens is probed, stored and extracted from a set of arrays as a network of
// images is; what it cannot be given or trained on is one line.
func TestTokens(t *testing.T) {
	model, set := writeEncoder(t), "npz:"+writeSentences(t, 40)
	dir := t.TempDir()
	report := filepath.Join(dir, "report")
	args := []string{"analyze", model, "--data", set, "--k", "3", "--draws", "2", "--labels", "random",
		"--store", filepath.Join(dir, "store"), "--format", "png,html", "--out", report}
	must(t, args...)
	first, err := os.ReadFile(filepath.Join(report, "probe.json"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, said := runMemprobe(args...); code != 0 || !strings.Contains(said, " 0 through the network") {
		t.Errorf("the network runs again: exit %d, %s", code, said)
	}
	if again, err := os.ReadFile(filepath.Join(report, "probe.json")); err != nil || !bytes.Equal(first, again) {
		t.Errorf("another result from the store: %v", err)
	}
	p, err := result.ReadProbe(filepath.Join(report, "probe.json"))
	if err != nil {
		t.Fatal(err)
	}
	e := p.AtEmbedding()
	if e.Name != "last_hidden_state" || !slices.Equal(p.Data.Classes, []string{"calm", "loud"}) ||
		!strings.HasSuffix(p.Settings.Tokens, "without padding, by attention_mask") || p.Settings.Raw == "" {
		t.Errorf("embedding %q, classes %q, tokens %q, baseline %q", e.Name, p.Data.Classes, p.Settings.Tokens,
			p.Settings.Raw)
	}
	if rows, err := os.ReadFile(filepath.Join(report, "samples.csv")); err != nil ||
		bytes.Count(rows, []byte("\n")) != 41 {
		t.Errorf("samples.csv: %v, %d lines, want one a training sample", err, bytes.Count(rows, []byte("\n")))
	}

	out := filepath.Join(dir, "rows.npz")
	must(t, "extract", model, "--data", set, "--layers", "blocks", "--pool", "mean", "--batch", "7",
		"--quiet", "--out", out)
	raw := filepath.Join(dir, "raw.npz")
	must(t, "extract", model, "--data", set, "--layers", "outputs", "--quiet", "--out", raw)
	got, tokens := arrays(t, out)["last_hidden_state"], arrays(t, raw)["last_hidden_state"].F32()
	want := make([]float32, 40*seqWidth)
	for i := range 40 {
		_, mask := sentence(i)
		for j := range seqWidth {
			sum, n := 0.0, 0.0
			for k, kept := range mask {
				sum += float64(kept) * float64(tokens[(i*seqLen+k)*seqWidth+j])
				n += float64(kept)
			}
			want[i*seqWidth+j] = float32(sum / n)
		}
	}
	if err := tol.Close(got.F32(), want, 0, 0); err != nil {
		t.Errorf("mean of the tokens that are no padding: %v", err)
	}

	for want, flags := range map[string][]string{
		`no array attention_mask_train for the model's input "attention_mask"`: {"analyze", model,
			"--data", "npz:" + writeSentences(t, 20, "attention_mask_train")},
		"with arrays that are called as the inputs": {"analyze", model, "--data", "fashion-mnist-mini"},
		"augmentations want images":                 {"analyze", model, "--data", set, "--augment", "full"},
		"networks are trained on images or vectors": {"train", "--data", set, "--arch", "mlp", "--augment", "none",
			"--epochs", "1"},
	} {
		code, _, msg := runMemprobe(append(flags, "--quiet", "--out", filepath.Join(dir, "refused"))...)
		if code != exitInput || !strings.Contains(msg, want) || strings.Count(msg, "\n") > 1 {
			t.Errorf("%v: exit %d, %s, want %q", flags, code, msg, want)
		}
	}
	for _, flags := range [][]string{{"--normalize", "imagenet"}, {"--image-size", "32"}} {
		if code, _, msg := runMemprobe(append([]string{"analyze", model, "--data", set, "--quiet"},
			flags...)...); code != exitUsage || !strings.Contains(msg, "holds the arrays") {
			t.Errorf("%v: exit %d, %s", flags, code, msg)
		}
	}
	if code, out, msg := runMemprobe("data", "info", set); code != 0 ||
		!strings.Contains(out, "attention_mask [5] of integers; input_ids [5] of integers") {
		t.Errorf("data info: exit %d, %s%s", code, out, msg)
	}
}
