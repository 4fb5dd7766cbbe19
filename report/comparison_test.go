package report

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/fault"
	"memprobe/internal/tol"
	"memprobe/probe/result"
)

var update = flag.Bool("update", false, "draw the golden pictures anew")

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
			outline{fmt.Sprint(i), map[string]any{"labels": l}, 60, 60, 1 - 0.02*float64(i), 0.45 - 0.05*float64(i),
				result.Unclear, false, false}.write(t, root)
		}
		return collect(t, root)
	}
	for name, c := range map[string]struct {
		*Comparison
		want []string
	}{
		"variants": {variants(t), []string{"scatter", "layers", "panels", "epochs", "map-knn-true",
			"map-leave-one-out-assigned", "map-untrained-true"}},
		"ladder": {ladder(t), []string{"scatter", "capacity", "layers", "panels", "epochs", "map-knn-true",
			"map-leave-one-out-assigned", "map-untrained-true"}},
		"noise": {noise(), []string{"scatter", "tradeoff-noise", "noise-layers", "layers", "panels", "epochs",
			"map-knn-true", "map-leave-one-out-assigned", "map-untrained-true"}},
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
	put("m-report/probe.json",
		`{"schema":"memprobe.probe/1","settings":{"headline_k":20},"layers":[{"name":"e","role":"embedding","knn":{"true":{"20":0.3}}}]}`)
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
	for _, want := range []string{"cut/run.json: ends in the middle of its JSON", `schema "memprobe.run/2"`,
		"empty: a run that has not begun", "epoch-000020.json: "} {
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
	if !strings.Contains(lines[0], ",spread.true,spread.assigned,likeness") || !strings.Contains(lines[1], ",1000,") ||
		!strings.Contains(lines[2], ",2000,") {
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
		return &result.Verdict{Margin: result.Number(m),
			CI: result.Interval{result.Number(m - half), result.Number(m + half)}}
	}
	one := overSeeds([]*result.Verdict{verdict(0.05, 0.02)})
	all := overSeeds([]*result.Verdict{verdict(0.04, 0.02), verdict(0.05, 0.03), verdict(0.06, 0.01)})
	wide := math.Sqrt(0.0248414*0.0248414 + 0.02*0.02)
	if err := tol.Close([]float64{one.Low(), one.High(), all.Low(), all.High()},
		[]float64{0.03, 0.07, 0.05 - wide, 0.05 + wide}, 1e-6, 0); err != nil {
		t.Error(err)
	}
}
