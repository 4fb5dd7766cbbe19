package train

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"memprobe/internal/shared"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// trajectory trains the model of c and compares each loss with PyTorch's to 1e-4, as
// float32 sums in another order leave it. It returns the run's folder and the
// learning rates.
func trajectory(t *testing.T, c Config, want []float64) (dir string, lr []float64) {
	t.Helper()
	c.Shuffle, c.Normalize, c.LogSteps = false, "none", true
	m, err := onnx.Load(c.Init)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	finish(t, dir, c, Options{Init: m})
	rows, err := csv.NewReader(strings.NewReader(contents(t, dir, "steps.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var loss []float64
	for _, r := range rows[1:] {
		loss, lr = append(loss, number(t, r[1])), append(lr, number(t, r[2]))
	}
	if err := tol.Close(loss, want, 1e-4, 0); err != nil {
		t.Errorf("loss: %v", err)
	}
	return dir, lr
}

func TestTrajectories(t *testing.T) {
	for _, name := range []string{"cnn-sgd", "cnn-nesterov", "cnn-adam", "cnn-adamw", "vit-adamw"} {
		t.Run(name, func(t *testing.T) {
			from := shared.Path(t, "fixtures", "train", name)
			var want struct {
				Schedule       *string
				LabelSmoothing float64 `json:"label_smoothing"`
				LR, Loss       []float64
			}
			if err := json.Unmarshal([]byte(contents(t, from, "expected.json")), &want); err != nil {
				t.Fatal(err)
			}
			c := Default()
			c.Init, c.Data = filepath.Join(from, "init.onnx"), "npz:"+filepath.Join(from, "data.npz")
			c.Epochs, c.Batch = 1, 16
			c.LR, c.LabelSmoothing, c.Schedule = want.LR[0], want.LabelSmoothing, "constant"
			if want.Schedule != nil {
				c.Schedule = *want.Schedule
			}
			switch _, kind, _ := strings.Cut(name, "-"); kind {
			case "adamw":
				c.Optimizer, c.WeightDecay = kind, 0.05
			case "sgd", "nesterov":
				c.Optimizer, c.WeightDecay, c.Nesterov = "sgd", 5e-4, kind == "nesterov"
			}
			_, lr := trajectory(t, c, want.Loss)
			if err := tol.Close(lr, want.LR, 1e-9, 0); err != nil {
				t.Errorf("lr: %v", err)
			}
		})
	}
}

// A network exported in evaluation mode, whose 1s and 0s the exporter merged, with
// the pixels' mean and deviation among its initialisers, Einsum, and a last batch of
// one image; see testdata/make.py.
func TestTrajectoryOfMergedWeights(t *testing.T) {
	var want struct {
		Loss   []float64
		Logits []float32 `json:"eval_logits"`
	}
	if err := json.Unmarshal([]byte(contents(t, "testdata/merged.json")), &want); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Init, c.Data, c.Epochs, c.Batch = "testdata/merged.onnx", "npz:testdata/merged.npz", 2, 4
	c.Optimizer, c.LR, c.Schedule = "sgd", 0.05, "constant"
	dir, _ := trajectory(t, c, want.Loss)
	sameLogits(t, dir, c, want.Logits)
}

// A network of less usual parts, exported with its constants folded: shared modules,
// slopes of one number, an If, dilated, transposed and grouped convolutions, attention;
// see testdata/make_odd.py.
func TestTrajectoryOfOddParts(t *testing.T) {
	var want struct {
		Loss   []float64
		Logits []float32 `json:"eval_logits"`
	}
	if err := json.Unmarshal([]byte(contents(t, "testdata/odd.json")), &want); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Init, c.Data, c.Epochs, c.Batch = "testdata/odd.onnx", "npz:testdata/odd.npz", 2, 4
	c.Optimizer, c.LR, c.WeightDecay, c.LabelSmoothing = "adamw", 0.01, 0.05, 0.1
	dir, _ := trajectory(t, c, want.Loss)
	sameLogits(t, dir, c, want.Logits)
}

// sameLogits compares what the trained model of dir makes of the first four images
// with PyTorch's. Eight steps of float32, running statistics among them, leave 1e-4.
func sameLogits(t *testing.T, dir string, c Config, want []float32) {
	t.Helper()
	m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	set := open(t, c)
	in, err := m.InputTensors(4, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Compile(engine.Options{Inputs: in})
	if err != nil {
		t.Fatal(err)
	}
	x := s.Input("input").F32()
	for i := range 4 {
		set.Train.Float32(x[i*len(x)/4:(i+1)*len(x)/4], i)
	}
	if err := s.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := tol.Scaled(s.Output("logits").F32(), want, 1e-4); err != nil {
		t.Errorf("evaluation: %v", err)
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
