package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
)

func TestCompare(t *testing.T) {
	root := t.TempDir()
	for name, augment := range map[string]string{"a": "none", "b": "crop-flip"} {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		r := &result.Run{Config: map[string]any{"augment": augment, "epochs": 3.0}, Finished: name == "a"}
		if err := r.WriteFile(filepath.Join(dir, "run.json")); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(root, "out")
	code, text, msg := runMemprobe("compare", root, "--out", out, "--sort", "-run", "--format", "none")
	if code != 0 || !strings.Contains(msg, filepath.Join(root, "b")+": unfinished") ||
		strings.Contains(msg, filepath.Join(root, "a")) {
		t.Fatalf("exit %d, want the unfinished run named: %s", code, msg)
	}
	if a, b := strings.Index(text, "no augmentation"), strings.Index(text, "crop-flip"); a < 0 || b < 0 || a > b {
		t.Errorf("rows are not sorted from z to a:\n%s", text)
	}
	if files, _ := filepath.Glob(filepath.Join(out, "*")); len(files) != 3 {
		t.Errorf("wrote %v, want three tables", files)
	}
	empty := t.TempDir()
	code, _, msg = runMemprobe("compare", root, filepath.Join(root, "a"), empty, "--out", out, "--format", "none")
	if code != 0 || !strings.Contains(msg, "left out: "+empty+": no run") || strings.Count(msg, "left out") != 1 {
		t.Errorf("exit %d, want the folder without runs named, and no other: %s", code, msg)
	}
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"compare"}},
		{2, []string{"compare", root, "--out", out, "--json", "--table", "csv"}},
		{3, []string{"compare", root, ""}},
		{2, []string{"compare", root, "--out", out, "--table", "html"}},
		{2, []string{"compare", root, "--out", out, "--format", "bmp"}},
		{2, []string{"compare", root, "--out", out, "--sort", "colour"}},
		{3, []string{"compare", out}},
		{3, []string{"compare", filepath.Join(root, "nothing")}},
	} {
		code, _, msg := runMemprobe(c.args...)
		if code != c.code || strings.Count(msg, "memprobe compare: ") != 1 {
			t.Errorf("%v: exit %d (%s), want %d and a line that says why", c.args, code, msg, c.code)
		}
	}
}
