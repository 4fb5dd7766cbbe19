package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/show"
	"memprobe/internal/suggest"
	"memprobe/report"
)

type compareOptions struct {
	out     string
	formats []string
	table   string
	sort    string
	each    bool
	groupBy []string
	asJSON  bool
	f       *pflag.FlagSet
}

var compareCommand = command{
	name: "compare", args: "RUN|DIR…", about: "lays runs side by side: what differs, trade-off, layer curves, verdicts",
	example: "memprobe compare sweep --sort -probe --out comparison",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		o := compareOptions{f: f}
		f.StringVar(&o.out, "out", "comparison", "folder of the figures and tables")
		f.StringSliceVar(&o.formats, "format", []string{"png", "pdf", "html"},
			"of the report: png, pdf, html, svg (every figure for one and two columns of a paper, with single PDFs), none")
		f.StringVar(&o.table, "table", "text", "form of the table on stdout: "+strings.Join(report.TableFormats(), ", "))
		f.StringVar(&o.sort, "sort", "", "column by which the rows are ordered; a minus before it reverses")
		f.BoolVar(&o.each, "each", false, "a row a run, also where runs differ in seeds alone")
		f.StringSliceVar(&o.groupBy, "group-by", nil,
			"keys of the settings whose values make a row and a curve, as labels,augment; default: all but the seeds")
		f.BoolVar(&o.asJSON, "json", false, "the same as --table json")
		return func(_ context.Context, args []string, std streams) error {
			if len(args) == 0 {
				return usagef("want runs, reports or folders of them, got none")
			}
			return o.run(args, std)
		}
	},
}

func (o *compareOptions) check() error {
	if o.asJSON {
		if o.f.Changed("table") && o.table != "json" {
			return usagef("--json and --table %s: want one of them", o.table)
		}
		o.table = "json"
	}
	if err := suggest.OneOf(o.table, report.TableFormats()); err != nil {
		return usagef("--table %v", err)
	}
	if o.each && len(o.groupBy) > 0 {
		return usagef("--each and --group-by: want one of them")
	}
	for _, f := range o.formats {
		if err := suggest.OneOf(f, append(report.Formats(), "none")); err != nil {
			return usagef("--format %v", err)
		}
	}
	return nil
}

func (o *compareOptions) run(paths []string, std streams) error {
	if err := o.check(); err != nil {
		return err
	}
	c, err := report.Collect(paths...)
	if err != nil {
		return err
	}
	if len(o.groupBy) > 0 {
		if err := c.GroupBy(o.groupBy); err != nil {
			return usagef("--group-by: %v", err)
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(std.err, "left out: %s\n", show.Line(note))
	}
	for _, e := range c.Unfinished() {
		fmt.Fprintf(std.err, "%s: %s\n", show.Line(e.Path), show.Name(e.State()))
	}
	t := c.Table(o.each)
	if o.sort != "" {
		if err := t.Sort(o.sort); err != nil {
			return usagef("--sort: %v", err)
		}
	}
	files, err := c.Write(o.out, t, o.formats)
	if err != nil {
		return err
	}
	if o.table != "text" {
		return t.Write(std.out, o.table)
	}
	if err := printFitting(std, t, filepath.Join(o.out, "comparison.csv")); err != nil {
		return err
	}
	fmt.Fprintln(std.out)
	width := lineWidth(std.out)
	for _, e := range c.Entries {
		fmt.Fprintln(std.out, hanging(show.Line(e.Sentence()), width, 2))
	}
	if s := c.Omitted(); s != "" {
		fmt.Fprintf(std.out, "\n%s\n", hanging("figures: "+show.Line(s), width, 2))
	}
	_, err = fmt.Fprintf(std.out, "\n%s\n", hanging("files: "+strings.Join(show.Lines(files), " "), width, 2))
	return err
}
