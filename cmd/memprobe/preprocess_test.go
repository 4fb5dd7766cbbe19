package main

import (
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// A model that was trained on images of a preset is analysed on the same, and the report
// says so; a preset that there is not is a mistake of the command line.
func TestPreprocessPreset(t *testing.T) {
	dir := t.TempDir()
	run, report := filepath.Join(dir, "run"), filepath.Join(dir, "report")
	mustTrain(t, "train", "--data", "shapes:train=40,test=20", "--preprocess", "timm:0.95", "--image-size", "12",
		"--arch", "mlp", "--width", "8", "--augment", "none",
		"--epochs", "1", "--batch", "20", "--quiet", "--out", run)
	must(t, "analyze", filepath.Join(run, "model.onnx"), "--k", "3", "--draws", "1", "--format", "png",
		"--quiet", "--out", report)
	p, err := result.ReadProbe(filepath.Join(report, "probe.json"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Data.Preprocess != "timm:0.95" || p.Settings.Normalize != "imagenet" ||
		!strings.Contains(p.Data.Resize, "timm:0.95: antialiased bicubic, shorter side to 12") {
		t.Errorf("preset %q, normalisation %q, %q", p.Data.Preprocess, p.Settings.Normalize, p.Data.Resize)
	}
	code, _, msg := runMemprobe("extract", filepath.Join(run, "model.onnx"), "--out", filepath.Join(dir, "x.npz"))
	if code != 0 || !strings.Contains(msg, "train images of shapes:train=40,test=20, normalisation imagenet\n") ||
		!strings.Contains(msg, "timm:0.95: antialiased bicubic, shorter side to 12") {
		t.Errorf("extract: exit %d, %s", code, msg)
	}
	for _, args := range [][]string{{"data", "info", "shapes", "--preprocess", "keras"},
		{"analyze", malign, "--preprocess", "timm:2"}, {"train", "--preprocess", "x"}} {
		if code, _, msg := runMemprobe(args...); code != exitUsage || !strings.Contains(msg, "want none, torchvision") {
			t.Errorf("%q: exit %d, %s", args, code, msg)
		}
	}
}
