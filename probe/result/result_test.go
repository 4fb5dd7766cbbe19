package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"memprobe/internal/memory"
	"memprobe/internal/tol"
)

func sample() *Probe {
	return &Probe{
		Model:     Model{Path: "a<b>.onnx", Parameters: 1 << 40, Embedding: "gap"},
		Data:      Data{Spec: "cifar10", Train: 1000, Test: 2000, NumClasses: 10},
		Settings:  Settings{K: []int{1, 20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: Baselines{Chance: 0.1, Pixels: Some(0.28)},
		Fit:       Fit{Test: Some(0)},
		Layers: []Layer{{
			Name: "relu", Op: "Relu", Index: 3, Shape: []int{64, 32, 32}, Dim: 64,
			KNN:    KNN{True: Accuracy{1: 0.5, 20: 0.53}, Assigned: Accuracy{20: 0.11}},
			Values: Values{"invariance": 1.0 / 3, "nc1.true": 2, "nc1.assigned": 3},
		}},
		Confusion: &Confusion{Layer: "gap", K: 20, Classes: []string{"a", "b"}, Counts: [][]int{{3, 1}, {0, 4}}},
	}
}

func TestProbeRoundTrip(t *testing.T) {
	p := sample()
	path := filepath.Join(t.TempDir(), "probe.json")
	if err := p.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	q, err := ReadProbe(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, q) {
		t.Fatalf("read back %+v, want %+v", q, p)
	}
	b, _ := os.ReadFile(path)
	for _, want := range []string{
		`"schema": "memprobe.probe/1"`, `"20": 0.53`, `"chance": 0.1`, `"test": 0`,
		`"invariance": 0.3333333333333333`, `"path": "a<b>.onnx"`, `"parameters": 1099511627776`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "untrained") || strings.Contains(string(b), "intervals") {
		t.Errorf("what was not measured is written:\n%s", b)
	}
}

func TestUndefinedIsNull(t *testing.T) {
	p := sample()
	p.Layers[0].Values["invariance"] = Number(math.NaN())
	p.Layers[0].Values["nc1.true"] = Number(math.NaN())
	p.Layers[0].KNN.True[5] = Number(math.Inf(1))
	p.Baselines.Chance = Number(math.NaN())
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "null"); n != 4 {
		t.Fatalf("%d nulls, want 4:\n%s", n, b.String())
	}
	q, err := DecodeProbe(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{q.Layers[0].At("invariance", 0), q.Layers[0].At("nc1.true", 0),
		q.Layers[0].KNN.True.At(5), float64(q.Baselines.Chance)} {
		if !math.IsNaN(v) {
			t.Errorf("null was read as %v, want NaN", v)
		}
	}
}

func TestLayerValues(t *testing.T) {
	b, err := json.Marshal(sample().Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := `"dim":64,"knn":{"true":{"1":0.5,"20":0.53},"assigned":{"20":0.11}},"invariance":0.3333333333333333,"nc1":{"assigned":3,"true":2}}`; !strings.HasSuffix(string(b), want) {
		t.Errorf("a layer is\n%s\nwant at its end\n%s", b, want)
	}
	l := sample().Layers[0]
	for key, want := range map[string]float64{"knn.true": 0.53, "knn.assigned": 0.11, "nc1.assigned": 3,
		"untrained.true": math.NaN(), "nc1": math.NaN()} {
		if got := l.At(key, 20); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for _, key := range []string{"name", "knn.true", "nc1"} {
		l.Values = Values{key: 1, "nc1.true": 2}
		if b, err := json.Marshal(l); err == nil {
			t.Errorf("a metric of the key %q is written:\n%s", key, b)
		}
	}
	// What another program adds is kept if it is numbers.
	if err := json.Unmarshal([]byte(`{"name":"a","mine":{"x":1,"y":null},"text":"no","list":[1],"mixed":{"a":"b"}}`),
		&l); err != nil {
		t.Fatal(err)
	}
	if len(l.Values) != 2 || l.Values["mine.x"] != 1 || !math.IsNaN(l.At("mine.y", 0)) {
		t.Errorf("read %v", l.Values)
	}
}

func TestSchema(t *testing.T) {
	for doc, want := range map[string]string{
		`{"schema":"memprobe.probe/1"}`:   "",
		`{"schema":"memprobe.probe/1.3"}`: "",
		`{"schema":"memprobe.probe/2"}`:   `schema "memprobe.probe/2", want "memprobe.probe/1"`,
		`{"schema":"memprobe.probe/10"}`:  `schema "memprobe.probe/10"`,
		`{}`:                              "no schema",
		`{"schema":`:                      "in the middle of its JSON",
		``:                                "in the middle of its JSON",
		`{"schema":"memprobe.probe/1","baselines":{"chance":"x"}}`: "not a number",
	} {
		_, err := DecodeProbe(strings.NewReader(doc))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", doc, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want %q", doc, err, want)
		}
	}
}

func TestWilson(t *testing.T) {
	// 53 of 100: worked in Python. None of n: [0, z²/(n+z²)], and its mirror image.
	got := []float64{}
	for _, c := range [][2]int{{53, 100}, {0, 10}, {10, 10}} {
		i := Wilson(c[0], c[1])
		got = append(got, i.Low(), i.High())
	}
	want := []float64{0.43288856970099365, 0.6248918204065873, 0, 0.2775327998628892, 0.7224672001371106, 1}
	if err := tol.Close(got, want, 4e-16, 0); err != nil {
		t.Error(err)
	}
	if i := Wilson(0, 0); !math.IsNaN(i.Low()) || !math.IsNaN(i.High()) {
		t.Errorf("no samples: %v, want NaN", i)
	}
}

// A table that is no table, a line as long as the file, is read within the budget.
func TestEpochsWithinBudget(t *testing.T) {
	t.Cleanup(func() { memory.SetLimit(0) })
	memory.SetLimit(64 << 20)
	for _, line := range []string{"\x00", "1\n"} {
		table := io.MultiReader(strings.NewReader("epoch\n"), strings.NewReader(strings.Repeat(line, 24<<20/len(line))))
		if _, err := ReadEpochs(table); !errors.As(err, new(*memory.Error)) {
			t.Errorf("lines of %q: error %v", line, err)
		}
	}
}

func TestEpochs(t *testing.T) {
	nan := math.NaN()
	rows := []Epoch{
		{Epoch: 0, Loss: nan, FitAugmented: nan, FitClean: 0.1, TrueClean: 0.1, Test: 0.1, LR: nan, Seconds: 1.5,
			ImagesPerSecond: nan},
		{Epoch: 1, Loss: 1.0 / 3, FitAugmented: 0.2, FitClean: nan, TrueClean: nan, Test: nan, LR: 1e-3, Seconds: 2,
			ImagesPerSecond: 500},
	}
	var b bytes.Buffer
	if err := WriteEpochs(&b, rows); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	back, err := ReadEpochs(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(back) != len(rows) {
		t.Fatalf("%d rows, want %d", len(back), len(rows))
	}
	for i := range rows {
		if g, w := back[i].Row(), rows[i].Row(); !reflect.DeepEqual(g, w) {
			t.Errorf("row %d: %v, want %v", i, g, w)
		}
	}
	if cut, err := ReadEpochs(strings.NewReader(text + "2,0.1,")); err != nil || len(cut) != 2 {
		t.Errorf("a cut-off line: %d rows, %v; want 2 rows", len(cut), err)
	}
	if other, err := ReadEpochs(strings.NewReader("future,test,epoch\n9,0.5,3\n")); err != nil || len(other) != 1 ||
		other[0].Epoch != 3 || other[0].Test != 0.5 || !math.IsNaN(other[0].Loss) {
		t.Errorf("other columns: %+v, %v", other, err)
	}
	for doc, want := range map[string]string{"": "no header", "a,b\n": `no column "epoch"`, "epoch,loss\nx,1\n": "line 2",
		"epoch,loss\n-1,1\n": `"-1" is not an epoch`, "epoch,loss\n1,x\n": `column "loss"`} {
		if _, err := ReadEpochs(strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", doc, err, want)
		}
	}
}

func TestRunRoundTrip(t *testing.T) {
	r := &Run{Config: map[string]any{"arch": "resnet18", "epochs": 40.0, "nesterov": false}, Finished: true}
	path := filepath.Join(t.TempDir(), "run.json")
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	back, err := ReadRun(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, back) {
		t.Fatalf("read back %+v, want %+v", back, r)
	}
	if _, err := ReadProbe(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a run read as a probe: error %v, want one that names the file", err)
	}
}

func TestVerdictInWords(t *testing.T) {
	for _, c := range []struct {
		word            string
		fit             Number
		margin, low, hi Number
		want            string
	}{
		{Malign, 1, -0.102, -0.137, -0.069,
			"the assigned labels are fitted (1.000), and the probe is 0.102 below the mean of 5 untrained networks (95 % interval 0.069 to 0.137 below)"},
		{Preserved, 0.98, -0.002, -0.01, 0,
			"the assigned labels are fitted (0.980), and the probe is 0.002 below the mean of 5 untrained networks (95 % interval 0.010 below to 0.000 above)"},
		{Benign, 0.95, 0.05, 0.0304, 0.07,
			"the assigned labels are fitted (0.950), and the probe is 0.050 above the mean of 5 untrained networks (95 % interval 0.030 to 0.070 above); it is 0.010 below that of raw pixels (0.020 below to 0.000 above)"},
		{Unclear, 1, -0.018, -0.043, 0.006,
			"the assigned labels are fitted (1.000), but the probe is 0.018 below the mean of 5 untrained networks (95 % interval 0.043 below to 0.006 above), which does not decide beside 0.02"},
		{TrueLabels, 1, 0.2, 0.1, 0.3,
			"the assigned labels are the true ones; the probe is 0.200 above the mean of 5 untrained networks (95 % interval 0.100 to 0.300 above)"},
		{NotMemorized, 0.386, 0, 0, 0, "the fit to the assigned labels, 0.386, is less than 0.9"},
	} {
		v := &Verdict{Word: c.word, Fit: c.fit, Margin: c.margin, CI: Interval{c.low, c.hi}, MinFit: 0.9, MinMargin: 0.02,
			Draws:      5,
			OverPixels: &Margin{Margin: -0.01, CI: Interval{-0.02, 0}}}
		if got := v.Why(); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.word, got, c.want)
		}
	}
}

func TestBestFit(t *testing.T) {
	nan := math.NaN()
	for _, c := range [][3]float64{{0.2, 1, 1}, {1, 0.9, 1}, {nan, 0.5, 0.5}, {0.5, nan, 0.5}, {nan, nan, nan}} {
		if got := BestFit(c[0], c[1]); got != c[2] && !(math.IsNaN(got) && math.IsNaN(c[2])) {
			t.Errorf("of %v clean and %v augmented: %v, want %v", c[0], c[1], got, c[2])
		}
	}
}
