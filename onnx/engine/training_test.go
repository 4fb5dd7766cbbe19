package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
)

// net is a graph under construction.
type net struct {
	*engine.Graph
	byName map[string]*engine.Node
}

func newNet() *net {
	n := &net{engine.NewGraph(), map[string]*engine.Node{}}
	n.SetOpset("", 17)
	return n
}

func (n *net) tensor(name string) *engine.Node {
	if n.byName[name] == nil {
		n.byName[name] = n.NewNode(name)
	}
	return n.byName[name]
}

// param adds an initialiser of arbitrary values around 0, or around 1.
func (n *net) param(name string, at float32, shape ...int) *net {
	t := tensor.New(tensor.Float32, shape...)
	for i, v := range onnxtest.Within(-0.5, 0.5, shape...).F64() {
		t.F32()[i] = at + float32(v)
	}
	n.tensor(name).SetConstant(t, true)
	return n
}

// op applies an operator; operands and results are names, separated by spaces.
func (n *net) op(op, in, out string, attrs map[string]any) *net {
	var operands, results []*engine.Node
	for _, name := range strings.Fields(in) {
		operands = append(operands, n.tensor(name))
	}
	for _, name := range strings.Fields(out) {
		results = append(results, n.tensor(name))
	}
	if attrs == nil {
		attrs = map[string]any{}
	}
	if err := n.Apply(engine.Operation{Op: op, Attrs: attrs, Operands: operands}, results...); err != nil {
		panic(err)
	}
	return n
}

// residual is a small network with most of what the reverse pass has to handle:
// statistics of the batch, values with several readers, weights with several
// readers, views of weights, in-place operators, and dropout.
func residual() *net {
	n := newNet()
	n.param("w", 0, 4, 2, 3, 3).param("v", 0, 4, 4, 3, 3).param("scale", 1, 4).param("bias", 0, 4).
		param("head", 0, 12).param("shift", 0, 3)
	n.param("mean", 0, 4).param("var", 1, 4)
	n.tensor("shape").SetConstant(tensor.From([]int64{4, 3}, 2), false)
	n.tensor("ratio").SetConstant(tensor.From([]float32{0.25}), false)
	pads := map[string]any{"pads": []int64{1, 1, 1, 1}}
	n.op("Conv", "x w", "c1", pads).op("BatchNormalization", "c1 scale bias mean var", "b1", nil).
		op("Relu", "b1", "r1", nil)
	n.op("Conv", "r1 v", "c2", pads).op("BatchNormalization", "c2 scale bias mean var", "b2", nil)
	n.op("Add", "b2 r1", "a", nil).op("Relu", "a", "r2", nil).op("Dropout", "r2 ratio", "d", nil)
	n.op("Mul", "d r1", "m", nil).op("GlobalAveragePool", "m", "g", nil).op("Flatten", "g", "f", nil)
	n.op("Reshape", "head shape", "h", nil).op("MatMul", "f h", "y", nil).op("Add", "y shift", "logits", nil)
	n.MarkOutput(n.tensor("logits"))
	return n
}

func (n *net) train(t *testing.T, o engine.TrainOptions) *engine.Trainer {
	t.Helper()
	o.Inputs = map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{3, 2, 6, 6}}}
	tr, err := n.CompileTraining(o)
	if err != nil {
		t.Fatal(err)
	}
	x := onnxtest.Wave(3, 2, 6, 6).F64()
	target := []float64{0.2, 0.5, 0.3, 1, 0, 0, 0, 0.1, 0.9}
	if o.Double {
		copy(tr.Input("x").F64(), x)
		copy(tr.Target().F64(), target)
		return tr
	}
	for i := range tr.Input("x").F32() {
		tr.Input("x").F32()[i] = float32(x[i])
	}
	for i := range tr.Target().F32() {
		tr.Target().F32()[i] = float32(target[i])
	}
	return tr
}

func TestNetworkGradients(t *testing.T) {
	for _, loss := range []engine.Loss{engine.CrossEntropy, engine.MSE} {
		exact := residual().train(t, engine.TrainOptions{Loss: loss, Double: true})
		onnxtest.TrainingGradients(t, exact, 12)
		tr := residual().train(t, engine.TrainOptions{Loss: loss})
		got, err := tr.Step(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := exact.Step(context.Background(), 0)
		if err := tol.Close([]float64{got}, []float64{want}, 1e-6, 0); err != nil {
			t.Errorf("loss %d: %v", loss, err)
		}
		for i, p := range tr.Params() {
			// float32 against float64 over some ten operators
			if err := tol.Scaled(p.Grad.F32(), exact.Params()[i].Grad.F64(), 1e-5); err != nil {
				t.Errorf("loss %d: gradient of %s: %v", loss, p.Name, err)
			}
		}
	}
}

func TestParametersAndBuffers(t *testing.T) {
	n := residual()
	tr := n.train(t, engine.TrainOptions{})
	var names []string
	for _, p := range tr.Params() {
		names = append(names, p.Name)
	}
	for _, p := range tr.Buffers() {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "w v scale bias head shift mean var" {
		t.Errorf("parameters and buffers are %s", got)
	}
	for _, p := range tr.Params() {
		if p.Value != n.Weights()[p.Name] {
			t.Errorf("%s is not the graph's own tensor", p.Name)
		}
	}
	small := n.train(t, engine.TrainOptions{})
	before, _ := small.Step(context.Background(), 7)
	tr.Params()[0].Value.F32()[0] += 1
	if after, _ := small.Step(context.Background(), 7); after == before {
		t.Error("two trainers of a graph do not share its weights")
	}
}

// A loss that is not finite leaves the running statistics alone.
func TestDivergedStepKeepsBuffers(t *testing.T) {
	tr := residual().train(t, engine.TrainOptions{})
	tr.Input("x").F32()[5] = float32(math.NaN())
	before := tr.Buffers()[0].Value.Clone()
	loss, err := tr.Step(context.Background(), 0)
	if err != nil || !math.IsNaN(loss) {
		t.Errorf("loss %v, error %v, want NaN", loss, err)
	}
	if err := tol.Close(tr.Buffers()[0].Value.F32(), before.F32(), 0, 0); err != nil {
		t.Error(err)
	}
}

// Draws depend on seed and step alone.
func TestDropoutIsDrawnByStep(t *testing.T) {
	loss := func(seed, step uint64, threads int) float64 {
		pool := parallel.New(threads)
		defer pool.Close()
		l, err := residual().train(t, engine.TrainOptions{Seed: seed, Pool: pool}).Step(context.Background(), step)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	same := loss(1, 1, 1)
	if loss(1, 1, 2) != same {
		t.Error("the loss differs between one and two threads")
	}
	if loss(2, 1, 1) == same || loss(1, 2, 1) == same {
		t.Error("another seed or step drops the same elements")
	}
}

func TestTrainingFaultsAreListed(t *testing.T) {
	n := newNet().param("w", 0, 2, 3).param("r", 0, 3)
	n.op("MatMul", "x w", "a", nil).op("Mystery", "a", "b", nil).op("Riddle", "a", "c", nil).
		op("Add", "b c", "logits", nil)
	n.MarkOutput(n.tensor("logits"))
	in := map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{4, 2}}}
	_, err := n.CompileTraining(engine.TrainOptions{Inputs: in})
	var all engine.Problems
	if !errors.As(err, &all) || len(all) != 2 || !strings.Contains(err.Error(), "Mystery") ||
		!strings.Contains(err.Error(), "Riddle") {
		t.Errorf("error %v, want one that names both operators", err)
	}
	flat := newNet().param("w", 0, 2, 3)
	flat.op("MatMul", "x w", "a", nil).op("Floor", "a", "logits", nil)
	flat.MarkOutput(flat.tensor("logits"))
	if _, err := flat.CompileTraining(engine.TrainOptions{Inputs: in}); err == nil ||
		!strings.Contains(err.Error(), "no parameter") {
		t.Errorf("error %v, want one about parameters without gradient", err)
	}
}

func TestCancelledStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := residual().train(t, engine.TrainOptions{}).Step(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestModelThatDoesNotFit(t *testing.T) {
	in := func(batch int) map[string]*tensor.Tensor {
		return map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{batch, 2, 6, 6}}}
	}
	_, err := residual().CompileTraining(engine.TrainOptions{Inputs: in(64), Memory: 100_000})
	if err == nil {
		t.Fatal("64 images fit in 100 kB")
	}
	var batch int
	_, said, _ := strings.Cut(err.Error(), "left; a batch of ")
	if _, scan := fmt.Sscan(said, &batch); scan != nil ||
		!strings.Contains(err.Error(), "batch 64 would take 0.3 MiB of memory, and 0.1 MiB are left") {
		t.Fatalf("error %q", err)
	}
	if _, err := residual().CompileTraining(engine.TrainOptions{Inputs: in(batch), Memory: 100_000}); err != nil {
		t.Errorf("batch %d: %v", batch, err)
	}
	if _, err := residual().CompileTraining(engine.TrainOptions{Inputs: in(batch + 1), Memory: 100_000}); err == nil {
		t.Errorf("batch %d fits too", batch+1)
	}
	if _, err := residual().CompileTraining(engine.TrainOptions{Inputs: in(8), Memory: 100}); err == nil ||
		!strings.Contains(err.Error(), "not even") {
		t.Errorf("error %v", err)
	}
}

// Faults of a node's training form, and of nodes that its gradient adds, name the
// node and the operator that the graph has.
func TestTrainingFaultsNameTheGraphsOwnNodes(t *testing.T) {
	for _, c := range []struct {
		op, in, want string
	}{
		{"BatchNormalization", "p scale bias mean var",
			`node "y" (BatchNormalization): input has shape [1 2 1 1]: the variance of training needs more than one value a channel`},
		{"InstanceNormalization", "p scale bias",
			`node "y" (InstanceNormalization): its gradient cannot be computed: input has shape [1 2 1]: the variance of training needs`},
	} {
		n := newNet().param("w", 0, 2, 2, 1, 1).param("scale", 1, 2).param("bias", 0, 2).param("mean", 0, 2).
			param("var", 1, 2)
		n.op("Conv", "x w", "c", nil).op("GlobalAveragePool", "c", "p", nil).op(c.op, c.in, "y", nil).
			op("Flatten", "y", "logits", nil)
		n.MarkOutput(n.tensor("logits"))
		_, err := n.CompileTraining(engine.TrainOptions{Inputs: map[string]*tensor.Tensor{"x": {DType: tensor.Float32,
			Shape: []int{1, 2, 6, 6}}}})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// The last piece of a Split, which nobody reads, has a gradient of zeros.
func TestUnreadPiece(t *testing.T) {
	n := newNet().param("w", 0, 6, 2, 6, 6)
	n.tensor("sizes").SetConstant(tensor.From([]int64{2, 1, 3}, 3), false)
	n.op("Conv", "x w", "c", nil).op("Split", "c sizes", "a b rest", map[string]any{"axis": int64(1)}).
		op("Add", "a b", "s", nil).op("Flatten", "s", "p", nil)
	n.param("head", 0, 2, 3).op("MatMul", "p head", "logits", nil)
	n.MarkOutput(n.tensor("logits"))
	onnxtest.TrainingGradients(t, n.train(t, engine.TrainOptions{Double: true}), 12)
}
