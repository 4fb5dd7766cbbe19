package main

import (
	"context"
	"fmt"
	"image/png"
	"io"

	"github.com/spf13/pflag"

	"memprobe/internal/atomicfile"
	"memprobe/internal/show"
	"memprobe/train/augment"
	"memprobe/train/dataset"
)

type previewOptions struct {
	data, augment, out  string
	images, views, zoom int
	size                int
	seed                uint64
}

var dataPreviewCommand = command{
	name: "data preview", about: "a contact sheet of training images and their augmentations",
	example: "memprobe data preview --data cifar10 --augment full --out grid.png",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o previewOptions
		f.StringVar(&o.data, "data", dataset.Embedded, "set as SPEC")
		f.StringVar(&o.augment, "augment", "full", augmentHelp())
		f.StringVar(&o.out, "out", "grid.png", "PNG file")
		f.IntVar(&o.images, "images", 10, "rows: a class-balanced subset of the training images")
		f.IntVar(&o.views, "views", 11, "augmentations of each image")
		f.IntVar(&o.zoom, "zoom", 2, "pixels of the sheet a pixel of an image, along each side")
		f.IntVar(&o.size, "image-size", 0, "resize to N x N; 0: as stored")
		f.Uint64Var(&o.seed, "seed", 0, "of the subset and the augmentations")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) > 0 {
				return usagef("want no arguments, got %q", args)
			}
			if min(o.images, o.views, o.zoom) < 1 || o.size < 0 {
				return usagef("--images %d, --views %d, --zoom %d, --image-size %d: want positive numbers", o.images, o.views,
					o.zoom, o.size)
			}
			p, err := augment.Parse(o.augment)
			if err != nil {
				return usagef("--augment: %v", err)
			}
			return preview(ctx, o, p, std)
		}
	},
}

// maxSheet is the longest side of a sheet, in pixels: its bytes stay below 1 GiB.
const maxSheet = 1 << 14

func preview(ctx context.Context, o previewOptions, p *augment.Pipeline, std streams) error {
	set, err := dataset.Open(ctx, o.data, dataset.Options{TrainLimit: o.images, Seed: o.seed, Height: o.size,
		Width: o.size})
	if err != nil {
		return err
	}
	defer set.Close()
	if err := set.CheckUnit(); err != nil {
		return err
	}
	rows := make([][]float32, set.Train.N())
	sheet := augment.Sheet{C: set.C, H: set.H, W: set.W, Views: o.views, Zoom: o.zoom, Seed: o.seed}
	if width, height := sheet.Size(len(rows)); max(width, height) > maxSheet {
		return usagef("--images, --views, --zoom: a sheet of %dx%d pixels, want at most %d a side", width, height, maxSheet)
	}
	for i := range rows {
		rows[i] = make([]float32, set.C*set.H*set.W)
		set.Train.Float32(rows[i], i)
	}
	picture, err := sheet.Draw(p, rows)
	if err != nil {
		return usagef("--augment: %v", err)
	}
	if err := atomicfile.Write(o.out, func(w io.Writer) error { return png.Encode(w, picture) }); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d images [%d,%d,%d] of %s, left, and %d views of each by\n  %s\n",
		show.Line(o.out), len(rows), set.C, set.H, set.W, show.Name(set.Name), o.views, p)
	for _, note := range p.Notes(set.C) {
		fmt.Fprintln(std.out, note)
	}
	return nil
}
