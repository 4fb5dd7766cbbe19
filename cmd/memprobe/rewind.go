package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/report"
	"memprobe/train"
)

type rewindOptions struct {
	data    dataOptions
	probe   probe.Options
	out     string
	epoch   int
	fresh   bool
	formats []string
	threads int
	asJSON  bool
	quiet   bool
}

var rewindCommand = command{
	name: "rewind", args: "RUN",
	about:   "fit and probe with blocks set back to earlier weights: which layers the memorization needs",
	example: "memprobe rewind runs/mine --epoch 0",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		o := rewindOptions{probe: probe.DefaultOptions()}
		o.data.flags(f)
		f.StringVar(&o.out, "out", "", "folder of the results; default: RUN-rewind in the current folder")
		f.IntVar(&o.epoch, "epoch", 0, "whose weights blocks are set back to; the run has a checkpoint of it")
		f.BoolVar(&o.fresh, "fresh", false, "draw the blocks' weights anew instead, by --seed")
		probeFlags(f, &o.probe, "layers", "k", "metric", "bank", "batch", "seed")
		f.StringSliceVar(&o.formats, "format", []string{"png"}, "png, or none")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
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

// check holds the flags to what they allow together.
func (o *rewindOptions) check() error {
	switch {
	case len(o.probe.Bank) != 1:
		return usagef("--bank %s: want one of %s", strings.Join(o.probe.Bank, ","), strings.Join(probe.Banks(), ", "))
	case len(o.probe.K) != 1:
		return usagef("--k %v: want one number", o.probe.K)
	case o.epoch < 0 || o.threads < 0:
		return usagef("--epoch %d, --threads %d: want 0 or more", o.epoch, o.threads)
	case o.fresh && o.data.f.Changed("epoch"):
		return usagef("--fresh and --epoch: want one of them")
	case slices.ContainsFunc(o.formats, func(f string) bool { return f != "png" && f != "none" }):
		return usagef("--format: %q, want png or none", o.formats)
	}
	return nil
}

func rewind(ctx context.Context, arg string, o rewindOptions, std streams) error {
	if err := o.check(); err != nil {
		return err
	}
	dir := cmp.Or(o.out, filepath.Base(filepath.Clean(arg))+"-rewind")
	if err := checkOut(dir); err != nil {
		return err
	}
	po := o.probe
	m, err := loadSubject(ctx, arg)
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
	if err := set.openRest(ctx, po.Bank); err != nil {
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
	files, err := report.WriteRewind(dir, r, o.formats)
	if err != nil {
		return err
	}
	if o.asJSON {
		return r.Encode(std.out)
	}
	fmt.Fprintf(std.out, "blocks %s; statistics: %s; k = %d, %s, bank %s\n\n", report.RewoundTo(r), r.Statistics,
		po.K[0], po.Metric, po.Bank[0])
	for _, w := range r.Warnings {
		fmt.Fprintf(std.out, "warning: %s\n\n", show.Line(w))
	}
	if err := report.RewindTable(r).Write(std.out, "text"); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "\nresults: %s\n", strings.Join(show.Lines(files), " "))
	return nil
}

// earlier is the network whose weights blocks are set back to.
func (o *rewindOptions) earlier(m *subject) (*onnx.Model, error) {
	if o.fresh {
		return probe.Untrained(m.Model, o.probe.Seed, o.probe.Workers)
	}
	epochs, err := train.Checkpoints(m.run)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(epochs, o.epoch) {
		return nil, usagef("--epoch %d: %s has no checkpoint of it, but of %v", o.epoch, m.run, epochs)
	}
	return train.LoadCheckpoint(train.CheckpointFile(m.run, o.epoch))
}
