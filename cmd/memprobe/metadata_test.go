package main

import (
	"context"
	"testing"

	"github.com/spf13/pflag"

	"memprobe/onnx"
)

// Whatever a model records of its training, its data open or the fault is the model's.
func FuzzMetadata(f *testing.F) {
	m, err := onnx.Load(malign)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("20", "3", "28", "none", "0.5/0.25", "random", "7", "0")
	f.Add("0", "0", "0", "torchvision", "none", "noise:0.5", "18446744073709551615", "2")
	f.Add("-1", "x", "1e9", "timm:0.9", "imagenet", "random:20", "-7", "99999999999999999999")
	f.Fuzz(func(t *testing.T, limit, seed, size, preprocess, normalize, labels, labelSeed, ideal string) {
		record := map[string]string{"data": "shapes:train=8,test=4,size=28,channels=1", "train-limit": limit,
			"subset-seed": seed, "image-size": size,
			"preprocess": preprocess, "normalize": normalize, "labels": labels, "label-seed": labelSeed, "ideal-views": ideal}
		var o dataOptions
		flags := pflag.NewFlagSet("fuzz", pflag.ContinueOnError)
		o.flags(flags)
		d, err := o.open(context.Background(), &subject{Model: m, file: "m.onnx", record: record})
		if err == nil {
			err = d.Close()
		}
		if code := exitCode(context.Background(), err); err != nil && code != exitInput {
			t.Errorf("exit %d: %v", code, err)
		}
	})
}
