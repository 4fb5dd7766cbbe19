package train

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/glob"
	"memprobe/internal/parallel"
	"memprobe/onnx"
)

// PyTorch's trajectories with weights frozen, weight decay on the others; see
// testdata/make.py. Frozen weights alone leave the statistics to the batch, as
// requires_grad=False does.
func TestTrajectoryOfFrozenWeights(t *testing.T) {
	var want map[string]struct {
		Loss   []float64
		Logits []float32 `json:"eval_logits"`
	}
	if err := json.Unmarshal([]byte(contents(t, "testdata/frozen.json")), &want); err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			c := Default()
			c.Init, c.Data, c.Epochs, c.Batch = "testdata/merged.onnx", "npz:testdata/merged.npz", 2, 4
			c.Optimizer, c.LR, c.Schedule, c.WeightDecay = "sgd", 0.05, "constant", 0.01
			c.Freeze, c.FreezeStatistics = "c1.*,b1.*,qkv.*,f.b?as", name == "statistics"
			dir, _ := trajectory(t, c, w.Loss)
			sameLogits(t, dir, c, w.Logits)
		})
	}
}

// Frozen weights keep their bits and have no state; all others move; and neither
// threads nor interruptions show.
func TestFreeze(t *testing.T) {
	c := small()
	c.Optimizer, c.WeightDecay, c.ClipNorm, c.Freeze = "adamw", 0.1, 1, "conv?.weight,bn1.*"
	set := open(t, c)
	whole, parts := t.TempDir(), t.TempDir()
	run := finish(t, whole, c, Options{Set: set})
	for tries := 0; ; tries++ {
		pool := parallel.New(1 + tries%2)
		ctx, stop := context.WithCancel(t.Context())
		steps := 0
		_, err := Run(ctx, parts, c, Options{Set: set, Pool: pool, Progress: func(Progress) {
			if steps++; steps == 4 {
				stop()
			}
		}})
		stop()
		pool.Close()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || tries > 20 {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
	same(t, whole, parts)

	before, after := weightsOf(t, filepath.Join(whole, "checkpoints/epoch-000000.onnx")),
		weightsOf(t, filepath.Join(whole, "model.onnx"))
	state := contents(t, whole, "checkpoints/state.safetensors")
	frozen, trained := int64(0), int64(0)
	for name, w := range before {
		statistic := strings.Contains(name, "running")
		keeps := !statistic && slices.ContainsFunc(c.patterns(), func(p string) bool { return glob.Match(p, name) })
		if slices.Equal(w, after[name]) != keeps {
			t.Errorf("%s: frozen is %v, and its bits stay is not", name, keeps)
		}
		if strings.Contains(state, "exp_avg/"+name+`"`) == (keeps || statistic) {
			t.Errorf("%s: frozen is %v, and that it has no state is not", name, keeps)
		}
		switch {
		case keeps:
			frozen += int64(len(w))
		case !statistic:
			trained += int64(len(w))
		}
	}
	if run.Config["freeze"] != c.Freeze || run.Model.Frozen != frozen || run.Model.Trained != trained || frozen == 0 {
		t.Errorf("run.json says %v, %d frozen, %d trained; want %s, %d, %d",
			run.Config["freeze"], run.Model.Frozen, run.Model.Trained, c.Freeze, frozen, trained)
	}
	c.FreezeStatistics = true
	still := t.TempDir()
	finish(t, still, c, Options{Set: set})
	last := weightsOf(t, filepath.Join(still, "model.onnx"))
	for name := range before {
		if strings.Contains(name, "running") && slices.Equal(before[name], last[name]) != strings.HasPrefix(name, "bn1.") {
			t.Errorf("%s with freeze-statistics: stays is %v", name, slices.Equal(before[name], last[name]))
		}
	}
}

func weightsOf(t *testing.T, file string) map[string][]float32 {
	t.Helper()
	m, err := onnx.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	w := map[string][]float32{}
	for name, v := range g.Weights() {
		w[name] = v.F32()
	}
	return w
}

func TestFreezeRefusals(t *testing.T) {
	c := small()
	set := open(t, c)
	for patterns, want := range map[string]string{
		"layer9.*":         `freeze "layer9.*" matches no trainable weight, want one of conv1.weight, bn1.weight, bn1.bias, conv2.weight, bn2.weight, …, head.weight, head.bias (11 in all)`,
		"*running*":        `freeze "*running*" matches no trainable weight`,
		"conv1.*,conv2.*,": `freeze "conv1.*,conv2.*,", want no empty pattern`,
		"head.*,*":         `freeze "head.*,*" matches all 11 trainable weights, want one left to train`,
	} {
		c.Freeze = patterns
		_, err := Run(t.Context(), t.TempDir(), c, Options{Set: set})
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Key != "freeze" || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", patterns, err, want)
		}
	}
	c.Freeze, c.FreezeStatistics = "", true
	if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "freeze-statistics wants patterns") {
		t.Errorf("statistics alone: %v", err)
	}
}
