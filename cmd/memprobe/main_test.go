package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runMemprobe(args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, streams{&o, &e})
	return code, o.String(), e.String()
}

func TestAnalyze(t *testing.T) {
	dir := t.TempDir()
	reports := map[string]string{} // what one thread wrote, by the file's name
	for _, threads := range []string{"1", "2", "3"} {
		code, out, msg := runMemprobe("analyze", "../../testdata/malign.onnx", "--out", filepath.Join(dir, threads),
			"--threads", threads, "--json", "--quiet",
			"--augment", "crop-flip", "--views", "3", "--view-images", "20")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, msg)
		}
		var p struct {
			Settings struct {
				Augment string
				Views   int
				Viewed  int `json:"viewed_images"`
			}
			Layers []struct {
				Name, Role string
				Invariance float64
			}
			Fit struct {
				Assigned float64 `json:"assigned_clean"`
			}
			Verdict struct{ Word string }
		}
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatal(err)
		}
		if p.Verdict.Word != "malign" || p.Fit.Assigned < 0.99 || len(p.Layers) < 5 {
			t.Errorf("verdict %q, fit %v, %d layers", p.Verdict.Word, p.Fit.Assigned, len(p.Layers))
		}
		if s := p.Settings; s.Augment != "crop(pad=4) hflip(p=0.5)" || s.Views != 3 || s.Viewed != 20 {
			t.Errorf("views by %+v", s)
		}
		for _, l := range p.Layers {
			if !(l.Invariance > 0 && l.Invariance < 2) {
				t.Errorf("layer %s: invariance %v", l.Name, l.Invariance)
			}
		}
		sameReports(t, reports, filepath.Join(dir, threads))
	}
	if len(reports) < 6 {
		t.Errorf("%d files were compared", len(reports))
	}
}

// sameReports compares the bytes of the files in a folder, but for the one of the
// machine, with those of earlier folders.
func sameReports(t *testing.T, seen map[string]string, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		was, known := seen[e.Name()]
		switch {
		case e.Name() == machineFile:
			if want := `"threads": ` + filepath.Base(dir); !strings.Contains(string(b), want) {
				t.Errorf("%s, want %s", b, want)
			}
		case known && was != string(b):
			t.Errorf("%s differs with the number of threads", e.Name())
		}
		if e.Name() != machineFile {
			seen[e.Name()] = string(b)
		}
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.onnx")
	whole, err := os.ReadFile("../../testdata/malign.onnx")
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.onnx")
	os.WriteFile(text, []byte("hello"), 0o644)
	os.WriteFile(cut, whole[:len(whole)/2], 0o644)
	for _, c := range []struct {
		code int
		args []string
	}{
		{3, []string{"analyze", text}},
		{3, []string{"analyze", cut}},
		{3, []string{"inspect", filepath.Join(dir, "missing.onnx")}},
		{2, []string{"analyze"}},
		{2, []string{"analyze", "--bogus", text}},
		{2, []string{"analyze", text, "--metric", "manhattan"}},
		{2, []string{"nonsense"}},
		{0, []string{"version"}},
		{0, []string{"inspect", "../../testdata/malign.onnx"}},
		{0, []string{"analyze", "--help"}},
	} {
		code, out, msg := runMemprobe(c.args...)
		if code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, code, c.code, msg)
		}
		if c.code != 0 && (strings.Count(msg, "\n") != 1 || out != "") {
			t.Errorf("%v: want one line on stderr and nothing on stdout, got %q and %q", c.args, msg, out)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*-report")); found != nil {
		t.Errorf("failed commands left %v", found)
	}
}

// TestMisspeltValues: a value that is none of a flag's is answered with those that are,
// and with the one that was probably meant.
func TestMisspeltValues(t *testing.T) {
	model := "../../testdata/benign.onnx"
	for _, c := range []struct{ args, want string }{
		{"analyze " + model + " --metric cosin", "did you mean cosine?"},
		{"analyze " + model + " --vote unifrom", "did you mean uniform?"},
		{"analyze " + model + " --bank trian", "did you mean train?"},
		{"analyze " + model + " --pool maen", "did you mean mean?"},
		{"analyze " + model + " --metrics rankm", "did you mean rankme?"},
		{"analyze " + model + " --untrained-statistics intial", "did you mean initial?"},
		{"analyze " + model + " --format pgn", "did you mean png?"},
		{"analyze " + model + " --data fashion-minst", "did you mean fashion-mnist?"},
		{"train --arch resnet81 --out x", "did you mean resnet8?"},
		{"train --stem smal --out x", "did you mean small?"},
		{"train --optimizer adma --out x", "did you mean adam?"},
		{"train --schedule cosin --out x", "did you mean cosine?"},
		{"train --loss mes --out x", "did you mean mse?"},
		{"compare x --table latx", "did you mean latex?"},
		{"sweep benign --emit slrum", "did you mean slurm?"},
		{"sweep benign --scale smal", "did you mean small?"},
		{"sweep bengin", "did you mean benign?"},
	} {
		if code, _, msg := runMemprobe(strings.Fields(c.args)...); code != 2 || !strings.Contains(msg, c.want) {
			t.Errorf("%s: exit %d, %q, want 2 and %q", c.args, code, msg, c.want)
		}
	}
}
