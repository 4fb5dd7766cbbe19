package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/infile"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/probe"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/report"
	"memprobe/train/augment"
)

type analyzeOptions struct {
	data       dataOptions
	out        string
	layers     []string
	logits     string
	formats    []string
	k          []int
	pool       string
	metric     string
	vote       string
	temp       float64
	batch      int
	threads    int
	seed       uint64
	metrics    []string
	columns    []string
	bank       []string
	draws      int
	margin     float64
	statistics string
	augment    string
	views      int
	viewed     int
	samples    bool
	asJSON     bool
	quiet      bool
	store      storeOptions
	command    string // as typed
}

var analyzeCommand = command{
	name: "analyze", args: "MODEL.onnx | RUN", about: "probes every layer and writes the report",
	example: "memprobe analyze model.onnx --data cifar10 --k 1,5,20 --out report",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o analyzeOptions
		o.data.flags(f)
		f.StringVar(&o.out, "out", "", "folder of the report; default: MODEL-report in the current folder")
		f.StringSliceVar(&o.layers, "layers", []string{"blocks"}, "tensor names as GLOB,… (* within slashes, ** past them), all, or blocks")
		f.StringVar(&o.logits, "logits", "", "tensor of the network's scores; default: the output as wide as there are classes, before any Softmax")
		f.StringSliceVar(&o.formats, "format", []string{"png", "pdf", "html"}, "png, pdf, html, svg (every figure for one and two columns of a paper, with single PDFs)")
		f.IntSliceVar(&o.k, "k", []int{20}, "numbers of neighbours; the last, or 20 if listed, is drawn")
		f.StringVar(&o.pool, "pool", "auto", "how maps and tokens become vectors: auto (maps by avg, tokens as the head reads them), avg, max, flatten, none, mean, last, cls, token:N")
		f.StringVar(&o.metric, "metric", "cosine", "cosine or euclidean")
		f.StringVar(&o.vote, "vote", "uniform", "uniform, distance or softmax")
		f.Float64Var(&o.temp, "temperature", 0.07, "of the softmax vote")
		f.StringSliceVar(&o.metrics, "metrics", nil, "further metrics of every layer: all, or some of "+strings.Join(probe.MetricNames(), ", "))
		list := f.Bool("list-metrics", false, "print what each metric is, and end")
		f.StringSliceVar(&o.columns, "columns", nil, "columns of the printed table; default: all that was measured")
		f.StringSliceVar(&o.bank, "bank", []string{probe.AllImages}, "where neighbours are looked for, the first decides: all training images of the set, train (those the model was trained on), held-out (the others)")
		f.IntVar(&o.draws, "draws", 5, "untrained networks that the model is compared with; 0: none")
		f.StringVar(&o.statistics, "untrained-statistics", probe.InitialStatistics, "of their normalisations: initial (mean 0, variance 1), or estimated on images")
		f.Float64Var(&o.margin, "margin", 0.02, "difference of accuracies that counts in verdicts")
		f.StringVar(&o.augment, "augment", "", "measure every layer's invariance to views by this: "+augmentHelp())
		f.IntVar(&o.views, "views", 4, "of an image, for the invariance")
		f.IntVar(&o.viewed, "view-images", 256, "training images that views are made of")
		f.BoolVar(&o.samples, "samples", true, "where assigned labels are known, describe each training image in samples.parquet and samples.csv")
		f.IntVar(&o.batch, "batch", 64, "images a pass")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
		f.Uint64Var(&o.seed, "seed", 0, "of the untrained weights and of every sample")
		o.store.flags(f)
		f.BoolVar(&o.asJSON, "json", false, "print probe.json instead of the table")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			if *list {
				return listMetrics(std)
			}
			if len(args) != 1 {
				return usagef("want one MODEL.onnx or run directory, got %d arguments", len(args))
			}
			if o.store.emit != "" {
				if _, err := o.options(); err != nil {
					return err
				}
				return o.store.writeJobs(args[0], o.threads, std)
			}
			o.command = commandLine("analyze", f, args)
			return analyze(ctx, args[0], o, std)
		}
	},
}

// options turns the flags into the probe's.
func (o *analyzeOptions) options() (probe.Options, error) {
	po := probe.Options{Layers: o.layers, Logits: o.logits, K: o.k, Temperature: o.temp, Batch: o.batch, Seed: o.seed, Metrics: o.metrics, LeaveOneOut: true,
		Views: o.views, Images: o.viewed, Bank: o.bank, Draws: o.draws, NoUntrained: o.draws == 0, Statistics: o.statistics, Margin: o.margin}
	var err error
	if po.Pooling, err = probe.ParsePooling(o.pool); err != nil {
		return po, usagef("--pool: %v", err)
	}
	if po.Metric, err = knn.ParseMetric(o.metric); err != nil {
		return po, usagef("--metric: %v", err)
	}
	if po.Vote, err = knn.ParseVote(o.vote); err != nil {
		return po, usagef("--vote: %v", err)
	}
	if err := probe.CheckBanks(o.bank); err != nil {
		return po, usagef("--bank: %v", err)
	}
	if o.draws < 0 || !(o.margin > 0 && o.margin < 1) || !slices.Contains(probe.StatisticsKinds(), o.statistics) {
		return po, usagef("--draws %d, --margin %v, --untrained-statistics %s: want 0 or more, a number between 0 and 1, and one of %s",
			o.draws, o.margin, o.statistics, strings.Join(probe.StatisticsKinds(), ", "))
	}
	if err := probe.CheckMetrics(o.metrics); err != nil {
		return po, usagef("--metrics: %v", err)
	}
	if err := probe.CheckColumns(o.columns); err != nil {
		return po, usagef("--columns: %v", err)
	}
	for _, f := range o.formats {
		if !slices.Contains(report.Formats(), f) {
			return po, usagef("--format: %q is not one of %s", f, strings.Join(report.Formats(), ", "))
		}
	}
	for _, k := range o.k {
		if k < 1 {
			return po, usagef("--k is %v, want positive numbers", o.k)
		}
	}
	if o.views < 2 || o.viewed < 2 {
		return po, usagef("--views %d, --view-images %d: want at least 2", o.views, o.viewed)
	}
	if o.batch < 1 || o.threads < 0 || !(o.temp > 0) {
		return po, usagef("--batch %d, --threads %d, --temperature %v: want positive numbers", o.batch, o.threads, o.temp)
	}
	return po, nil
}

func analyze(ctx context.Context, arg string, o analyzeOptions, std streams) error {
	po, err := o.options()
	if err != nil {
		return err
	}
	m, err := loadSubject(arg)
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
	if err := set.augmentation(m.Model, o.seed, &po); err != nil {
		return err
	}
	if m.run != "" {
		po.Keep = filepath.Join(m.run, "probe")
	}
	if err := o.perImage(m, set, &po); err != nil {
		return err
	}
	pipeline, err := o.invariance(set, &po)
	if err != nil {
		return err
	}
	po.AugmentName, po.Program = fmt.Sprintf("%s, seed %d", pipeline, o.seed), program()
	share, only, err := o.store.share()
	if err != nil {
		return err
	}
	bar := newProgress(std.err, o.quiet)
	if po.Store, err = o.store.open(bar.say); err != nil {
		return err
	}
	po.Workers = parallel.New(o.threads)
	defer po.Workers.Close()
	po.Progress, po.Cost = bar.report, bar.cost
	if only {
		err := probe.Fill(ctx, m.Model, set.probeData(), po, share)
		bar.done()
		return bar.stored(po.Store, err)
	}
	p, err := probe.Run(ctx, m.Model, set.probeData(), po)
	bar.done()
	if err := bar.stored(po.Store, err); err != nil {
		return err
	}
	if p.Model.SHA256, err = digest(m.file); err != nil {
		return err
	}
	m.tell(std)
	p.Model.Path, p.Model.Notes = m.file, m.notes
	p.Tool = tool()
	p.Tool.Command = o.command
	if p.Settings.Normalize = set.normalize; m.Inputs()[0].DType() == tensor.Uint8 {
		p.Settings.Normalize += ", bytes from 0 to 255"
	}
	p.Settings.Augment = pipeline
	set.describe(p)
	warnOfChance(p, set.assigned)
	dir := o.out
	if dir == "" {
		dir = strings.TrimSuffix(filepath.Base(filepath.Clean(arg)), ".onnx") + "-report"
	}
	files, err := report.Write(dir, p, o.formats)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, machineFile)
	if err := writeMachine(file, po.Workers); err != nil {
		return err
	}
	files = append(files, file)
	if o.asJSON {
		return p.Encode(std.out)
	}
	if err := printTable(std, p, o.columns); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "\nreport: %s\n", strings.Join(files, " "))
	return nil
}

// invariance has views of the set's images measured, if --augment asks for them,
// and returns the pipeline as it is printed.
func (o *analyzeOptions) invariance(set *openedData, po *probe.Options) (string, error) {
	if o.augment == "" {
		return "", nil
	}
	p, err := augment.Parse(o.augment)
	if err == nil {
		po.Augment, err = viewer(p, []int{set.C, set.H, set.W}, o.seed)
	}
	if err != nil {
		return "", usagef("--augment: %v", err)
	}
	return p.String(), set.CheckUnit()
}

func digest(file string) (string, error) {
	f, _, err := infile.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func printTable(std streams, p *result.Probe, columns []string) error {
	fmt.Fprintf(std.out, "%s\n\n", report.Headline(p))
	for _, f := range report.Facts(p) {
		if f[1] != "" {
			fmt.Fprintf(std.out, "%-12s %s\n", f[0], f[1])
		}
	}
	fmt.Fprintln(std.out)
	if err := report.LayerTable(p, columns).Write(std.out, "text"); err != nil || p.Samples == nil {
		return err
	}
	fmt.Fprintf(std.out, "\nagreement of the measures of %d training images:\n", p.Samples.Agreement.Images)
	return report.AgreementTable(p.Samples.Agreement).Write(std.out, "text")
}

// listMetrics prints the table of metrics.
func listMetrics(std streams) error {
	for _, m := range probe.Metrics() {
		fmt.Fprintf(std.out, "%s: %s\n    %s\n    source: %s\n    unit: %s", m.Name, m.Title, m.Definition, m.Source, m.Unit)
		if m.Better != "" {
			fmt.Fprintf(std.out, "; %s is better", m.Better)
		}
		var columns []string
		for _, part := range m.Parts {
			columns = append(columns, part.Column)
		}
		fmt.Fprintf(std.out, "\n    columns: %s\n", strings.Join(columns, ", "))
	}
	return nil
}

func cell(v float64) string {
	if v != v {
		return "-"
	}
	return fmt.Sprintf("%.3f", v)
}
