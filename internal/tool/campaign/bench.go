package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"memprobe/internal/memory"
)

// bench is where the program is tried.
type bench struct {
	options
	dir, good string            // its folder; the good inputs in it
	ended     map[string]string // what the undamaged run ends with, by file
	slowest   time.Duration
	largest   int64
}

// ending is how one run of the program ended.
type ending struct {
	args     []string
	code     int // −1: by a signal
	out, err string
	took     time.Duration // of processors
	peak     int64         // bytes
}

// patience is how many times its limit a run may take by the clock, where other
// processes take the processors from it, before it is killed.
const patience = 15

// call runs the program. What ctx ends is no ending.
func (b *bench) call(ctx context.Context, args ...string) (ending, error) {
	e := ending{args: args}
	ctx, stop := context.WithTimeout(ctx, patience*b.limit)
	defer stop()
	c := exec.CommandContext(ctx, b.program, append(args, "--max-memory", b.memory.String())...)
	var out, msg bytes.Buffer
	c.Stdout, c.Stderr = &out, &msg
	c.Env = append(os.Environ(), "TMPDIR="+b.work("tmp"), "XDG_CACHE_HOME="+b.work("cache"))
	err := c.Run()
	e.out, e.err = out.String(), msg.String()
	if c.ProcessState == nil {
		return e, err
	}
	e.code, e.took = c.ProcessState.ExitCode(), c.ProcessState.UserTime()+c.ProcessState.SystemTime()
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		e.peak = int64(u.Maxrss) << 10
	}
	b.slowest, b.largest = max(b.slowest, e.took), max(b.largest, e.peak)
	return e, nil
}

// work is a path in the folder that is made anew for each run.
func (b *bench) work(name string) string { return filepath.Join(b.dir, "work", name) }

// line makes a command line of a kind's.
func (b *bench) line(k kind, text string) []string {
	x := b.work(filepath.Base(k.at))
	return strings.Fields(strings.NewReplacer("X", x, "GOOD", b.good, "OUT", b.work("out")).Replace(text))
}

// fresh makes the folder of a run, with a copy of the good input.
func (b *bench) fresh(k kind) error {
	if err := os.RemoveAll(b.work("")); err != nil {
		return err
	}
	if err := os.MkdirAll(b.work("tmp"), 0o755); err != nil {
		return err
	}
	from, to := filepath.Join(b.good, k.at), b.work(filepath.Base(k.at))
	if info, err := os.Stat(from); err != nil || info.IsDir() {
		return errors.Join(err, os.CopyFS(to, os.DirFS(from)))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// prepare makes the good inputs and has the program accept each.
func (b *bench) prepare(ctx context.Context) ([]kind, error) {
	if err := writeInputs(b.good, filepath.Join("train", "dataset", "testdata")); err != nil {
		return nil, err
	}
	if err := unpackPickle(filepath.Join(b.good, "pickle")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.work("tmp"), 0o755); err != nil {
		return nil, err
	}
	const train = "train --batch 16 --projector 8 --quiet --data "
	const drawn = "shapes:train=40,test=12,size=8,classes=4" // a model may record the name of a set, and no path
	for _, text := range []string{
		train + drawn + " --arch cnn --width 4 --epochs 1 --out GOOD/trained",
		train + drawn + " --arch vit --width 16 --epochs 1 --out GOOD/attention",
		"analyze GOOD/trained/model.onnx" + strings.ReplaceAll(probed, "OUT", "GOOD/report"),
		"analyze GOOD/trained/model.onnx --store GOOD/store" + strings.ReplaceAll(probed, "OUT", "GOOD/stored"),
	} {
		if e, err := b.call(ctx, b.line(kind{}, text)...); err != nil || e.code != 0 {
			return nil, fmt.Errorf("memprobe %q: exit %d: %s %v", e.args, e.code, e.err, err)
		}
	}
	cnn := filepath.Join(b.good, "cnn.onnx")
	err := errors.Join(os.Rename(filepath.Join(b.good, "trained", "model.onnx"), cnn),
		os.Rename(filepath.Join(b.good, "attention", "model.onnx"), filepath.Join(b.good, "vit.onnx")),
		writeExternal(cnn, filepath.Join(b.good, "external")))
	if err != nil {
		return nil, err
	}
	if err := b.halfRun(ctx, b.line(kind{},
		train+"npz:GOOD/set.npz --arch cnn --width 4 --epochs 60 --log-losses --checkpoint-every 2 --probe-every 60 "+
			"--out GOOD/run")); err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(kinds(), func(k kind) bool { return !strings.HasPrefix(k.name, b.only) })
	for _, k := range list {
		if err := b.fresh(k); err != nil {
			return nil, err
		}
		e, err := b.call(ctx, b.line(k, k.reads[0])...)
		if err != nil || e.code != 0 {
			return nil, fmt.Errorf("%s, undamaged: memprobe %q: exit %d: %s %v", k.name, e.args, e.code, e.err, err)
		}
		if k.run && b.ended == nil {
			b.ended = results(b.work("run"))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no kind of input is called %q", b.only)
	}
	return list, nil
}

// halfRun trains until there are two checkpoints, and interrupts.
func (b *bench) halfRun(ctx context.Context, args []string) error {
	c := exec.CommandContext(ctx, b.program, args...)
	if err := c.Start(); err != nil {
		return err
	}
	stop := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	defer stop.Stop()
	for {
		if _, err := os.Stat(filepath.Join(b.good, "run", "checkpoints", "epoch-000004.onnx")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	c.Process.Signal(os.Interrupt)
	if c.Wait(); c.ProcessState.ExitCode() != 130 {
		return fmt.Errorf("memprobe %q, interrupted: %v", args, c.ProcessState)
	}
	return nil
}

// results are the files that a run ends with, without what depends on the time.
func results(run string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"model.onnx", "labels.npy"} {
		data, _ := os.ReadFile(filepath.Join(run, name))
		out[name] = string(data)
	}
	data, _ := os.ReadFile(filepath.Join(run, "metrics.csv"))
	var rows []string
	for row := range strings.Lines(string(data)) {
		if fields := strings.Split(row, ","); len(fields) > 2 {
			row = strings.Join(fields[:len(fields)-2], ",") // the last two are times
		}
		rows = append(rows, row)
	}
	out["metrics.csv"] = strings.Join(rows, "\n")
	return out
}

// try damages a copy of a kind's input and runs the program on it. It returns how it
// was damaged.
func (b *bench) try(ctx context.Context, k kind, d *damage) (what string, e ending, err error) {
	if err := b.fresh(k); err != nil {
		return "", e, err
	}
	file := b.work(filepath.Base(k.at))
	if k.damage != "" {
		files, err := filepath.Glob(filepath.Join(file, k.damage))
		files = slices.DeleteFunc(files,
			func(f string) bool { i, err := os.Stat(f); return err != nil || i.IsDir() || i.Size() == 0 })
		if err != nil || len(files) == 0 {
			return "", e, fmt.Errorf("%s: no files to damage: %w", k.name, err)
		}
		file = files[d.IntN(len(files))]
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", e, err
	}
	data, what = d.file(file, data)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return "", e, err
	}
	text := k.reads[d.IntN(len(k.reads))]
	e, err = b.call(ctx, b.line(k, text)...)
	return filepath.Base(file) + ": " + what, e, err
}

// overhead is what the budget of memory leaves out: the program itself and pages of
// files that are mapped.
const overhead = 128 << 20

// judge says what is wrong with how a run ended; "" if nothing is.
func (b *bench) judge(k kind, e ending) string {
	switch {
	case !slices.Contains([]int{0, 1, 2, 3, 130}, e.code):
		return fmt.Sprintf("exit %d after %v: %.300s", e.code, e.took.Round(time.Millisecond), e.err)
	case strings.Contains(e.err, "internal error") || strings.Contains(e.err, "goroutine "):
		return fmt.Sprintf("a fault of its own: %.300s", e.err)
	case e.code != 0 && e.err == "":
		return fmt.Sprintf("exit %d without a word", e.code)
	case e.code == 1 && !strings.Contains(e.err, "the loss is"): // which may become NaN by the weights that a file has
		return fmt.Sprintf("exit 1, want 3: %.300s", e.err)
	case e.took > b.limit:
		return fmt.Sprintf("took %v", e.took.Round(time.Millisecond))
	case e.peak > int64(b.memory)+overhead:
		return "took " + memory.String(e.peak)
	case strings.ContainsFunc(e.out+e.err,
		func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }):
		return "prints control characters"
	}
	for line := range strings.Lines(e.err) {
		if len(line) > 4<<10 {
			return fmt.Sprintf("a message of %d bytes: %.100s", len(line), line)
		}
	}
	if left := temporary(b.work("")); left != "" {
		return "leaves " + left
	}
	if k.run && e.code == 0 && slices.Contains(e.args, "--resume") {
		for name, data := range results(b.work("run")) {
			if data != b.ended[name] {
				return name + " changes in silence"
			}
		}
	}
	return ""
}

// temporary finds a file that should not have stayed.
func temporary(dir string) (found string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".memprobe-") {
			found = path
		}
		return nil
	})
	return found
}

// preserve keeps what a bad run was given.
func (b *bench) preserve(i int) error {
	if b.keep == "" {
		return nil
	}
	to := filepath.Join(b.keep, fmt.Sprint(i))
	return errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(b.work(""))))
}

// unpackPickle makes a folder of batches of the one that is there, compressed.
func unpackPickle(dir string) error {
	f, err := os.Open(filepath.Join(dir, "data_batch_1.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "data_batch_1"), data, 0o644),
		os.WriteFile(filepath.Join(dir, "test_batch"), data, 0o644), os.Remove(f.Name()))
}
