package main

import (
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataList(t *testing.T) {
	code, out, msg := runMemprobe("data", "list")
	if code != 0 || !strings.Contains(out, "fashion-mnist-mini") || !strings.Contains(out, "parquet:DIR") {
		t.Errorf("exit %d: %s%s", code, out, msg)
	}
	var list []struct{ Name string }
	if code, out, msg := runMemprobe("data", "list", "--json"); code != 0 || json.Unmarshal([]byte(out), &list) != nil ||
		len(list) < 10 {
		t.Errorf("exit %d: %s%s", code, out, msg)
	}
}

func TestDataInfo(t *testing.T) {
	code, out, msg := runMemprobe("data", "info", "fashion-mnist-mini", "--train-limit", "100", "--json")
	var info setInfo
	if code != 0 || json.Unmarshal([]byte(out), &info) != nil {
		t.Fatalf("exit %d: %s%s", code, out, msg)
	}
	if info.Train != (splitInfo{100, 10, 10}) || info.Test != (splitInfo{1000, 100, 100}) || len(info.Classes) != 10 {
		t.Errorf("splits %+v and %+v, classes %q", info.Train, info.Test, info.Classes)
	}
	// Fashion-MNIST's published mean and deviation are 0.2860 and 0.3530.
	if len(info.Mean) != 1 || math.Abs(info.Mean[0]-0.286) > 0.03 || math.Abs(info.Std[0]-0.353) > 0.03 {
		t.Errorf("mean %v, std %v", info.Mean, info.Std)
	}
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"data", "info"}},
		{2, []string{"data", "info", "nonsense"}},
		{2, []string{"data", "info", "images"}},
		{2, []string{"data", "fetch", "npz"}},
		{3, []string{"data", "info", "images:/nowhere"}},
		{3, []string{"data", "info", "npz:data_test.go"}},
	} {
		code, out, msg := runMemprobe(c.args...)
		if code != c.code || out != "" || strings.Count(msg, "\n") != 1 {
			t.Errorf("%q: exit %d, want %d: %q %q", c.args, code, c.code, out, msg)
		}
	}
}

func TestDataPreview(t *testing.T) {
	out := filepath.Join(t.TempDir(), "grid.png")
	code, stdout, msg := runMemprobe("data", "preview", "--augment", "full", "--out", out, "--images", "3",
		"--views", "4", "--zoom", "1")
	if code != 0 || !strings.Contains(stdout, "jitter(brightness=0.8") ||
		!strings.Contains(stdout, "greyscale images: jitter leaves out saturation and hue") {
		t.Fatalf("exit %d: %s%s", code, stdout, msg)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if b := picture.Bounds(); b.Dx() != 5*32+8 || b.Dy() != 3*32+4 {
		t.Errorf("a sheet of %v", b)
	}
	for _, args := range [][]string{{"--augment", "fulll"}, {"--views", "0"}, {"--zoom", "100000"},
		{"--data", "nonsense"}, {"x"}} {
		code, stdout, msg := runMemprobe(append([]string{"data", "preview", "--out", out}, args...)...)
		if code != exitUsage || stdout != "" || strings.Count(msg, "\n") != 1 {
			t.Errorf("%v: exit %d, want %d and one line: %q %q", args, code, exitUsage, stdout, msg)
		}
	}
}
