package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/npy"
	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/onnxtest"
	"memprobe/probe/result"
)

// A model that ends in a Softmax is trained on the scores before it, and analysed by
// them; a tensor that is named is trained instead.
func TestTrainingTakesTheLogitsBeforeASoftmax(t *testing.T) {
	model := shared.Path(t, "cases", "onnx", "07-final-softmax", "model.onnx")
	dir := filepath.Join(t.TempDir(), "run")
	data := filepath.Join(t.TempDir(), "data.npz")
	writeImages(t, data, 40, 3, 32)
	args := []string{"train", "--init", model, "--data", "npz:" + data, "--epochs", "1", "--batch", "20",
		"--quiet", "--json", "--out"}
	if out := mustTrain(t, append(args, dir)...); !strings.Contains(out, `"logits": "lg"`) ||
		!strings.Contains(out, "before the Softmax that yields the output y") {
		t.Errorf("run.json does not say that lg was trained: %s", out)
	}
	must(t, "analyze", dir, "--format", "html", "--quiet", "--k", "3", "--out", filepath.Join(dir, "report"))
	p, err := os.ReadFile(filepath.Join(dir, "report", "probe.json"))
	if err != nil || !strings.Contains(string(p), `"logits": "lg"`) {
		t.Errorf("probe.json does not say that lg are the logits: %v", err)
	}
	wantExit(t, exitInput, append(args, filepath.Join(dir, "2"), "--logits", "nonsense")...)
	wantExit(t, exitInput, "analyze", model, "--data", "npz:"+data, "--logits", "c1",
		"--quiet", "--out", filepath.Join(dir, "3"))
}

// A network gets one verdict wherever its file keeps the weights.
func TestVerdictOfEveryForm(t *testing.T) {
	plain, err := onnx.Load(benign)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	want := ""
	for _, form := range []struct {
		name   string
		change func(*onnxpb.ModelProto)
	}{
		{"initialisers", func(*onnxpb.ModelProto) {}},
		{"constants", onnxtest.InConstants},
		{"functions", func(p *onnxpb.ModelProto) { onnxtest.InFunctions(p, false) }},
		{"functions with constants", func(p *onnxpb.ModelProto) { onnxtest.InFunctions(p, true) }},
	} {
		m := plain.Clone()
		form.change(m.Proto())
		file := filepath.Join(dir, form.name+".onnx")
		if err := m.Save(file); err != nil {
			t.Fatal(err)
		}
		code, out, msg := runMemprobe("analyze", file, "--train-limit", "100", "--test-limit", "60", "--draws", "1",
			"--samples=false", "--map", "0", "--layers", "embedding",
			"--format", "html", "--json", "--quiet", "--out", filepath.Join(dir, form.name))
		if code != 0 {
			t.Fatalf("%s: %s", form.name, msg)
		}
		p, err := result.DecodeProbe(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s, %s, fit %v, untrained %v", p.Verdict.Word,
			p.Verdict.Why(), p.Fit.AssignedClean.Value(), p.Baselines.Untrained.Value())
		if want == "" {
			want = got
		}
		if got != want || p.Settings.Redrawn.Value() != 1 {
			t.Errorf("%s: %s, want %s", form.name, got, want)
		}
	}
}

// Probabilities that a Flatten, a Log or a Neg lies behind are not trained as scores.
func TestTrainingSeesThroughTheTail(t *testing.T) {
	dir := t.TempDir()
	tailed := func(lines ...string) string {
		model := graft(t, "y", lines...)
		m, err := onnx.Load(model)
		if err != nil {
			t.Fatal(err)
		}
		m.Keep([]string{"y"})
		if err := m.Save(model); err != nil {
			t.Fatal(err)
		}
		return model
	}
	args := []string{"train", "--data", "fashion-mnist-mini", "--train-limit", "40", "--epochs", "1", "--batch", "20",
		"--quiet", "--init"}
	for i, tail := range []string{"Flatten p = y", "Log p = y"} {
		out := mustTrain(t, append(args, tailed("Softmax logits = p", tail), "--out", filepath.Join(dir, fmt.Sprint(i)))...)
		if !strings.Contains(out, "logits [N,10], before the Softmax") {
			t.Errorf("%q: %s", tail, out)
		}
	}
	args = append(args, tailed("Softmax logits = p", "Neg p = y"))
	code, _, msg := runMemprobe(append(args, "--out", filepath.Join(dir, "no"))...)
	if code != exitInput || strings.Count(msg, "\n") != 1 ||
		!strings.Contains(msg, "y [N,10], computed from the Softmax of logits") || !strings.Contains(msg, "--logits NAME") {
		t.Errorf("exit %d: %s", code, msg)
	}
	mustTrain(t, append(args, "--logits", "logits", "--out", filepath.Join(dir, "named"))...)
}

// A model whose images have the channels last is trained and analysed on a set as any
// other, and the set's pixels give what they give when they are handed over turned.
func TestChannelsLast(t *testing.T) {
	model := shared.Path(t, "cases", "onnx", "08a-tf2onnx-nhwc", "model.onnx")
	dir := t.TempDir()
	data := filepath.Join(dir, "data.npz")
	writeImages(t, data, 40, 3, 32)
	must(t, "extract", model, "--data", "npz:"+data, "--layers", "dense",
		"--quiet", "--out", filepath.Join(dir, "set.npz"))
	images := arrays(t, data)["x_train"]
	last := tensor.New(tensor.Float32, 40, 32, 32, 3)
	for n := range 40 {
		for c := range 3 {
			for p := range 32 * 32 {
				last.F32()[(n*32*32+p)*3+c] = images.F32()[(n*3+c)*32*32+p]
			}
		}
	}
	w, err := npy.Create(filepath.Join(dir, "in.npy"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Array("x", tensor.Float32, last.Shape...)
	if err := errors.Join(err, a.Append(last), w.Close()); err != nil {
		t.Fatal(err)
	}
	must(t, "extract", model, "--input", filepath.Join(dir, "in.npy"), "--layers", "dense",
		"--out", filepath.Join(dir, "raw.npz"))
	got, want := arrays(t, filepath.Join(dir, "set.npz"))["dense"], arrays(t, filepath.Join(dir, "raw.npz"))["dense"]
	if err := tol.Close(got.F32(), want.F32(), 1e-6, 0); err != nil { // sums of 32 in another order
		t.Error(err)
	}
	run := filepath.Join(dir, "run")
	mustTrain(t, "train", "--init", model, "--data", "npz:"+data, "--epochs", "1", "--batch", "20",
		"--quiet", "--out", run)
	must(t, "analyze", model, "--data", "npz:"+data, "--format", "html", "--quiet", "--k", "3",
		"--out", filepath.Join(dir, "report"))
	p, err := os.ReadFile(filepath.Join(dir, "report", "probe.json"))
	if err != nil || !strings.Contains(string(p), "channels last") {
		t.Errorf("probe.json does not say that images were turned: %v", err)
	}
	must(t, "analyze", run, "--format", "html", "--quiet", "--k", "3", "--out", filepath.Join(dir, "report2"))
}

// writeImages writes a data set of n images [c,size,size] of ten classes, and half as
// many for testing.
func writeImages(t *testing.T, file string, n, c, size int) {
	t.Helper()
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []struct {
		name string
		n    int
	}{{"train", n}, {"test", n / 2}} {
		x, err := w.Array("x_"+split.name, tensor.Float32, split.n, c, size, size)
		if err != nil {
			t.Fatal(err)
		}
		pixels, labels := tensor.New(tensor.Float32, split.n, c, size, size), make([]int64, split.n)
		for i := range pixels.F32() {
			pixels.F32()[i] = float32(i*i%251) / 250
		}
		for i := range labels {
			labels[i] = int64(i % 10)
		}
		if err := x.Append(pixels); err != nil {
			t.Fatal(err)
		}
		if err := writeArray(w, "y_"+split.name, labels); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Names that a file chooses are shown without their control characters.
func TestNamesAreShownEscaped(t *testing.T) {
	m, err := onnx.Load(malign)
	if err != nil {
		t.Fatal(err)
	}
	evil := "red\x1b[31m\nline\u202e"
	g := m.Proto().Graph
	old := g.Node[0].Output[0]
	for _, n := range g.Node {
		for i, name := range n.Input {
			if name == old {
				n.Input[i] = evil
			}
		}
	}
	g.Node[0].Output[0] = evil
	dir := t.TempDir()
	file := filepath.Join(dir, "evil.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	check := func(what, text string) {
		t.Helper()
		if strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, `red\x1b[31m\nline\u202e`) {
			t.Errorf("%s shows the name as the file has it, or not at all", what)
		}
	}
	_, out, _ := runMemprobe("inspect", file)
	check("inspect", out)
	code, out, msg := runMemprobe("analyze", file, "--layers", "all", "--train-limit", "60", "--test-limit", "30", "--draws", "1",
		"--format", "html", "--quiet", "--out", filepath.Join(dir, "r"))
	if code != 0 {
		t.Fatal(msg)
	}
	check("analyze", out)
	files, _ := filepath.Glob(filepath.Join(dir, "r", "*.*ml"))
	tables, _ := filepath.Glob(filepath.Join(dir, "r", "*.csv"))
	if len(files) == 0 || len(tables) == 0 {
		t.Fatal("no report")
	}
	for _, f := range append(files, tables[:1]...) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		check(filepath.Base(f), string(b))
	}
}

// A batch that the file fixes at 1 is opened where that changes nothing else.
func TestFixedBatchIsOpened(t *testing.T) {
	model := shared.Path(t, "cases", "onnx", "41d-batch1-train", "model.onnx")
	dir := t.TempDir()
	data := filepath.Join(dir, "data.npz")
	writeImages(t, data, 20, 3, 32)
	const note = "the batch, fixed at 1 in the file, is open"
	for i, batch := range []string{"1", "8"} {
		out := mustTrain(t, "train", "--init", model, "--data", "npz:"+data, "--epochs", "1",
			"--quiet", "--out", filepath.Join(dir, batch), "--batch", batch)
		if !strings.Contains(out, note) {
			t.Errorf("run %d says %s", i, out)
		}
	}
	code, _, msg := runMemprobe("analyze", model, "--data", "npz:"+data, "--format", "html", "--quiet", "--k", "3",
		"--out", filepath.Join(dir, "report"))
	if code != 0 || !strings.Contains(msg, note) {
		t.Errorf("analyze: exit %d: %s", code, msg)
	}
	raw := filepath.Join(dir, "x.npy")
	if err := npy.Write(raw, arrays(t, data)["x_train"]); err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")
	must(t, "extract", model, "--input", raw, "--out", a)
	must(t, "extract", model, "--data", "npz:"+data, "--quiet", "--out", b)
	if err := tol.Scaled(arrays(t, a)["logits"].F32(), arrays(t, b)["logits"].F32(), 1e-6); err != nil {
		t.Error(err)
	}
}

// A model whose images depend on each other keeps its batch of 1, is trained at it, and
// any other is refused in one line.
func TestTrainingOfAFixedBatch(t *testing.T) {
	m, err := onnx.Load(shared.Path(t, "cases", "onnx", "41d-batch1-train", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	last := m.Nodes()[len(m.Nodes())-1]
	last.Output[0] = "before"
	g, zero := m.Proto().Graph, onnx.EncodeTensor("zero", tensor.From([]int64{0}, 1))
	zero.Dims = nil
	g.Initializer = append(g.Initializer, zero)
	g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("CumSum"), Input: []string{"before", "zero"},
		Output: []string{"logits"}})
	dir := t.TempDir()
	model, data := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "data.npz")
	if err := m.Save(model); err != nil {
		t.Fatal(err)
	}
	writeImages(t, data, 20, 3, 32)
	args := []string{"train", "--init", model, "--data", "npz:" + data, "--epochs", "1", "--quiet", "--out"}
	if out := mustTrain(t, append(args, filepath.Join(dir, "1"),
		"--batch", "1")...); !strings.Contains(out, "the batch stays fixed at 1: ") {
		t.Errorf("the run says %s", out)
	}
	code, _, msg := runMemprobe(append(args, filepath.Join(dir, "8"), "--batch", "8")...)
	if code != exitUsage ||
		!strings.Contains(msg, "--batch 8, want 1, which the model fixes: it cannot be opened, since ") ||
		!strings.Contains(msg, "depends on the others") {
		t.Errorf("exit %d: %s", code, msg)
	}
}

// What is left out of a model is told: on stderr, in the report and in run.json.
func TestDroppedTailIsTold(t *testing.T) {
	model := graft(t, "words", "Unheard logits = words")
	dir := t.TempDir()
	const want = `the output words is left out: node "words" (Unheard): `
	code, _, msg := runMemprobe("analyze", model, "--train-limit", "60", "--test-limit", "30", "--draws", "1",
		"--format", "html", "--quiet", "--out", filepath.Join(dir, "r"))
	p, err := os.ReadFile(filepath.Join(dir, "r", "probe.json"))
	if code != 0 || err != nil || !strings.Contains(msg, want) ||
		!strings.Contains(string(p), `the output words is left out`) {
		t.Errorf("analyze: exit %d, %v: %s", code, err, msg)
	}
	code, _, msg = runMemprobe("extract", model, "--data", "fashion-mnist-mini", "--train-limit", "20",
		"--quiet", "--out", filepath.Join(dir, "o.npz"))
	if code != 0 || !strings.Contains(msg, want) {
		t.Errorf("extract: exit %d: %s", code, msg)
	}
	args := []string{"train", "--init", model, "--data", "fashion-mnist-mini", "--train-limit", "40", "--epochs", "1",
		"--batch", "20", "--quiet", "--out", filepath.Join(dir, "run")}
	if out := mustTrain(t, args...); !strings.Contains(out, want) {
		t.Errorf("train says %s", out)
	}
	if out := mustTrain(t, append(args, "--json")...); !strings.Contains(out, `the output words is left out`) {
		t.Errorf("run.json is %s", out)
	}
	mustTrain(t, "bench", "infer", model, "--steps", "1")
	mustTrain(t, "bench", "train", "--init", model, "--steps", "1", "--batch", "4")
}

// Every command finds the logits by one rule, and asks for them by name where several
// outputs may be they.
func TestSeveralOutputs(t *testing.T) {
	model := graft(t, "embedding")
	for _, args := range [][]string{{"inspect", "--weights", model},
		{"bench", "train", "--init", model, "--steps", "1", "--batch", "4"}} {
		wantExit(t, exitInput, args...)
		mustTrain(t, append(args, "--logits", "logits")...)
	}
	out := filepath.Join(t.TempDir(), "o.npz")
	args := []string{"extract", model, "--data", "fashion-mnist-mini", "--train-limit", "20",
		"--quiet", "--layers", "blocks", "--pool", "avg", "--out", out}
	must(t, args...)
	if arrays(t, out)["logits"] == nil {
		t.Error("the logits, which are as wide as there are classes, are not among the blocks")
	}
	must(t, append(args, "--logits", "embedding")...)
	if all := arrays(t, out); all["logits"] != nil || all["embedding"] == nil {
		t.Error("blocks do not end at the tensor that is named")
	}
}

// A Resize that may be read in two ways says in which it is.
func TestInspectSaysHowCornersAreRead(t *testing.T) {
	for name, want := range map[string]bool{"18e-resize11-scales-linear-align_corners": true,
		"36c-negpad-conv-1_-1_1_-1": false} {
		model := shared.Path(t, "cases", "onnx", name, "model.onnx")
		out := mustTrain(t, "inspect", model)
		if got := strings.Contains(out, "(Resize): align_corners spans the rounded length"); got != want {
			t.Errorf("%s: %s", name, out)
		}
	}
}
