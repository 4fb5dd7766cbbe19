package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"memprobe/internal/show"
	"memprobe/train/dataset"
)

// dataCommands are the subcommands of data.
var dataCommands = []command{dataListCommand, dataInfoCommand, dataCardCommand, dataFetchCommand, dataPreviewCommand}

var dataListCommand = command{
	name: "data list", about: "the names that --data takes, and which sets are there",
	example: "memprobe data list",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		asJSON := f.Bool("json", false, "print JSON")
		return func(_ context.Context, args []string, std streams) error {
			if len(args) > 0 {
				return usagef("want no arguments, got %q", args)
			}
			list := dataset.List(nil)
			if *asJSON {
				return printJSON(std, list)
			}
			w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
			for _, e := range list {
				spec, state := e.Name, e.Found
				if e.Path != "" {
					spec += ":" + e.Path
				}
				switch {
				case e.Path == "":
					state = "embedded"
				case e.Drawn:
					state = "always there"
				case state == "" && e.Fetchable:
					state = "memprobe data fetch " + e.Name
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", show.Name(spec), e.Title, show.Name(state))
			}
			return w.Flush()
		}
	},
}

var dataInfoCommand = command{
	name: "data info", args: "SPEC", about: "size, classes, pixel statistics and fingerprint of a set",
	example: "memprobe data info cifar10 --train-limit 5000",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o dataset.Options
		f.IntVar(&o.TrainLimit, "train-limit", 0, "class-balanced subset of the training images; 0: all")
		f.IntVar(&o.TestLimit, "test-limit", 0, "class-balanced subset of the test images; 0: all")
		f.Uint64Var(&o.Seed, "subset-seed", 0, "of the subsets")
		f.IntVar(&o.Height, "image-size", 0, "resize to N x N; 0: as stored")
		preset := f.String("preprocess", "", "how images come to that size: none, torchvision[:SIDE], timm[:PART]")
		f.IntVar(&o.Threads, "threads", 0, "threads; 0 means one a CPU")
		asJSON := f.Bool("json", false, "print JSON")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one SPEC, got %d arguments", len(args))
			}
			if o.TrainLimit < 0 || o.TestLimit < 0 || o.Height < 0 || o.Threads < 0 {
				return usagef("--train-limit %d, --test-limit %d, --image-size %d, --threads %d: want 0 or more", o.TrainLimit,
					o.TestLimit, o.Height, o.Threads)
			}
			var err error
			if o.Preprocess, err = dataset.ParsePreprocess(*preset); err != nil {
				return usagef("--preprocess %v", err)
			}
			o.Width = o.Height
			set, err := dataset.Open(ctx, args[0], o)
			if err != nil {
				return err
			}
			defer set.Close()
			info := describeSet(set)
			if *asJSON {
				return printJSON(std, info)
			}
			return info.print(std)
		}
	},
}

// setInfo is what data info says.
type setInfo struct {
	Spec        string    `json:"spec"`
	Name        string    `json:"name"`
	Shape       []int     `json:"shape"` // of an image [C,H,W]
	Pixels      string    `json:"pixels"`
	Arrays      []string  `json:"arrays,omitempty"` // in the place of images
	Classes     []string  `json:"classes"`
	Train       splitInfo `json:"train"`
	Test        splitInfo `json:"test"`
	Mean        []float64 `json:"mean"` // a channel, of the training images in [0,1]
	Std         []float64 `json:"std"`
	Fingerprint string    `json:"fingerprint"`
	Notes       []string  `json:"notes"`
}

type splitInfo struct {
	Images   int `json:"images"`
	Smallest int `json:"smallest_class"` // images
	Largest  int `json:"largest_class"`
}

func describeSet(s *dataset.Set) *setInfo {
	info := &setInfo{Spec: s.Spec, Name: s.Name, Shape: []int{s.C, s.H, s.W}, Pixels: "uint8", Classes: s.Classes,
		Train: countSplit(&s.Train, len(s.Classes)), Test: countSplit(&s.Test, len(s.Classes)),
		Fingerprint: s.Fingerprint(), Notes: append([]string{}, s.Notes...)}
	if s.Train.IsFloat() {
		info.Pixels = "float32"
	}
	for _, a := range s.Arrays {
		info.Arrays = append(info.Arrays, a.String())
	}
	info.Mean, info.Std = moments(s)
	return info
}

func countSplit(s *dataset.Split, classes int) splitInfo {
	n := make([]int, classes)
	for i := range s.N() {
		n[s.Label(i)]++
	}
	return splitInfo{s.N(), slices.Min(n), slices.Max(n)}
}

// moments are the mean and the standard deviation of each channel over the
// training images, the numbers that --normalize takes.
func moments(s *dataset.Set) (mean, std []float64) {
	n := s.H * s.W
	x := make([]float32, s.C*n)
	mean, std = make([]float64, s.C), make([]float64, s.C)
	for i := range s.Train.N() {
		s.Train.Float32(x, i)
		for c := range s.C {
			for _, v := range x[c*n : (c+1)*n] {
				mean[c] += float64(v)
				std[c] += float64(v) * float64(v)
			}
		}
	}
	total := float64(s.Train.N() * n)
	for c := range mean {
		mean[c] /= total
		std[c] = math.Sqrt(max(0, std[c]/total-mean[c]*mean[c]))
	}
	return mean, std
}

func (i *setInfo) print(std streams) error {
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", what, show.Line(fmt.Sprintf(format, args...)))
	}
	line("set", "%s (%s)", i.Spec, i.Name)
	if i.Arrays != nil {
		line("samples", "%s", strings.Join(i.Arrays, "; "))
	} else {
		line("images", "%d x %d x %d %s", i.Shape[0], i.Shape[1], i.Shape[2], i.Pixels)
	}
	for _, s := range []struct {
		name string
		splitInfo
	}{{"train", i.Train}, {"test", i.Test}} {
		line(s.name, "%d, %d to %d a class", s.Images, s.Smallest, s.Largest)
	}
	line("classes", "%d: %s", len(i.Classes), abbreviate(i.Classes, 12))
	if i.Arrays == nil {
		line("mean", "%.4f", i.Mean)
		line("std", "%.4f", i.Std)
	}
	line("fingerprint", "%s", i.Fingerprint)
	for _, n := range i.Notes {
		line("note", "%s", n)
	}
	return w.Flush()
}

// abbreviate lists at most n names.
func abbreviate(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

var dataFetchCommand = command{
	name: "data fetch", args: "NAME", about: "downloads a set from its publisher and checks it",
	example: "memprobe data fetch cifar10",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o dataset.FetchOptions
		f.StringVar(&o.Root, "out", "", "folder of sets; default: memprobe/data in the user's cache folder")
		quiet := f.Bool("quiet", false, "no progress")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one NAME, got %d arguments", len(args))
			}
			bar := newProgress(std.err, *quiet)
			o.Progress = func(file string, done, size int64) { bar.report(file, int(done>>10), int(size>>10)) }
			files, err := dataset.Fetch(ctx, args[0], o)
			bar.done()
			if err != nil {
				return err
			}
			for _, f := range files {
				fmt.Fprintln(std.out, f)
			}
			return nil
		}
	},
}

func printJSON(std streams, v any) error {
	e := json.NewEncoder(std.out)
	e.SetIndent("", " ")
	return e.Encode(v)
}
