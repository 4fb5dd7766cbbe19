//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"memprobe/internal/meta"
	"memprobe/onnx"
)

// Pipes, devices and folders are refused at once wherever a file is meant.
func TestSpecialFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{pipe, "/dev/zero", filepath.Join(dir, "folder")} {
		for _, ext := range []string{".onnx", ".npz", ".npy", ".yaml"} {
			link := filepath.Join(dir, "x"+ext)
			os.Remove(link)
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
		}
		at := filepath.Join(dir, "x")
		for _, args := range []string{
			"analyze X.onnx", "inspect X.onnx", "compare X.npz", "sweep X.yaml", "bench infer X.onnx --shape 1,1,28,28",
			"analyze MALIGN --data npz:X.npz", "analyze MALIGN --data idx:X.npz", "analyze MALIGN --data cifar10:X.npz",
			"analyze MALIGN --data parquet:X.npz", "analyze MALIGN --data images:X.npz",
			"analyze MALIGN --data tinyimagenet:X.npz",
			"analyze MALIGN --assigned X.npy", "extract MALIGN --input X.npz --out OUT.npz",
			"extract MALIGN --input X.npy --out OUT.npz",
			"train --init X.onnx --out OUT",
		} {
			line := strings.NewReplacer("X", at, "MALIGN", malign, "OUT", filepath.Join(dir, "out")).Replace(args)
			start := time.Now()
			code, _, msg := runMemprobe(strings.Fields(line)...)
			if code != exitInput || strings.Count(msg, "\n") != 1 || time.Since(start) > 2*time.Second {
				t.Errorf("%s of %s: exit %d after %v: %q", args, target, code, time.Since(start), msg)
			}
		}
	}
}

// Models travel: what one says of its data may not reach for files by absolute path.
func TestMetadataNameNoAbsolutePath(t *testing.T) {
	m, err := onnx.Load(malign)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m.SetMetadata(meta.Data, "npz:"+filepath.Join(dir, "none.npz"))
	file := filepath.Join(dir, "m.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	code, _, msg := runMemprobe("analyze", file, "--out", filepath.Join(dir, "out"))
	if code != exitInput || !strings.Contains(msg, "--data") || strings.Count(msg, "\n") != 1 {
		t.Errorf("exit %d: %q", code, msg)
	}
	code, _, msg = runMemprobe("analyze", file, "--data", "npz:"+filepath.Join(dir, "none.npz"),
		"--out", filepath.Join(dir, "out"))
	if code != exitInput || !strings.Contains(msg, "no such file") {
		t.Errorf("exit %d: %q", code, msg)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a report was begun")
	}
}

// Flags ask for no more than there is.
func TestFlagsWithinBudget(t *testing.T) {
	for _, args := range []string{
		"bench gemm --m 1000000000 --n 1000000000 --k 1000000000", "bench knn --bank 4000000000 --dim 1000000",
		"bench augment --shape 3,100000,100000",
		"analyze MALIGN --batch 1000000000 --max-memory 512MiB --out OUT",
		"train --arch mlp --width 100000000 --max-memory 512MiB --out OUT",
	} {
		line := strings.NewReplacer("MALIGN", malign, "OUT", filepath.Join(t.TempDir(), "out")).Replace(args)
		code, _, msg := runMemprobe(append(strings.Fields(line), "--quiet")...)
		if (code != exitInput && code != exitUsage) || strings.Count(msg, "\n") != 1 {
			t.Errorf("%s: exit %d: %q", args, code, msg)
		}
	}
	runMemprobe("version") // the default budget again
}

// A network, or a batch of one, that memory cannot hold is refused before it is made, with
// what it would need: from the command line, in a plan, and of a model that is trained further.
func TestNetworksWithinBudget(t *testing.T) {
	defer runMemprobe("version") // the default budget again
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(plan, []byte("base: {arch: mlp, width: 1048576, epochs: 1, train-limit: 20, test-limit: 10}\ngrid: {seed: [1]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
	}{
		{"train --arch resnet18 --width 100000", exitInput},
		{"train --arch mlp --width 64 --projector 1000000,1000000", exitInput},
		{"train --init MALIGN --batch 5000 --max-memory 150MiB", exitInput},
		{"sweep PLAN", exitInput},
	} {
		line := strings.NewReplacer("MALIGN", malign, "PLAN", plan).Replace(c.args)
		out := filepath.Join(dir, "out")
		code, _, msg := runMemprobe(append(strings.Fields(line), "--quiet", "--out", out)...)
		if code != c.code || !strings.Contains(msg, " would take ") || !strings.Contains(msg, " are left") {
			t.Errorf("%s: exit %d: %q; want %d", c.args, code, msg, c.code)
		}
		if models, _ := filepath.Glob(filepath.Join(out, "checkpoints", "*.onnx")); len(models) > 0 {
			t.Errorf("%s: %q were written", c.args, models)
		}
	}
}

// An interruption ends even one long step of a benchmark, with its own exit code.
func TestInterruptedBench(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	var out, msg bytes.Buffer
	code := run(ctx, []string{"bench", "augment", "--images", "100000000", "--steps", "1"}, streams{&out, &msg})
	if code != exitInterrupted || out.Len() > 0 || time.Since(start) > 2*time.Second {
		t.Errorf("exit %d after %v: %q %q", code, time.Since(start), out.String(), msg.String())
	}
}
