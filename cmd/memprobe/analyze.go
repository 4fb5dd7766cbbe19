package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/infile"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/internal/suggest"
	"memprobe/internal/tensor"
	"memprobe/probe"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/report"
	"memprobe/train"
	"memprobe/train/augment"
)

type analyzeOptions struct {
	data    dataOptions
	probe   probe.Options
	out     string
	formats []string
	columns []string
	augment string
	samples bool
	onMap   int
	against string
	threads int
	asJSON  bool
	quiet   bool
	store   storeOptions
	command string // as typed
}

var analyzeCommand = command{
	name: "analyze", args: "MODEL.onnx | RUN", about: "probes every layer and writes the report",
	example: "memprobe analyze model.onnx --data cifar10 --k 1,5,20 --out report",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		o := analyzeOptions{probe: probe.DefaultOptions()}
		o.data.flags(f)
		f.StringVar(&o.out, "out", "", "folder of the report; default: MODEL-report in the current folder")
		probeFlags(f, &o.probe)
		f.StringVar(&o.augment, "augment", "", "measure every layer's invariance to views by this: "+augmentHelp())
		f.BoolVar(&o.samples, "samples", true,
			"where assigned labels are known, describe each training image in samples.parquet and samples.csv")
		f.IntVar(&o.onMap, "map", 600,
			"training images of the map of features in report.html, balanced over the classes; 0: no map")
		f.StringVar(&o.against, "against", "",
			"another MODEL.onnx or RUN, whose layers and neighbours are compared with these on the same images")
		f.StringSliceVar(&o.formats, "format", []string{"png", "pdf", "html"},
			"png, pdf, html, svg (every figure for one and two columns of a paper, with single PDFs)")
		f.StringSliceVar(&o.columns, "columns", nil, "columns of the printed table; default: all that was measured")
		list := f.Bool("list-metrics", false, "print what each metric is, and end")
		f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
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
				if err := o.check(); err != nil {
					return err
				}
				return o.store.writeJobs(args[0], o.threads, std)
			}
			o.command = commandLine("analyze", f, args)
			return analyze(ctx, args[0], o, std)
		}
	},
}

// maxMap is the most images of a map: their products with one another are held.
const maxMap = 2000

// check holds the flags to what they allow that are no options of the probe.
func (o *analyzeOptions) check() error {
	if err := probe.CheckColumns(o.columns); err != nil {
		return usagef("--columns: %v", err)
	}
	for _, f := range o.formats {
		if err := suggest.OneOf(f, report.Formats()); err != nil {
			return usagef("--format %v", err)
		}
	}
	if o.onMap < 0 || o.onMap > maxMap {
		return usagef("--map %d: want 0 to %d", o.onMap, maxMap)
	}
	if o.threads < 0 {
		return usagef("--threads is %d, want 0 or more", o.threads)
	}
	for _, idle := range []struct {
		flag, with string
		not        bool
	}{
		{"temperature", "--vote softmax", o.probe.Vote != knn.Softmax},
		{"view-images", "--augment", o.augment == ""},
		{"untrained-statistics", "--draws of 1 or more", o.probe.Draws == 0},
		{"store-limit", "a store, not with --store none", o.store.dir == noStore},
	} {
		if idle.not && o.data.f.Changed(idle.flag) {
			return usagef("--%s goes with %s", idle.flag, idle.with)
		}
	}
	return nil
}

func analyze(ctx context.Context, arg string, o analyzeOptions, std streams) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := checkOut(o.folder(arg)); err != nil {
		return err
	}
	po := o.probe
	po.LeaveOneOut, po.NoUntrained, po.Map = true, po.Draws == 0, o.onMap
	m, err := loadSubject(ctx, arg)
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
	if err := set.augmentation(m.Model, po.Seed, &po); err != nil {
		return err
	}
	if m.run != "" {
		po.Keep = train.ProbeDir(m.run)
	}
	if err := o.perImage(m, set, &po); err != nil {
		return err
	}
	other, err := o.openAgainst(ctx, m, set, &po)
	if err != nil {
		return err
	}
	defer other.Close()
	pipeline, err := o.invariance(set, &po)
	if err != nil {
		return err
	}
	po.AugmentName = fmt.Sprintf("%s, seed %d", pipeline, po.Seed)
	share, only, err := o.store.share()
	if err != nil {
		return err
	}
	bar := newProgress(std.err, o.quiet)
	if po.Store, err = o.store.open(bar.warn); err != nil {
		return err
	}
	if po.Store != nil {
		if po.Program, err = program(); err != nil {
			return err
		}
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
	if err := o.describe(p, m, set, other, std); err != nil {
		return err
	}
	p.Settings.Augment = pipeline
	return o.write(p, arg, po.Workers, std)
}

// describe adds to p what the probe does not know: of which files the numbers are, and by
// which command they were made.
func (o *analyzeOptions) describe(p *result.Probe, m *subject, set *openedData, other *rival, std streams) (err error) {
	if p.Model.SHA256, err = digest(m.file); err != nil {
		return err
	}
	m.tell(std)
	p.Model.Path, p.Model.Notes = m.file, m.notes
	if m.run != "" {
		p.Config = m.config.Map()
	}
	if other != nil {
		other.tell(std)
		if err := other.describe(p.Against); err != nil {
			return err
		}
	}
	p.Tool = tool()
	p.Tool.Command = o.command
	if p.Settings.Normalize = set.normalize; m.Inputs()[0].DType() == tensor.Uint8 {
		p.Settings.Normalize += ", bytes from 0 to 255"
	}
	set.describe(p)
	p.Picture = set.picture
	warnOfChance(p, set.assigned)
	return nil
}

// folder is that of the report.
func (o *analyzeOptions) folder(arg string) string {
	return cmp.Or(o.out, strings.TrimSuffix(filepath.Base(filepath.Clean(arg)), ".onnx")+"-report")
}

// write writes the report into its folder and prints the table.
func (o *analyzeOptions) write(p *result.Probe, arg string, workers *parallel.Pool, std streams) error {
	dir := o.folder(arg)
	files, err := report.Write(dir, p, o.formats)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, machineFile)
	if err := writeMachine(file, workers); err != nil {
		return err
	}
	files = append(files, file)
	if o.asJSON {
		return p.Encode(std.out)
	}
	if err := printTable(std, p, o.columns, filepath.Join(dir, "layers.csv")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "\n%s\n",
		hanging("report: "+strings.Join(show.Lines(files), " "), lineWidth(std.out), len("report: ")))
	return err
}

// invariance has views of the set's images measured, if --augment asks for them,
// and returns the pipeline as it is printed.
func (o *analyzeOptions) invariance(set *openedData, po *probe.Options) (string, error) {
	if o.augment == "" {
		return "", nil
	}
	p, err := augment.Parse(o.augment)
	if err == nil {
		po.Augment, err = viewer(p, []int{set.C, set.H, set.W}, o.probe.Seed)
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

// printTable prints what was found; columns of layers that have no room are in file.
func printTable(std streams, p *result.Probe, columns []string, file string) error {
	width := lineWidth(std.out)
	for _, line := range strings.Split(report.Headline(p, inColour(std.out)), "\n") {
		fmt.Fprintln(std.out, hanging(line, width, 0))
	}
	fmt.Fprintln(std.out)
	for _, f := range report.Facts(p) {
		if f[1] != "" {
			fmt.Fprintln(std.out, hanging(fmt.Sprintf("%-12s %s", f[0], f[1]), width, 13))
		}
	}
	fmt.Fprintln(std.out)
	if err := printFitting(std, report.LayerTable(p, columns), file); err != nil {
		return err
	}
	if p.Against != nil {
		if err := printAgainst(std, p); err != nil {
			return err
		}
	}
	if p.Samples == nil {
		return nil
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
