package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/fault"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/meta"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/probe/result"
	"memprobe/train"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

var trainCommand = command{
	name: "train", about: "trains a network on true, noisy or random labels; writes a run directory",
	example: "memprobe train --arch resnet18 --width 16 --train-limit 1000 --labels random --augment crop-flip --epochs 150 --out run",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		config := train.Default()
		fieldFlags(f, &config, train.Fields())
		out := f.String("out", "run", "folder of the run; one that was interrupted goes on")
		resume := f.String("resume", "",
			"folder of a run, to go on with its own settings; with --epochs N, also a finished one, to N epochs in all")
		withBoard := f.Bool("tensorboard", false,
			"write what TensorBoard reads into the run's folder tensorboard: scalars an epoch, figures and layers a probe, the embedding at the end")
		threads := f.Int("threads", 0, "threads; 0 means one a CPU")
		asJSON := f.Bool("json", false, "print run.json instead of a summary")
		quiet := f.Bool("quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 0 {
				return usagef("want no arguments, got %q", args)
			}
			if *threads < 0 {
				return usagef("--threads is %d, want 0 or more", *threads)
			}
			dir := *out
			if *resume != "" {
				var err error
				if config, err = resumed(*resume, f, config.Epochs, std); err != nil {
					return err
				}
				dir = *resume
			}
			pool := parallel.New(*threads)
			defer pool.Close()
			bar := newTrainProgress(std.err, *quiet)
			t := &training{dir: dir, config: config, pool: pool, withBoard: *withBoard, extend: *resume != ""}
			run, err := t.run(ctx, bar)
			bar.done()
			if err != nil {
				if _, begun := train.ReadConfig(dir); begun == nil && ctx.Err() != nil {
					fmt.Fprintf(std.err, "memprobe train --resume %s goes on\n", show.Line(show.Word(dir)))
				}
				return err
			}
			if *asJSON {
				return run.Encode(std.out)
			}
			return printRun(std, dir, run)
		}
	},
}

// resumed returns the configuration of the run in dir, made longer if --epochs says so.
// Flags that would make it another run are refused.
func resumed(dir string, f *pflag.FlagSet, epochs int, std streams) (train.Config, error) {
	for _, key := range append(train.Keys(), "out") {
		if f.Changed(key) && key != "epochs" {
			return train.Config{}, usagef("--%s does not go with --resume, which keeps the run's own settings", key)
		}
	}
	c, err := train.ReadConfig(dir)
	var path *fs.PathError
	if errors.As(err, &path) { // there is none, or dir is a file
		return c, usagef("--resume %s: no run.json there: %v", dir, path.Err)
	}
	if _, system := errors.AsType[*fs.PathError](err); system {
		return c, fault.Wrap(filepath.Join(dir, "run.json"), err)
	}
	if err != nil || !f.Changed("epochs") || epochs == c.Epochs {
		return c, err
	}
	longer, changes, err := c.Extended(epochs)
	if err != nil {
		return c, flagged(err)
	}
	changes = append([]string{fmt.Sprintf("%d epochs become %d", c.Epochs, epochs)}, changes...)
	fmt.Fprintf(std.err, "memprobe: note: %s: %s\n", show.Line(dir), strings.Join(changes, "; "))
	return longer, nil
}

// run trains, or goes on, in the training's folder.
func (t *training) run(ctx context.Context, bar watcher) (*result.Run, error) {
	dir, c := t.dir, t.config
	if err := c.Check(); err != nil {
		return nil, flagged(err)
	}
	if err := checkProbes(c); err != nil {
		return nil, usagef("--%v", err)
	}
	init, err := initialModel(ctx, dir, c)
	if err != nil {
		return nil, err
	}
	if t.data, err = trainingData(ctx, c, init); err != nil {
		return nil, err
	}
	defer t.data.Close()
	o := train.Options{Set: t.data.Set, Pool: t.pool, Tool: tool(), Probe: t.probe, Epoch: bar.epoch, Progress: bar.step,
		Extend: t.extend}
	if t.withBoard {
		if t.board, err = openBoard(dir); err != nil {
			return nil, err
		}
		o.Epoch = func(row result.Epoch) {
			bar.epoch(row)
			t.board.epoch(row, time.Now())
		}
	}
	if init != nil {
		o.Init, o.Notes = init.Model, init.notes
	}
	run, err := train.Run(ctx, dir, c, o)
	if e, ok := errors.AsType[*train.ConfigError](err); ok && e.Key == "batch" && init != nil && init.fixed != nil {
		err = &train.ConfigError{Key: e.Key, Err: fmt.Errorf("%w: it cannot be opened, since %w", e.Err, init.fixed)}
	}
	if err == nil && t.withBoard {
		err = t.project(ctx, run)
	}
	if err := errors.Join(err, t.board.close()); err != nil {
		return run, flagged(err)
	}
	return run, writeMachine(filepath.Join(dir, machineFile), t.pool)
}

// flagged says of a value of the configuration that it is a flag's.
func flagged(err error) error {
	if e, ok := errors.AsType[*train.ConfigError](err); ok {
		return usagef("--%v", e)
	}
	return err
}

// initialModel loads the model that is trained further: that of a run which has
// begun, else --init; nil if the zoo makes it.
func initialModel(ctx context.Context, dir string, c train.Config) (*subject, error) {
	if c.Init == "" {
		return nil, nil
	}
	m, err := train.LoadCheckpoint(train.FirstCheckpoint(dir))
	if errors.Is(err, fs.ErrNotExist) {
		m, err = onnx.Load(c.Init)
	}
	if err != nil {
		return nil, err
	}
	return runnable(ctx, m, c.Init), nil
}

// runnable leaves of a file's model what can be run, and says what it was. What is
// computed of the model ends with ctx.
func runnable(ctx context.Context, m *onnx.Model, file string) *subject {
	m.Until(ctx)
	s := &subject{Model: m, file: file}
	s.dropTail()
	s.pruneTail()
	return s
}

// trainingData opens the images in the shape that the model to be trained further
// wants, or as they are.
func trainingData(ctx context.Context, c train.Config, m *subject) (*openedData, error) {
	p, err := dataset.ParsePreprocess(c.Preprocess)
	if err != nil {
		return nil, usagef("--preprocess %v", err)
	}
	d := &openedData{options: dataset.Options{Preprocess: p, TrainLimit: c.TrainLimit, TestLimit: c.TestLimit,
		Seed:   c.SubsetSeed,
		Height: c.ImageSize, Width: c.ImageSize}, scheme: c.Labels, source: "run"}
	if m != nil {
		return d, d.images(ctx, c.Data, m, false)
	}
	if d.Set, err = dataset.Open(ctx, c.Data, d.options); err != nil {
		return nil, err
	}
	d.shape = []int{d.C, d.H, d.W}
	return d, nil
}

// training is what probing a run in progress needs.
type training struct {
	dir    string
	config train.Config
	data   *openedData
	pool   *parallel.Pool
	board  *board // nil: none

	withBoard bool   // keep event files for TensorBoard
	extend    bool   // go on to more epochs than the run in the folder has
	kin       string // a folder of runs that may have probed the same untrained networks; "": none
}

// project writes the embedding of the final model for TensorBoard's projector.
func (t *training) project(ctx context.Context, run *result.Run) error {
	_, m, err := train.LoadModel(t.dir, run)
	if err != nil {
		return err
	}
	if err := t.assign(); err != nil {
		return err
	}
	return t.board.project(ctx, t, m)
}

// assign draws the labels that the run was trained on, unless there are some.
func (t *training) assign() error {
	scheme, err := labels.Parse(t.config.Labels)
	if err != nil {
		return err
	}
	t.data.assignedClasses = scheme.Classes
	if t.data.assigned != nil || scheme.PerView { // images as they are have no label
		return nil
	}
	return t.data.draw(t.data.Set, scheme, t.config.LabelSeed, t.config.IdealViews)
}

// probe measures all blocks of the model at the end of an epoch.
func (t *training) probe(ctx context.Context, epoch int, m *onnx.Model, fit result.Fit) error {
	c, d := t.config, t.data
	d.normalize, _ = m.Metadata(meta.Normalize)
	if err := t.assign(); err != nil {
		return err
	}
	const k = 20
	po := probe.Options{Logits: c.Logits, K: []int{min(k, d.Train.N()-1)}, Batch: c.Batch, Seed: c.Seed, Workers: t.pool,
		LeaveOneOut: true, FitAugmented: fit.Augmented,
		Metrics: list(c.Metrics), Bank: list(c.Bank), Draws: c.Draws, Keep: train.ProbeDir(t.dir)}
	var err error
	if po.Kin, err = t.probesOfKin(); err != nil {
		return err
	}
	if err := d.openRest(ctx, po.Bank); err != nil {
		return err
	}
	if err := d.augmentation(m, c.Seed, &po); err != nil {
		return err
	}
	if po.Mean, po.Std, err = d.normalization(); err != nil {
		return err
	}
	p, err := probe.Run(ctx, m, d.probeData(), po)
	if err != nil {
		return err
	}
	p.Epoch, p.Tool, p.Settings.Normalize = &epoch, tool(), d.normalize
	d.describe(p)
	t.board.probe(epoch, p, time.Now())
	file := train.ProbeFile(t.dir, epoch)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return p.WriteFile(file)
}

// checkProbes holds the keys of a configuration that probes read to what they allow.
func checkProbes(c train.Config) error {
	if err := probe.CheckMetrics(list(c.Metrics)); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := probe.CheckBanks(list(c.Bank)); err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	return nil
}

// list splits a value of several, separated by commas; none for "".
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// machineFile lies beside results.
const machineFile = "machine.json"

func writeMachine(path string, pool *parallel.Pool) error {
	m := result.Machine{CPU: []string{cpu.ISA()}, Threads: pool.Threads()}
	return m.WriteFile(path)
}

func tool() result.Tool {
	return result.Tool{Version: version(), Go: runtime.Version()}
}

// schemeOf describes the assigned labels of a run.
func schemeOf(run *result.Run) string {
	if run.Data.AssignedTrue == nil {
		return fmt.Sprintf("%s, %.2f bits an image", run.Data.Labels, math.Log2(float64(run.Data.AssignedClasses)))
	}
	return fmt.Sprintf("%s, %.1f %% of them true", run.Data.Labels, 100*run.Data.AssignedTrue.Value())
}

func printRun(std streams, dir string, run *result.Run) error {
	rows, err := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
	if err != nil || len(rows) == 0 {
		return err
	}
	last := rows[len(rows)-1]
	frozen := ""
	if n := run.Model.Frozen; n > 0 {
		frozen = fmt.Sprintf("; %d are frozen by %v, %d are trained", n, run.Config["freeze"], run.Model.Trained)
	}
	for _, line := range [][2]string{
		{"network", fmt.Sprintf("%s, %d parameters%s", run.Model.Name, run.Model.Parameters, frozen)},
		{"logits", run.Model.Scores},
		{"data", fmt.Sprintf("%s, %d training and %d test images", run.Data.Spec, run.Data.Train, run.Data.Test)},
		{"labels", schemeOf(run)},
		{"epochs", fmt.Sprint(last.Epoch)},
		{"loss", cell(last.Loss)},
		{"fit", fmt.Sprintf("%s augmented, %s clean", cell(last.FitAugmented), cell(last.FitClean))},
		{"test", cell(last.Test)},
		{"model", run.Model.Path},
	} {
		fmt.Fprintf(std.out, "%-8s %s\n", line[0], show.Line(line[1]))
	}
	for _, note := range run.Model.Notes {
		fmt.Fprintf(std.out, "%-8s %s\n", "note", show.Line(note))
	}
	return nil
}

// probesOfKin are the folders of the probes of the other runs beside the training's.
func (t *training) probesOfKin() ([]string, error) {
	if t.kin == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(t.kin)
	var dirs []string
	for _, e := range entries {
		if dir := filepath.Join(t.kin, e.Name()); e.IsDir() && dir != filepath.Clean(t.dir) {
			dirs = append(dirs, train.ProbeDir(dir))
		}
	}
	return dirs, err
}
