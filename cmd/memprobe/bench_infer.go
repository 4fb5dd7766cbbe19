package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
)

type benchInferOptions struct {
	benchOptions
	shape []int
	taps  string
}

var benchInferCommand = command{
	name: "bench infer", args: "MODEL.onnx", about: "times loading a model and its forward pass",
	example: "memprobe bench infer resnet18.onnx --shape 16,3,64,64 --taps all",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o benchInferOptions
		f.IntSliceVar(&o.shape, "shape", nil, "N,C,H,W of the lone input; default: the model's, with one image")
		f.StringVar(&o.taps, "taps", "", "tensors that are returned besides the outputs: all, or names as GLOB,…")
		o.flags(f, 7)
		return func(ctx context.Context, args []string, std streams) error {
			if err := o.check(args, 1); err != nil {
				return err
			}
			for _, d := range o.shape {
				if d < 1 {
					return usagef("--shape is %v, want positive numbers", o.shape)
				}
			}
			return benchInfer(ctx, args[0], o, std)
		}
	},
}

func benchInfer(ctx context.Context, file string, o benchInferOptions, std streams) error {
	began := time.Now()
	m, err := onnx.Load(file)
	if err != nil {
		return err
	}
	runnable(ctx, m, file)
	inputs := m.Inputs()
	if len(inputs) != 1 || !dataset.FeedsOn(inputs[0].DType()) {
		return &onnx.Error{File: file, Err: fmt.Errorf("has the inputs %v, want one of floats or uint8", inputs)}
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	r, err := newReturning(m, o, pool)
	if err != nil {
		return err
	}
	load := time.Since(began)
	in := r.session.Input(inputs[0].Name)
	if err := feedNoise(in); err != nil {
		return err
	}
	t, err := o.measure(ctx, pool, func() error { return r.session.Run(ctx, r.keep) })
	if err != nil {
		return err
	}
	return printLine(std, struct {
		What  string `json:"what"`
		Model string `json:"model"`
		Shape []int  `json:"shape"`
		Taps  int    `json:"taps"`
		timing
		Load float64 `json:"load_seconds"` // from the file to a session
		Rate float64 `json:"images_per_second"`
	}{"infer", filepath.Base(file), in.Shape, len(r.tensors), t, load.Seconds(), float64(in.Shape[0]) / t.Seconds})
}

// returning is a session whose taps are copied into tensors that outlive the
// run, as a runtime returns them that has them among its outputs.
type returning struct {
	session engine.Session
	tensors []*tensor.Tensor
}

func newReturning(m *onnx.Model, o benchInferOptions, pool *parallel.Pool) (*returning, error) {
	given := map[string][]int{}
	if o.shape != nil {
		given[m.Inputs()[0].Name] = o.shape
	}
	bound, err := m.InputTensors(1, given)
	if err != nil {
		return nil, err
	}
	var taps []string
	if o.taps != "" {
		if taps, _, err = chosen(m, nil, "--taps", o.taps); err != nil {
			return nil, err
		}
	}
	s, err := m.Compile(engine.Options{Inputs: bound, Taps: taps, Pool: pool})
	if err != nil {
		return nil, err
	}
	r := &returning{session: s}
	for _, t := range s.Taps() {
		r.tensors = append(r.tensors, tensor.New(t.DType, t.Shape...))
	}
	return r, nil
}

func (r *returning) keep(i int, t *tensor.Tensor) { r.tensors[i].Copy(t) }
