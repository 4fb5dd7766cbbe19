package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"memprobe/internal/rng"
)

// A damage is a function of its seed and number, and nearly always changes the file.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	if err := writeInputs(dir, filepath.Join("..", "..", "..", "train", "dataset", "testdata")); err != nil {
		t.Fatal(err)
	}
	files := []string{"../../../testdata/malign.onnx"}
	for _, name := range []string{"set.npz", "images.zip", "cifar.tar.gz", "input.npy", "plan.yaml",
		"parquet/train.parquet"} {
		files = append(files, filepath.Join(dir, name))
	}
	for _, file := range files {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		const n = 40
		same, outcomes := 0, map[string]bool{}
		for i := range uint64(n) {
			a, what := (&damage{rng.New(1, rng.Subset, i)}).file(file, good)
			b, again := (&damage{rng.New(1, rng.Subset, i)}).file(file, good)
			if !bytes.Equal(a, b) || what != again {
				t.Fatalf("%s, damage %d: %q, and then %q", file, i, what, again)
			}
			if bytes.Equal(a, good) {
				same++
			}
			outcomes[what] = true
		}
		if same > n/4 || len(outcomes) < n/4 {
			t.Errorf("%s: %d of %d are not damaged, %d different damages", file, same, n, len(outcomes))
		}
	}
}

// What a run must not do is found.
func TestJudge(t *testing.T) {
	b := &bench{options: options{memory: 1 << 30, limit: 1e9}, dir: t.TempDir()}
	for _, c := range []struct {
		e   ending
		bad bool
	}{
		{ending{code: 0, out: "fine\n"}, false},
		{ending{code: 3, err: "memprobe data info: x.npz: truncated\n"}, false},
		{ending{code: 3}, true},
		{ending{code: 1, err: "memprobe data info: x.npz: truncated\n"}, true},
		{ending{code: -1, err: "fatal error\n"}, true},
		{ending{code: 0, out: "\x1b[31m"}, true},
		{ending{code: 0, took: 2e9}, true},
		{ending{code: 0, peak: 2 << 30}, true},
		{ending{code: 1, err: "internal error: index out of range"}, true},
	} {
		if got := b.judge(kind{}, c.e); (got != "") != c.bad {
			t.Errorf("%+v: %q", c.e, got)
		}
	}
}
