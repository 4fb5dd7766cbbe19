package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestBench runs each benchmark on little work and wants the keys that scripts
// compare, each with a positive number.
func TestBench(t *testing.T) {
	for _, c := range []struct{ args, keys string }{
		{"gemm --m 30 --n 40 --k 50", "m n k gflops"},
		{"knn --bank 300 --queries 20 --dim 16 --k 3", "bank queries dim k queries_per_second"},
		{"knn --bank 3000 --queries 20 --dim 16 --k 3 --mapped DIR --max-memory 100MiB", "bank queries_per_second"},
		{"augment --images 300", "images images_per_second"},
		{"augment --augment rand:0.5 --shape 1,28,20 --images 10", "images images_per_second"},
		{"infer ../../testdata/malign.onnx --taps all", "taps images_per_second"},
		{"train --width 2 --batch 4 --size 8", "width batch size images_per_second"},
		{"train --init ../../testdata/malign.onnx --batch 4", "batch size images_per_second"},
	} {
		dir := t.TempDir()
		args := append([]string{"bench"}, strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))...)
		args = append(args, "--steps", "2", "--threads", "2")
		code, out, msg := runMemprobe(args...)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, msg)
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(out), &line); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		if line["what"] != args[1] {
			t.Errorf("%v: measured %v", args, line["what"])
		}
		for _, key := range append(strings.Fields(c.keys), "threads", "seconds", "peak_rss_bytes") {
			if v, ok := line[key].(float64); !ok || !(v > 0) {
				t.Errorf("%v: %s is %v, want a positive number", args, key, line[key])
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v: left %v behind, %v", args, left, err)
		}
	}
	for _, args := range [][]string{
		{"bench"}, {"bench", "nonsense"}, {"bench", "gemm", "--m", "0"}, {"bench", "knn", "--bank", "3", "--k", "4"},
		{"bench", "gemm", "--steps", "0"}, {"bench", "infer"}, {"bench", "infer", "x.onnx", "--shape", "1,-3"},
		{"bench", "augment", "--augment", "fulll"}, {"bench", "augment", "--shape", "3,0,4"},
		{"bench", "augment", "--shape", "4,8,8"},
		{"bench", "train", "--arch", "nonsense"}, {"bench", "train", "--init", "x.onnx", "--width", "3"},
	} {
		code, out, msg := runMemprobe(args...)
		if code != exitUsage || out != "" || strings.Count(msg, "\n") != 1 {
			t.Errorf("%v: exit %d, want %d and one line: %q %q", args, code, exitUsage, out, msg)
		}
	}
}
