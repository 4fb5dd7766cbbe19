package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/tol"
	"memprobe/probe/result"
)

var update = flag.Bool("update", false, "draw the golden pictures anew")

// outline is what a made-up run is to look like.
type outline struct {
	dir                     string
	config                  map[string]any
	epochs, of              int
	fit, probe              float64 // at the end
	word                    string
	noProbe, augmentedAlone bool
}

var layerNames = []string{"input", "stem", "stage1", "stage2", "stage3", "embedding", "logits"}

// write makes a run's folder: fit rises from chance, the probe moves from the
// untrained network's to its end, and layers bend towards it with depth.
func (r outline) write(t *testing.T, root string) string {
	t.Helper()
	dir := filepath.Join(root, r.dir)
	config := map[string]any{"arch": "resnet18", "labels": "random", "augment": "crop-flip", "views": 0.0, "mixup": 0.0,
		"epochs": float64(r.of), "seed": 0.0, "eval-every": 5.0}
	for k, v := range r.config {
		config[k] = v
	}
	if err := os.MkdirAll(filepath.Join(dir, "probe"), 0o755); err != nil {
		t.Fatal(err)
	}
	run := &result.Run{Config: config, Data: result.Data{Train: 1000, Test: 2000}, Finished: r.epochs == r.of}
	if err := run.WriteFile(filepath.Join(dir, "run.json")); err != nil {
		t.Fatal(err)
	}
	var rows []result.Epoch
	for n := 0; n <= r.epochs; n++ {
		done := float64(n) / float64(r.of)
		fit := 0.1 + (r.fit-0.1)*(1-math.Exp(-5*done))/(1-math.Exp(-5))
		clean := fit
		if r.augmentedAlone {
			clean = math.NaN()
		}
		rows = append(rows, result.Epoch{Epoch: n, Loss: 1 - fit, FitAugmented: fit, FitClean: clean, TrueClean: 0.1, Test: 0.1, LR: 1e-3, Seconds: 1, ImagesPerSecond: 1000})
		if !r.noProbe && (n%10 == 0 || n == r.of) {
			if err := r.probed(n, done).WriteFile(filepath.Join(dir, "probe", fmt.Sprintf("epoch-%06d.json", n))); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := atomicfile.Write(filepath.Join(dir, "metrics.csv"), func(w io.Writer) error { return result.WriteEpochs(w, rows) })
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r outline) probed(epoch int, done float64) *result.Probe {
	const untrained = 0.24
	end := untrained + (r.probe-untrained)*done
	acc := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := &result.Probe{Epoch: &epoch, Model: result.Model{Embedding: "embedding"},
		Settings:  result.Settings{K: []int{20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: result.Baselines{Chance: 0.1, Pixels: result.Some(0.21), Untrained: result.Some(untrained)},
	}
	if done == 1 {
		p.Verdict = &result.Verdict{Word: r.word, Margin: result.Number(end - untrained), CI: result.Interval{-0.01, 0.02}}
	}
	for i, name := range layerNames {
		depth := float64(i) / float64(len(layerNames)-2)
		l := result.Layer{Name: name, Index: i, KNN: result.KNN{True: acc(0.21 + (end-0.21)*min(depth, 1))},
			LeaveOneOut: &result.KNN{Assigned: acc(0.1 + 0.3*depth*depth*done)}, Untrained: &result.KNN{True: acc(0.21 + 0.03*min(depth, 1))}}
		if name == "embedding" {
			l.Role = "embedding"
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

// variants is the sweep of augmentations.
func variants(t *testing.T) *Comparison {
	root := t.TempDir()
	for seed := range 2 {
		s := map[string]any{"seed": float64(seed)}
		with := func(kv ...any) map[string]any {
			out := map[string]any{}
			for k, v := range s {
				out[k] = v
			}
			for i := 0; i < len(kv); i += 2 {
				out[kv[i].(string)] = kv[i+1]
			}
			return out
		}
		shift := 0.02 * float64(seed)
		outline{fmt.Sprintf("a%d", seed), with("augment", "none"), 40, 40, 1, 0.13 + shift, result.Malign, false, false}.write(t, root)
		outline{fmt.Sprintf("b%d", seed), with(), 150, 150, 0.97 + shift, 0.27 + shift, result.Benign, false, false}.write(t, root)
		outline{fmt.Sprintf("c%d", seed), with("mixup", 0.8), 150, 150, 0.95, 0.29 + shift, result.Benign, false, false}.write(t, root)
		outline{fmt.Sprintf("d%d", seed), with("labels", "true"), 150, 150, 1, 0.45 + shift, result.TrueLabels, false, false}.write(t, root)
	}
	return collect(t, root)
}

// ladder is a sweep over views, with the same and with independent labels.
func ladder(t *testing.T) *Comparison {
	root := t.TempDir()
	for i, views := range []float64{1, 2, 4, 8, 16, 0} {
		x := float64(i) / 5
		outline{fmt.Sprintf("same%d", i), map[string]any{"views": views}, 60, 60, 1 - 0.1*x, 0.14 + 0.15*x, result.Unclear, false, false}.write(t, root)
		if views > 0 {
			outline{fmt.Sprintf("each%d", i), map[string]any{"views": views, "labels": "per-view"}, 60, 60, 1 - 0.8*x, 0.13, result.NotMemorized, false, true}.write(t, root)
		}
	}
	return collect(t, root)
}

func collect(t *testing.T, paths ...string) *Comparison {
	t.Helper()
	c, err := Collect(paths...)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Notes) > 0 {
		t.Fatalf("left out %v", c.Notes)
	}
	return c
}

func TestGoldenFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("draws a dozen pictures")
	}
	noise := func() *Comparison {
		root := t.TempDir()
		for i, l := range []string{"true", "noise:0.25", "noise:0.5", "noise:0.75", "random"} {
			outline{fmt.Sprint(i), map[string]any{"labels": l}, 60, 60, 1 - 0.02*float64(i), 0.45 - 0.05*float64(i), result.Unclear, false, false}.write(t, root)
		}
		return collect(t, root)
	}
	for name, c := range map[string]struct {
		*Comparison
		want []string
	}{
		"variants": {variants(t), []string{"scatter", "layers", "panels", "epochs", "map-knn-true", "map-leave-one-out-assigned", "map-untrained-true"}},
		"ladder":   {ladder(t), []string{"scatter", "capacity", "layers", "panels", "epochs", "map-knn-true", "map-leave-one-out-assigned", "map-untrained-true"}},
		"noise":    {noise(), []string{"scatter", "tradeoff-noise", "noise-layers", "layers", "panels", "epochs", "map-knn-true", "map-leave-one-out-assigned", "map-untrained-true"}},
	} {
		figures, err := c.figures()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range figures {
			names = append(names, f.name)
			switch {
			case strings.HasPrefix(f.name, "map-") && name+f.name != "variantsmap-knn-true": // one of them stands for all
			case name != "noise" || strings.Contains(f.name, "noise"):
				golden(t, name+"-"+f.name, f)
			}
		}
		if fmt.Sprint(names) != fmt.Sprint(c.want) {
			t.Errorf("%s: figures %v, want %v", name, names, c.want)
		}
	}
}

// golden holds a figure to its picture. Text and lines are drawn in Go with the
// same arithmetic everywhere, save for fused multiply-adds: a thousandth of the
// pixels may differ.
func golden(t *testing.T, name string, f figure) {
	t.Helper()
	var b bytes.Buffer
	if err := f.raster(&b, 100); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".png")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err1 := png.Decode(&b)
	old, err2 := png.Decode(bytes.NewReader(want))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != old.Bounds() {
		t.Fatalf("%s is of size %v, want %v", name, got.Bounds(), old.Bounds())
	}
	if n, all := unlike(got, old), got.Bounds().Dx()*got.Bounds().Dy(); n > all/1000 {
		t.Errorf("%s: %d of %d pixels differ from %s", name, n, all, path)
	}
}

func unlike(a, b image.Image) int {
	n := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r, g, bl, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if r != r2 || g != g2 || bl != b2 {
				n++
			}
		}
	}
	return n
}

func TestTableFoldsSeeds(t *testing.T) {
	c := variants(t)
	table := c.Table(false)
	if err := table.Sort("-probe"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.Write(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if want := "run,labels,augment,mixup,epochs,verdict,probe,probe sd,untrained,untrained sd,margin,margin sd,margin 95 %,fit,fit sd,fit augmented,fit augmented sd,test,test sd,assigned,assigned sd,pixels,pixels sd,seeds"; lines[0] != want {
		t.Errorf("columns\n%s\nwant\n%s", lines[0], want)
	}
	var runs []string
	for _, l := range lines[1:] {
		runs = append(runs, strings.Split(l, `"`)[1])
	}
	if want := "[true labels, crop-flip random labels, crop-flip, mixup 0.8 random labels, crop-flip random labels, no augmentation]"; fmt.Sprint(runs) != want {
		t.Errorf("rows %v, want %v", runs, want)
	}
	if each := c.Table(true); len(each.rows) != 8 || len(table.rows) != 4 {
		t.Errorf("%d rows a run and %d folded, want 8 and 4", len(each.rows), len(table.rows))
	}
	byEnd := &Table{Columns: []string{"margin 95 %"}, rows: [][]value{{interval(result.Interval{0.02, 0.1})}, {textual("")}, {interval(result.Interval{-0.3, 0.2})}}}
	if err := byEnd.Sort("margin 95 %"); err != nil || fmt.Sprint(byEnd.rows) != "[[-0.300 to 0.200] [0.020 to 0.100] []]" {
		t.Errorf("by interval: %v, %v", byEnd.rows, err)
	}
	if err := table.Sort("colour"); err == nil || !strings.Contains(err.Error(), "labels, augment") {
		t.Errorf("sorted by a column that is not there: %v", err)
	}
	var doc struct {
		Schema string
		Rows   []struct {
			Run   string
			Probe struct{ Mean, SD, N float64 }
			Seeds int
		}
	}
	b.Reset()
	if err := table.Write(&b, "json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	// 0.45 and 0.47: mean 0.46, deviation 0.02/√2.
	first := doc.Rows[0]
	if err := tol.Close([]float64{first.Probe.Mean, first.Probe.SD, first.Probe.N}, []float64{0.46, 0.02 / math.Sqrt2, 2}, 1e-12, 0); err != nil || doc.Schema != TableSchema || first.Seeds != 2 {
		t.Errorf("JSON %+v: %v", doc, err)
	}
	for format, want := range map[string]string{"text": "0.460 ± 0.014", "markdown": "| 0.460 ± 0.014 |", "latex": ` & 0.460 $\pm$ 0.014 & `} {
		b.Reset()
		if err := table.Write(&b, format); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %q in\n%s", format, want, b.String())
		}
	}
}

func TestMean(t *testing.T) {
	m, sd, n := mean([]float64{1, math.NaN(), 2, 4})
	if err := tol.Close([]float64{m, sd, float64(n)}, []float64{7.0 / 3, math.Sqrt(7.0 / 3), 3}, 1e-15, 0); err != nil {
		t.Error(err)
	}
	if m, sd, n := mean([]float64{math.NaN()}); !math.IsNaN(m) || sd != 0 || n != 0 {
		t.Errorf("of nothing: %v, %v, %d", m, sd, n)
	}
}

func TestCollectTakesWhatIsThere(t *testing.T) {
	root := t.TempDir()
	outline{"half", map[string]any{"augment": "none"}, 12, 40, 0.5, 0.2, "", false, false}.write(t, root)
	outline{"unprobed", nil, 40, 40, 0.5, 0.2, "", true, false}.write(t, root)
	old := outline{"old", map[string]any{"views": 4.0}, 40, 40, 0.5, 0.2, result.NotMemorized, false, false}.write(t, root)
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("m-report/probe.json", `{"schema":"memprobe.probe/1","settings":{"headline_k":20},"layers":[{"name":"e","role":"embedding","knn":{"true":{"20":0.3}}}]}`)
	put("future/run.json", `{"schema":"memprobe.run/2"}`)
	put("cut/run.json", `{"schema":"memprobe.run/1","config"`)
	put("empty/checkpoints/.keep", "")
	put(".locks/x/run.json", "not looked at")
	put("old/probe/epoch-000020.json", `{"schema":"memprobe.probe/9"}`)
	c, err := Collect(root, old)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, e := range c.Entries {
		states = append(states, filepath.Base(e.Path)+" "+e.State())
	}
	if want := "[probe.json report unprobed finished old finished half unfinished, epoch 12 of 40]"; fmt.Sprint(states) != want {
		t.Errorf("entries %v, want %v", states, want)
	}
	notes := strings.Join(c.Notes, "\n")
	for _, want := range []string{"cut/run.json: ends in the middle of its JSON", `schema "memprobe.run/2"`, "empty: a run that has not begun", "epoch-000020.json: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in the notes\n%s", want, notes)
		}
	}
	if len(c.Notes) != 4 {
		t.Errorf("%d notes, want 4:\n%s", len(c.Notes), notes)
	}
	files, err := c.Write(filepath.Join(root, ".out"), c.Table(false), []string{"png", "pdf", "html"})
	if err != nil || len(files) < 7 {
		t.Errorf("wrote %v: %v", files, err)
	}
	for _, bad := range []string{filepath.Join(root, "nothing"), filepath.Join(root, "empty")} {
		if _, err := Collect(bad); err == nil {
			t.Errorf("%s: no error", bad)
		} else if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(err.Error(), bad) {
			t.Errorf("%s: %v, want a fault that names it", bad, err)
		}
	}
}

func TestVariantsNameRuns(t *testing.T) {
	root := t.TempDir()
	for dir, augment := range map[string]string{"a": "none", "b": "crop-flip"} {
		outline{dir, map[string]any{"augment": augment}, 10, 10, 1, 0.2, result.Malign, false, false}.write(t, root)
	}
	list := filepath.Join(root, "sweep.json")
	for text, want := range map[string]string{
		`{"schema":"memprobe.sweep/1","cells":{"a":{"variant":"plain"},"b":{"variant":"moved"}}}`: "[moved plain]",
		`{"schema":"memprobe.sweep/1","cells":{"a":{"variant":"plain"}}}`:                         "[crop-flip no augmentation]",
		`{"cells":{"a":{"variant":"same"},"b":{"variant":"same"}}}`:                               "[crop-flip no augmentation]",
	} {
		if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range collect(t, root).Entries {
			names = append(names, e.Label)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("%s: labels %s, want %s", text, got, want)
		}
	}
}

// What the probes' metrics say is in the table at the embedding, and has a figure.
func TestComparisonOfMetrics(t *testing.T) {
	root := t.TempDir()
	for i, name := range []string{"a", "b"} {
		p := measuredProbe()
		p.Settings.Seed = uint64(i)
		p.Model.Path, p.Model.Embedding = name, p.Layers[6].Name
		p.Layers[6].Values["spread.true"] = result.Number(float64(1000 * (i + 1)))
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.WriteFile(filepath.Join(root, name, "probe.json")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	table := c.Table(true)
	var b bytes.Buffer
	if err := table.Write(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.Contains(lines[0], ",spread.true,spread.assigned,likeness") || !strings.Contains(lines[1], ",1000,") || !strings.Contains(lines[2], ",2000,") {
		t.Errorf("the table is\n%s", b.String())
	}
	figures, err := c.figures()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
		if f.name == "spread-layers" {
			golden(t, "metric-spread-layers", f)
		}
	}
	if got := strings.Join(names, " "); !strings.Contains(got, "layers spread-layers likeness-layers panels") {
		t.Errorf("figures %s", got)
	}
}

// Of three margins of mean 0.05 and standard deviation 0.01, t = 4.303: worked by hand.
func TestIntervalOverSeeds(t *testing.T) {
	verdict := func(m, half float64) *result.Verdict {
		return &result.Verdict{Margin: result.Number(m), CI: result.Interval{result.Number(m - half), result.Number(m + half)}}
	}
	one := overSeeds([]*result.Verdict{verdict(0.05, 0.02)})
	all := overSeeds([]*result.Verdict{verdict(0.04, 0.02), verdict(0.05, 0.03), verdict(0.06, 0.01)})
	wide := math.Sqrt(0.0248414*0.0248414 + 0.02*0.02)
	if err := tol.Close([]float64{one.Low(), one.High(), all.Low(), all.High()}, []float64{0.03, 0.07, 0.05 - wide, 0.05 + wide}, 1e-6, 0); err != nil {
		t.Error(err)
	}
}
