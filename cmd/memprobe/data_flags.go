package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/meta"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/probe/result"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

// dataOptions are the flags that say which images a model sees.
type dataOptions struct {
	spec                  string
	trainLimit, testLimit int
	seed                  uint64
	normalize, labels     string
	labelSeed             uint64
	f                     *pflag.FlagSet
}

func (o *dataOptions) flags(f *pflag.FlagSet) {
	o.f = f
	f.StringVar(&o.spec, "data", "", "NAME[:PATH] of the images; default: what the model records, else "+dataset.Embedded)
	f.IntVar(&o.trainLimit, "train-limit", 0, "class-balanced subset of the training images; 0: all, or what the model records")
	f.IntVar(&o.testLimit, "test-limit", 0, "class-balanced subset of the test images; 0: all")
	f.Uint64Var(&o.seed, "subset-seed", 0, "of the subsets")
	f.StringVar(&o.normalize, "normalize", "auto", "auto (what the model records), none, imagenet, cifar10, MEAN/STD")
	f.StringVar(&o.labels, "labels", "", "scheme of the assigned labels: true, random, noise:P; default: what the model records")
	f.Uint64Var(&o.labelSeed, "label-seed", 0, "of the assigned labels")
}

// openedData is a set brought to a model's input, with its assigned labels.
type openedData struct {
	*dataset.Set
	options   dataset.Options
	normalize string
	scheme    string
	labelSeed uint64
	source    string
	assigned  []int32
}

// open resolves the flags against the model's metadata and input shape.
func (o *dataOptions) open(ctx context.Context, m *onnx.Model) (*openedData, error) {
	recorded := func(key, flag, value string) string {
		if v, ok := m.Metadata(key); ok && !o.f.Changed(flag) {
			return v
		}
		return value
	}
	spec := recorded(meta.Data, "data", o.spec)
	guessed := spec == ""
	if guessed {
		spec = dataset.Embedded
	}
	d := &openedData{normalize: recorded(meta.Normalize, "normalize", o.normalize), source: "metadata"}
	if d.normalize == "auto" {
		d.normalize = dataset.NoNormalization
	}
	limit, err1 := strconv.Atoi(recorded(meta.TrainLimit, "train-limit", strconv.Itoa(o.trainLimit)))
	seed, err2 := strconv.ParseUint(recorded(meta.SubsetSeed, "subset-seed", strconv.FormatUint(o.seed, 10)), 10, 64)
	labelSeed, err3 := strconv.ParseUint(recorded(meta.LabelSeed, "label-seed", strconv.FormatUint(o.labelSeed, 10)), 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, &onnx.Error{Err: fmt.Errorf("the model's metadata are damaged: %w", err)}
	}
	d.options = dataset.Options{TrainLimit: limit, TestLimit: o.testLimit, Seed: seed}
	want, err := imageShape(m)
	if err != nil {
		return nil, err
	}
	set, err := dataset.Open(ctx, spec, d.options)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(want, []int{set.C, set.H, set.W}) {
		stored := []int{set.C, set.H, set.W}
		set.Close()
		if guessed {
			return nil, &onnx.Error{Err: fmt.Errorf("the model wants images of shape %v and records no data; name a set with --data", want)}
		}
		d.options.Channels, d.options.Height, d.options.Width = want[0], want[1], want[2]
		if set, err = dataset.Open(ctx, spec, d.options); err != nil {
			return nil, fmt.Errorf("images of shape %v for a model that wants %v: %w", stored, want, err)
		}
	}
	d.Set = set
	d.scheme, d.labelSeed = recorded(meta.Labels, "labels", o.labels), labelSeed
	if o.f.Changed("labels") {
		d.source = "--labels"
	}
	if d.scheme == "" {
		return d, nil
	}
	s, err := labels.Parse(d.scheme)
	if err != nil {
		return nil, usagef("--%v", err)
	}
	d.assigned = s.Draw(labelSeed, set.Train.Labels(), len(set.Classes))
	return d, nil
}

// imageShape is the [C,H,W] that the model's input wants.
func imageShape(m *onnx.Model) ([]int, error) {
	inputs := m.Inputs()
	if len(inputs) != 1 || len(inputs[0].Shape) != 4 {
		return nil, &onnx.Error{Err: fmt.Errorf("the model has inputs %v, want one of images [N,C,H,W]", inputs)}
	}
	shape := make([]int, 3)
	for i, d := range inputs[0].Shape[1:] {
		if shape[i] = d.Size; d.Size < 1 {
			return nil, &onnx.Error{Err: fmt.Errorf("input %v leaves the size of an image open", inputs[0])}
		}
	}
	return shape, nil
}

// normalization resolves --normalize to a mean and a deviation a channel.
func (d *openedData) normalization() (mean, std []float32, err error) {
	if mean, std, err = dataset.Normalization(d.normalize, d.C); err != nil {
		return nil, nil, usagef("--normalize %v", err)
	}
	return mean, std, nil
}

func (d *openedData) probeData() probe.Data {
	data := probe.Data{Train: &d.Train, Test: &d.Test, Classes: d.Classes, Shape: []int{d.C, d.H, d.W}}
	for _, l := range d.assigned {
		data.Assigned = append(data.Assigned, int(l))
	}
	return data
}

// describe writes where the images and labels came from into a result.
func (d *openedData) describe(r *result.Data) {
	r.Spec, r.Name, r.Fingerprint, r.Resize = d.Spec, d.Name, d.Fingerprint(), strings.Join(d.Notes, "; ")
	r.TrainLimit, r.TestLimit = d.options.TrainLimit, d.options.TestLimit
	if d.options.TrainLimit > 0 || d.options.TestLimit > 0 {
		r.SubsetSeed = &d.options.Seed
	}
	if d.assigned != nil {
		r.Labels, r.LabelSource, r.LabelSeed = d.scheme, d.source, &d.labelSeed
	}
}
