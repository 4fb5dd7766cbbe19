//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/absent"
	"memprobe/internal/meta"
	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/onnx"
)

// execute runs the binary itself, as a shell does.
func execute(stdout *os.File, args ...string) (code int, out, msg string) {
	c := exec.Command("memprobe", args...)
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	if stdout != nil {
		c.Stdout = stdout
	}
	c.Run()
	return c.ProcessState.ExitCode(), o.String(), e.String()
}

// The exit codes are a contract, each way to one a row: 0 done, 1 it failed, 2 the
// command line is wrong, 3 the model or the data is.
func TestContractOfExitCodes(t *testing.T) {
	if testing.Short() {
		t.Skip("runs eighty commands that end at once")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := at("run")
	mustTrain(t, trainArgs(run, "--epochs", "2")...)
	must(t, "analyze", malign, "--train-limit", "60", "--test-limit", "20", "--draws", "1", "--k", "3",
		"--format", "html", "--quiet", "--out", at("report"))
	record, err := os.ReadFile(filepath.Join(run, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(name, file, text string) {
		if err := os.CopyFS(at(name), os.DirFS(run)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at(name), file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	damaged("cut", "run.json", string(record[:len(record)/2]))
	damaged("nonsense", "run.json", "[1,2")
	damaged("labels", "labels.npy", "no labels")
	damaged("weights", "model.onnx", "no model")
	for name, change := range map[string]func(m *onnx.Model){
		"metadata": func(m *onnx.Model) { m.SetMetadata(meta.Normalize, "sideways") },
		"set":      func(m *onnx.Model) { m.SetMetadata(meta.Data, "telepathy:9") },
		"scheme":   func(m *onnx.Model) { m.SetMetadata(meta.Labels, "guessed") },
		"limit":    func(m *onnx.Model) { m.SetMetadata(meta.TrainLimit, "-5") },
		"nan": func(m *onnx.Model) {
			for _, w := range m.Proto().Graph.Initializer {
				for i := range w.FloatData {
					w.FloatData[i] = float32(math.NaN())
				}
				for i := 0; w.GetDataType() == int32(onnxpb.TensorProto_FLOAT) && i+4 <= len(w.RawData); i += 4 {
					copy(w.RawData[i:], "\x00\x00\xc0\x7f")
				}
			}
		},
		"twice":   func(m *onnx.Model) { g := m.Proto().Graph; g.Output = append(g.Output, g.Output[0]) },
		"unknown": func(m *onnx.Model) { m.Proto().Graph.Node[0].OpType = proto.String("Telepathy") },
		"cycle": func(m *onnx.Model) {
			g := m.Proto().Graph
			g.Node[0].Input[0] = g.Node[len(g.Node)-1].Output[0]
		},
	} {
		m, err := onnx.Load(malign)
		if err == nil {
			change(m)
			err = m.Save(at(name + ".onnx"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(at("file"), []byte("no folder"), 0o644)
	os.WriteFile(at("plan.yaml"), []byte("grid: {lr: sideways}\n"), 0o644)
	small := " --train-limit 60 --test-limit 20 --draws 1 --k 3 --format html --quiet --out OUT"
	type row struct {
		code int
		line string
	}
	rows := []row{
		{0, "version"}, {0, "--help"}, {0, "analyze --help"}, {0, "inspect MALIGN"}, {0, "data list"},
		{0, "analyze MALIGN" + small},
		{0, "inspect DIR/twice.onnx"},
		{0, "extract DIR/twice.onnx --data fashion-mnist-mini --train-limit 8 --quiet --out OUT.npz"},
		{0, "analyze DIR/twice.onnx" + small},
		{0, "train --resume DIR/run --quiet"}, {0, "compare DIR/run --format none --out OUT"},

		{1, "analyze MALIGN" + strings.ReplaceAll(small, "OUT", "DIR/file/below")},
		{1, "compare DIR/run --format none --out DIR/file/below"},
		{1, "train --arch mlp --train-limit 20 --test-limit 20 --epochs 1 --batch 5 --lr 1e30 --loss mse --quiet --out OUT"}, // diverges

		{2, ""}, {2, "telepathy"}, {2, "data telepathy"}, {2, "analyze"}, {2, "analyze MALIGN --telepathy"},
		{2, "analyze MALIGN --k 0"}, {2, "analyze MALIGN --metric far"},
		{2, "analyze MALIGN --data telepathy"}, {2, "train --arch telepathy"}, {2, "train --epochs x"},
		{2, "train --resume DIR/none"}, {2, "sweep telepathy"},
		{2, "compare"}, {2, "sweep DIR/plan.yaml --out OUT"}, {2, "compare DIR/run --sort telepathy"},
		{2, "extract MALIGN --out x.txt"}, {2, "inspect MALIGN --batch 0"}, {2, "bench gemm --m 0"},
		{2, "bench infer MALIGN --steps 0"}, {2, "store prune --keep lots"}, {2, "rewind DIR/run --epoch -1"},
		{2, "data fetch telepathy"}, {2, "inspect MALIGN --max-memory lots"},

		{3, "analyze DIR/none.onnx"}, {3, "inspect DIR/none.onnx"}, {3, "extract DIR/none.onnx --out OUT.npz"},
		{3, "bench infer DIR/none.onnx --shape 1,1,28,28"},
		{3, "train --init DIR/none.onnx --out OUT"}, {3, "sweep DIR/none.yaml"}, {3, "compare DIR/none"},
		{3, "rewind DIR/none"},
		{3, "data info npz:DIR/none.npz"}, {3, "data info npz:DIR/file"}, {3, "data card idx:DIR/none"},
		{3, "data preview --data idx:DIR/none"},
		{3, "analyze DIR/cut" + small}, {3, "train --resume DIR/cut"}, {3, "rewind DIR/cut"}, {3, "compare DIR/cut"},
		{3, "analyze DIR/nonsense" + small}, {3, "train --resume DIR/nonsense"},
		{3, "analyze DIR/labels" + small}, {3, "analyze DIR/weights" + small}, {3, "rewind DIR/weights"},
		{3, "analyze DIR/metadata.onnx" + small}, {3, "analyze DIR/scheme.onnx" + small},
		{3, "analyze DIR/set.onnx" + small}, {3, "analyze DIR/limit.onnx" + small}, {3, "analyze DIR/nan.onnx" + small},
		{3, "inspect DIR/unknown.onnx"}, {3, "analyze DIR/unknown.onnx" + small},
		{3, "extract DIR/unknown.onnx --data fashion-mnist-mini --layers blocks --out OUT.npz"},
		{3, "inspect DIR/cycle.onnx"}, {3, "train --init DIR/cycle.onnx --out OUT"},
		{3, "analyze MALIGN --assigned DIR/none.npy" + small}, {3, "analyze MALIGN --max-memory 40MiB" + small},
	}
	try := func(t *testing.T, i int, c row) {
		line := strings.NewReplacer("DIR", dir, "MALIGN", malign, "OUT", at(fmt.Sprint(i))).Replace(c.line)
		code, out, msg := execute(nil, strings.Fields(line)...)
		if code != c.code || code != 0 && line != "" &&
			(strings.Count(msg, "\n") != 1 || out != "" && !strings.HasPrefix(line, "inspect")) { // which shows what it can
			t.Errorf("memprobe %s: exit %d, want %d; stdout %.100q, stderr %.300q", c.line, code, c.code, out, msg)
		}
	}
	for i, c := range rows {
		try(t, i, c)
	}
	t.Run("uint8", func(t *testing.T) {
		in := shared.Path(t, "cases", "onnx", "02a-uint8-input-npz-uint8")
		for i, c := range []row{
			{0, "extract " + in + "/model.onnx --input " + in + "/in.npz --out OUT.npz"},
			{2, "extract " + in + "/model.onnx --input " + in + "/in.npz --out OUT.npy --layers all"},
			{3, "analyze " + in + "/model.onnx --normalize imagenet" + small},
			{3, "extract " + in + "/model.onnx --input " + malign + " --out OUT.npz"},
		} {
			try(t, len(rows)+i, c)
		}
	})
}

// Every command whose result goes to a full device fails.
func TestFullStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		absent.Skip(t, "only Linux has a file that is always full: %v", err)
	}
	defer full.Close()
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	mustTrain(t, trainArgs(run, "--epochs", "1")...)
	for i, text := range []string{
		"version", "analyze --help", "completion bash", "man", "data list", "data info fashion-mnist-mini",
		"data card fashion-mnist-mini", "inspect MALIGN", "inspect MALIGN --json",
		"analyze MALIGN --train-limit 60 --test-limit 20 --draws 1 --k 3 --format html --quiet --out OUT",
		"compare RUN --format none --out OUT", "store list --store RUN",
		"bench gemm --m 8 --n 8 --k 8 --steps 1",
		"train --arch mlp --train-limit 20 --test-limit 20 --epochs 1 --quiet --out OUT",
		"sweep benign --emit shell --out OUT",
		"data preview --images 1 --out OUT.png", "rewind RUN --k 3 --quiet --format none --out OUT",
	} {
		line := strings.NewReplacer("MALIGN", malign, "RUN", run, "OUT", filepath.Join(dir, fmt.Sprint(i))).Replace(text)
		if code, _, msg := execute(full, strings.Fields(line)...); code != exitFailed || strings.Count(msg, "\n") != 1 ||
			!strings.Contains(msg, "no space") {
			t.Errorf("memprobe %s: exit %d, %q", text, code, msg)
		}
	}
}

// A signal ends every command with 130, one line, and within a second that a busy machine
// may stretch; nothing temporary stays.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	os.WriteFile(at("plan.yaml"),
		[]byte("about: long\nbase: {data: 'shapes:train=2000,test=20,size=16', arch: cnn, epochs: 10000}\ngrid: {seed: [0, 1]}\n"), 0o644)
	longModel(t, at("long.onnx"))
	run := at("run")
	mustTrain(t, "train", "--data", "shapes:train=2000,test=500,size=32", "--arch", "resnet18", "--width", "8",
		"--epochs", "1", "--batch", "500", "--quiet", "--out", run)
	for _, text := range []string{
		"analyze MALIGN --draws 1000 --metrics all", "train --arch resnet18 --epochs 1000 --out OUT",
		"train --init LONG --data shapes:train=20,test=20 --out OUT", "sweep PLAN --out OUT",
		"rewind RUN --out OUT", "inspect LONG", "extract LONG --data shapes:train=20,test=20 --out OUT.npz",
		"analyze RUN --draws 1000 --store OUT",
		"data info shapes:train=400000,size=32", "data card shapes:train=400000,size=32",
		"data preview --data shapes:train=400000,size=32 --out OUT.png",
		"bench infer MALIGN --shape 64,1,28,28 --steps 1000000", "bench train --arch resnet18 --steps 1000000",
		"bench knn --bank 500000 --queries 500000 --dim 64 --steps 1000",
		"bench augment --images 100000000", "bench gemm --m 20000 --n 20000 --k 4000 --steps 1000",
	} {
		tmp := t.TempDir()
		line := strings.NewReplacer("MALIGN", malign, "RUN", run, "PLAN", at("plan.yaml"), "LONG", at("long.onnx"), "OUT",
			filepath.Join(tmp, "out")).Replace(text)
		code, took, msg := interruptedAfter(t, tmp, 500*time.Millisecond, strings.Fields(line))
		if code != exitInterrupted || took > 4*time.Second || !strings.HasSuffix(msg, "interrupted\n") {
			t.Errorf("memprobe %s: exit %d, %v after the signal: %.300q", text, code, took, msg)
		}
		for _, name := range filesBelow(t, tmp) {
			if strings.HasPrefix(filepath.Base(name), ".memprobe-") {
				t.Errorf("memprobe %s: leaves %s", text, name)
			}
		}
	}
}

// interruptedAfter runs the program and interrupts it after it has had some time of its
// own; a machine so busy that it had not begun to listen gives it longer.
func interruptedAfter(t *testing.T, tmp string, after time.Duration,
	args []string) (code int, took time.Duration, msg string) {
	t.Helper()
	for ; ; after *= 2 {
		c := exec.Command("memprobe", args...)
		var e bytes.Buffer
		c.Stderr, c.Env = &e, append(os.Environ(), "TMPDIR="+tmp)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		start := time.Now()
		c.Process.Signal(os.Interrupt)
		c.Wait()
		status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || after > 10*time.Second {
			return c.ProcessState.ExitCode(), time.Since(start), e.String()
		}
	}
}

// longModel is a model whose constants take minutes to compute.
func longModel(t *testing.T, file string) {
	t.Helper()
	g := &onnxpb.GraphProto{Name: proto.String("long")}
	shape := func(name string, dims ...int64) {
		g.Initializer = append(g.Initializer,
			&onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)),
				Dims: []int64{int64(len(dims))}, Int64Data: dims})
	}
	node := func(op, out string, in ...string) {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}})
	}
	shape("square", 4096, 4096)
	shape("rows", 64, 4096)
	node("ConstantOfShape", "m", "square")
	node("ConstantOfShape", "x0", "rows")
	const steps = 2000
	for i := range steps {
		node("MatMul", fmt.Sprint("x", i+1), fmt.Sprint("x", i), "m")
	}
	node("ReduceSum", "sum", fmt.Sprint("x", steps))
	node("Add", "y", "image", "sum")
	image := func(name string) *onnxpb.ValueInfoProto {
		dims := []*onnxpb.TensorShapeProto_Dimension{}
		for _, d := range []int64{1, 3, 32, 32} {
			dims = append(dims, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
				Shape: &onnxpb.TensorShapeProto{Dim: dims}}}}}
	}
	g.Input, g.Output = []*onnxpb.ValueInfoProto{image("image")}, []*onnxpb.ValueInfoProto{image("y")}
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(13)}}})
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// filesBelow are the names of the files below a folder.
func filesBelow(t *testing.T, dir string) (names []string) {
	for name := range filesOf(t, dir) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
