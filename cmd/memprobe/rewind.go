package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/probe/knn"
	"memprobe/report"
	"memprobe/train"
)

type rewindOptions struct {
	data    dataOptions
	out     string
	epoch   int
	fresh   bool
	layers  []string
	formats []string
	bank    []string
	k       int
	metric  string
	batch   int
	threads int
	seed    uint64
	asJSON  bool
	quiet   bool
}

var rewindCommand = command{
	name: "rewind", args: "RUN", about: "fit and probe with blocks set back to earlier weights: which layers the memorization needs",
	example: "memprobe rewind runs/mine --epoch 0",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o rewindOptions
		o.data.flags(f)
		f.StringVar(&o.out, "out", "", "folder of the results; default: RUN-rewind in the current folder")
		f.IntVar(&o.epoch, "epoch", 0, "whose weights blocks are set back to; the run has a checkpoint of it")
		f.BoolVar(&o.fresh, "fresh", false, "draw the blocks' weights anew instead, by --seed")
		f.StringSliceVar(&o.layers, "layers", []string{"blocks"}, "tensors that end blocks: GLOB,… or blocks")
		f.StringSliceVar(&o.formats, "format", []string{"png"}, "png, or none")
		f.StringSliceVar(&o.bank, "bank", []string{probe.AllImages}, "where neighbours are looked for: all, train or held-out")
		f.IntVar(&o.k, "k", 20, "neighbours")
		f.StringVar(&o.metric, "metric", "cosine", "cosine or euclidean")
		f.IntVar(&o.batch, "batch", 64, "images a pass")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
		f.Uint64Var(&o.seed, "seed", 0, "of fresh weights, and of the images that statistics are estimated on")
		f.BoolVar(&o.asJSON, "json", false, "print rewind.json instead of the table")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one run directory, got %d arguments", len(args))
			}
			return rewind(ctx, args[0], o, std)
		}
	},
}

// options turns the flags into the probe's.
func (o *rewindOptions) options() (probe.Options, error) {
	po := probe.Options{Layers: o.layers, K: []int{o.k}, Batch: o.batch, Seed: o.seed, Bank: o.bank}
	var err error
	if po.Metric, err = knn.ParseMetric(o.metric); err != nil {
		return po, usagef("--metric: %v", err)
	}
	if err := probe.CheckBanks(o.bank); err != nil || len(o.bank) != 1 {
		return po, usagef("--bank %s: want one of %s", strings.Join(o.bank, ","), strings.Join(probe.Banks(), ", "))
	}
	if o.epoch < 0 || o.k < 1 || o.batch < 1 || o.threads < 0 {
		return po, usagef("--epoch %d, --k %d, --batch %d, --threads %d: want 0 or more, and positive numbers", o.epoch, o.k, o.batch, o.threads)
	}
	if o.fresh && o.data.f.Changed("epoch") {
		return po, usagef("--fresh and --epoch: want one of them")
	}
	if slices.ContainsFunc(o.formats, func(f string) bool { return f != "png" && f != "none" }) {
		return po, usagef("--format: %q, want png or none", o.formats)
	}
	return po, nil
}

func rewind(ctx context.Context, arg string, o rewindOptions, std streams) error {
	po, err := o.options()
	if err != nil {
		return err
	}
	m, err := loadSubject(arg)
	if err != nil {
		return err
	}
	if m.run == "" {
		return usagef("%s is a model, want a run directory, which has checkpoints", arg)
	}
	earlier, err := o.earlier(m)
	if err != nil {
		return err
	}
	m.pruneTail()
	set, err := o.data.open(ctx, m)
	if err != nil {
		return err
	}
	defer set.Close()
	if po.Mean, po.Std, err = set.normalization(); err != nil {
		return err
	}
	if err := set.openRest(ctx, o.bank); err != nil {
		return err
	}
	po.Workers = parallel.New(o.threads)
	defer po.Workers.Close()
	bar := newProgress(std.err, o.quiet)
	po.Progress, po.Logits = bar.report, m.config.Logits
	r, err := probe.Rewind(ctx, m.Model, earlier, set.probeData(), po)
	bar.done()
	if err != nil {
		return err
	}
	if r.Model.SHA256, err = digest(m.file); err != nil {
		return err
	}
	r.Model.Path, r.Tool, r.Settings.Normalize = m.file, tool(), set.normalize
	if !o.fresh {
		r.Epoch = &o.epoch
	}
	set.describeData(&r.Data)
	r.Warnings = set.warnings
	dir := o.out
	if dir == "" {
		dir = filepath.Base(filepath.Clean(arg)) + "-rewind"
	}
	files, err := report.WriteRewind(dir, r, o.formats)
	if err != nil {
		return err
	}
	if o.asJSON {
		return r.Encode(std.out)
	}
	fmt.Fprintf(std.out, "blocks %s; statistics: %s; k = %d, %s, bank %s\n\n", report.RewoundTo(r), r.Statistics, o.k, o.metric, o.bank[0])
	for _, w := range r.Warnings {
		fmt.Fprintf(std.out, "warning: %s\n\n", show.Line(w))
	}
	if err := report.RewindTable(r).Write(std.out, "text"); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "\nresults: %s\n", strings.Join(files, " "))
	return nil
}

// earlier is the network whose weights blocks are set back to.
func (o *rewindOptions) earlier(m *subject) (*onnx.Model, error) {
	if o.fresh {
		return probe.Untrained(m.Model, o.seed)
	}
	earlier, err := train.LoadCheckpoint(train.CheckpointFile(m.run, o.epoch))
	if errors.Is(err, fs.ErrNotExist) {
		epochs, _ := train.Checkpoints(m.run)
		return nil, usagef("--epoch %d: %s has no checkpoint of it, but of %v", o.epoch, m.run, epochs)
	}
	return earlier, err
}
