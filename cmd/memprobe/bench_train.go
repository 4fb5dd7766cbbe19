package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
	"memprobe/train/optim"
	"memprobe/train/zoo"
)

type benchTrainOptions struct {
	benchOptions
	spec        zoo.Spec
	init        string
	logits      string
	batch, size int
	sized       bool // the image of init is what the flags say
}

var benchTrainCommand = command{
	name: "bench train", about: "times a training step: forward, cross-entropy, backward, SGD with momentum",
	example: "memprobe bench train --arch resnet18 --width 64 --batch 32",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o benchTrainOptions
		f.StringVar(&o.spec.Arch, "arch", "resnet18", "architecture of the zoo")
		f.StringVar(&o.init, "init", "", "ONNX model to train instead of one of the zoo")
		f.StringVar(&o.logits, "logits", "", "tensor of --init to train; default: the lone output, before any Softmax")
		f.StringVar(&o.spec.Stem, "stem", zoo.Small, "stem: small, medium or imagenet")
		f.IntVar(&o.spec.Width, "width", 64, "channels of the first stage, or units of a layer")
		f.StringVar((*string)(&o.spec.Projector), "projector", "0",
			"hidden units of the projector, of several layers with commas between; 0: a linear classifier")
		f.IntVar(&o.spec.C, "channels", 3, "channels of an image")
		f.IntVar(&o.spec.Classes, "classes", 10, "classes")
		f.IntVar(&o.size, "size", 32, "height and width of an image")
		f.IntVar(&o.batch, "batch", 64, "images of a step")
		o.flags(f, 5)
		return func(ctx context.Context, args []string, std streams) error {
			if err := o.check(args, 0); err != nil {
				return err
			}
			if o.init != "" {
				for _, name := range []string{"arch", "stem", "width", "projector", "classes"} {
					if f.Changed(name) {
						return usagef("--%s is of the zoo, not of --init", name)
					}
				}
			}
			if o.batch < 1 || o.size < 1 {
				return usagef("--batch %d, --size %d: want positive numbers", o.batch, o.size)
			}
			o.spec.H, o.spec.W = o.size, o.size
			o.sized = f.Changed("size") || f.Changed("channels")
			return benchTrain(ctx, o, std)
		}
	},
}

// model builds the network, or reads it in evaluation mode.
func (o *benchTrainOptions) model(ctx context.Context) (*onnx.Model, error) {
	if o.init == "" {
		m, err := zoo.Build(o.spec)
		if err != nil {
			return nil, usagef("%v", err)
		}
		return m, nil
	}
	m, err := onnx.Load(o.init)
	if err != nil {
		return nil, err
	}
	runnable(ctx, m, o.init)
	if in := m.Inputs(); len(in) != 1 || !dataset.FeedsOn(in[0].DType()) || !in[0].Ranked || len(in[0].Shape) == 0 {
		return nil, &onnx.Error{File: o.init,
			Err: fmt.Errorf("has the inputs %v, want one of floats or uint8, [N,C,H,W] or [N,D]", in)}
	}
	return m, m.BeforeTraining()
}

func benchTrain(ctx context.Context, o benchTrainOptions, std streams) error {
	m, err := o.model(ctx)
	if err != nil {
		return err
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	var given map[string][]int
	input := m.Inputs()[0].Name
	if o.init != "" && o.sized {
		given = map[string][]int{input: {o.batch, o.spec.C, o.size, o.size}}
	}
	in, err := m.InputTensors(o.batch, given)
	if err != nil {
		return err
	}
	g, err := m.Graph()
	if err != nil {
		return err
	}
	logits, err := m.Logits(in, o.logits, 0)
	if err != nil {
		return err
	}
	tr, err := m.CompileTraining(g, engine.TrainOptions{Inputs: in, Logits: logits.Name, Pool: pool})
	if err != nil {
		return err
	}
	for _, p := range tr.Params() {
		if p.Value.DType != tensor.Float32 {
			return &onnx.Error{File: o.init, Err: fmt.Errorf("parameter %q is %v, want float32", p.Name, p.Value.DType)}
		}
	}
	step := trainingStep(ctx, tr, pool)
	x := tr.Input(input)
	if err := feedNoise(x); err != nil {
		return err
	}
	t, err := o.measure(ctx, pool, step)
	if err != nil {
		return err
	}
	if o.init != "" {
		o.spec.Arch, o.spec.Width, o.batch, o.size = "", 0, x.Shape[0], x.Shape[len(x.Shape)-1]
	}
	return printLine(std, struct {
		What      string    `json:"what"`
		Model     string    `json:"model,omitempty"`
		Arch      string    `json:"arch,omitempty"`
		Width     int       `json:"width,omitempty"`
		Projector zoo.Units `json:"projector"`
		Batch     int       `json:"batch"`
		Size      int       `json:"size"`
		timing
		Rate float64 `json:"images_per_second"`
	}{"train", o.init, o.spec.Arch, o.spec.Width, o.spec.Projector, o.batch, o.size, t, float64(o.batch) / t.Seconds})
}

// trainingStep returns a whole step on the trainer's inputs and targets of one
// class an image.
func trainingStep(ctx context.Context, tr *engine.Trainer, pool *parallel.Pool) func() error {
	classes := tr.Target().Shape[1]
	for i := range tr.Target().Shape[0] {
		tr.Target().F32()[i*classes+i%classes] = 1
	}
	var params []optim.Param
	var grads []*tensor.Tensor
	for _, p := range tr.Params() {
		params, grads = append(params, optim.Param{Name: p.Name, Value: p.Value}), append(grads, p.Grad)
	}
	opt := optim.New(optim.Settings{Optimizer: optim.SGD, Momentum: 0.9, WeightDecay: 5e-4}, params, pool)
	steps := uint64(0)
	return func() error {
		steps++
		loss, err := tr.Step(ctx, steps)
		if err == nil && loss != loss {
			err = fmt.Errorf("the loss of step %d is NaN", steps)
		}
		opt.Step(1e-3, grads)
		return err
	}
}
