//go:build unix

package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Commands that are killed at any moment, again and again, and then left to end leave
// what one that is not killed does, and nothing else. MEMPROBE_KILLS is how often.
func TestKills(t *testing.T) {
	kills := killsOr(10)
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.yaml")
	base := "{data: 'shapes:train=60,test=20,size=8', arch: mlp, width: 8, projector: 8, batch: 20, epochs: 12, checkpoint-every: 1, probe-every: 4}"
	if err := os.WriteFile(plan, []byte("about: killed\nbase: "+base+"\ngrid: {lr: [0.1, 0.01]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	format := ""
	if testing.Short() { // one format instead of all
		format = " --format html"
	}
	for name, args := range map[string]string{
		"train":   "train --data shapes:train=60,test=20,size=8 --arch mlp --width 8 --projector 8 --batch 20 --epochs 12 --checkpoint-every 1 --probe-every 4 --quiet",
		"sweep":   "sweep " + plan + " --quiet",
		"analyze": "analyze " + malign + " --train-limit 60 --test-limit 20 --draws 1 --quiet" + format,
	} {
		t.Run(name, func(t *testing.T) {
			whole, killed, temporary := filepath.Join(dir, name, "whole"), filepath.Join(dir, name, "killed"), t.TempDir()
			call := func(out string, after time.Duration) {
				ctx := t.Context()
				if after > 0 {
					short, stop := context.WithTimeout(ctx, after) // kills
					defer stop()
					ctx = short
				}
				c := exec.CommandContext(ctx, "memprobe", append(strings.Fields(args), "--out", out)...)
				c.Env = append(os.Environ(), "TMPDIR="+temporary)
				if text, err := c.CombinedOutput(); err != nil && ctx.Err() == nil {
					t.Fatalf("%v: %s", err, text)
				}
			}
			start := time.Now()
			call(whole, 0)
			took := time.Since(start)
			for i := range kills {
				call(killed, time.Millisecond+took*time.Duration(i+1)/time.Duration(kills+1))
			}
			call(killed, 0)
			want, got := filesOf(t, whole), filesOf(t, killed)
			for file := range got {
				if _, ok := want[file]; !ok {
					t.Errorf("%s is left behind", file)
				}
			}
			for file, data := range want {
				switch kept, ok := got[file]; {
				case !ok:
					t.Errorf("%s is missing", file)
				case timeless(file) && kept != data:
					t.Errorf("%s differs", file)
				}
			}
			if left := filesOf(t, temporary); len(left) > 0 {
				t.Errorf("temporary files are left: %d", len(left))
			}
		})
	}
}

// timeless tells of a file whether its bytes do not depend on the time that a run took
// or on where it lies.
func timeless(file string) bool {
	switch filepath.Ext(file) {
	case ".onnx", ".npy", ".png", ".pdf":
		return true
	}
	return filepath.Base(file) == "layers.csv"
}

// filesOf returns the files below a folder.
func filesOf(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
