package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/ops"
	"memprobe/probe"
)

// extractData writes what the images of a set become, a row an image in the set's
// order, and in an archive their labels. Rows are written as they come.
func extractData(ctx context.Context, m *subject, o extractOptions, std streams) error {
	set, err := o.data.open(ctx, m)
	if err != nil {
		return err
	}
	defer set.Close()
	m.tell(std)
	split, assigned := &set.Train, set.assigned
	if o.split == "test" {
		split, assigned = &set.Test, nil
	}
	if split.N() == 0 {
		return fault.Errorf(set.Spec, "has no %s images", o.split)
	}
	po := o.probe
	if po.Mean, po.Std, err = set.normalization(); err != nil {
		return err
	}
	layers, lost, err := rowLayers(m, o, set)
	if err != nil {
		return err
	}
	if strings.HasSuffix(o.out, ".npy") && len(layers) != 1 {
		return usagef("--out %s holds one tensor, --layers chooses %d", o.out, len(layers))
	}
	po.Workers = parallel.New(o.threads)
	defer po.Workers.Close()
	bar := newProgress(std.err, o.quiet)
	po.Progress = bar.report
	defer bar.done()

	w, err := npy.Create(o.out)
	if err != nil {
		return err
	}
	defer w.Abort()
	arrays := make([]*npy.Array, len(layers))
	for i, l := range layers {
		p, err := po.Pooling.Of(l)
		if err != nil {
			return err
		}
		shape := []int{split.N(), p.Dim(l.Shape)}
		if po.Pooling == probe.None {
			shape = slices.Concat(shape[:1], l.Shape)
		}
		if arrays[i], err = w.Array(l.Name, tensor.Float32, shape...); err != nil {
			return err
		}
	}
	if strings.HasSuffix(o.out, ".npz") {
		if err := writeLabels(w, split.Labels(), assigned); err != nil {
			return err
		}
	}
	err = probe.Extract(ctx, m.Model, split, set.sample(), layers, po, func(l, _ int, rows probe.Features) error {
		return arrays[l].Append(tensor.From(rows.Data, len(rows.Data)))
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	bar.say(fmt.Sprintf("%s images of %s, normalisation %s", o.split, set.Spec, set.normalize))
	for _, note := range set.Notes {
		bar.say(note)
	}
	return reportLost(std.err, o.layers, lost)
}

// writeLabels adds the array labels, and the array assigned if there are any.
func writeLabels(w *npy.Writer, truth []int32, assigned []int) error {
	y := make([]int64, len(truth))
	for i, v := range truth {
		y[i] = int64(v)
	}
	if err := writeArray(w, "labels", y); err != nil || assigned == nil {
		return err
	}
	for i, v := range assigned {
		y[i] = int64(v)
	}
	return writeArray(w, "assigned", y)
}

func writeArray(w *npy.Writer, name string, y []int64) error {
	a, err := w.Array(name, tensor.Int64, len(y))
	if err != nil {
		return err
	}
	return a.Append(tensor.From(y, len(y)))
}

var errNoRow = errors.New("no row of floats for each image")

// rowLayers resolves --layers to tensors with a row of floats for each image, and
// returns what it chooses besides. Constants are left out of "all".
func rowLayers(m *subject, o extractOptions, set *openedData) (layers []probe.Layer, lost []onnx.Lost, err error) {
	if o.layers == "blocks" {
		all, err := probe.Layers(m.Model, o.probe.Batch, set.sample(), o.probe.Logits, len(set.Classes))
		return slices.DeleteFunc(all, func(l probe.Layer) bool { return l.Role == "" || l.Role == probe.Input }), nil, err
	}
	names, gone, err := chosen(m.Model, m.gone, "--layers", o.layers)
	if err != nil {
		return nil, nil, err
	}
	batch, inputs, err := probe.InputTensors(m.Model, o.probe.Batch, set.sample())
	if err != nil {
		return nil, nil, err
	}
	var values map[string]*ops.Value
	names, lost, err = computable(m.Model, names, func([]string) error {
		g, err := m.Graph()
		if err == nil {
			values, err = m.Infer(g, inputs)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var known []probe.Layer
	if o.probe.Pooling == probe.Auto {
		if known, err = probe.Layers(m.Model, o.probe.Batch, set.sample(), o.probe.Logits, len(set.Classes)); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range names {
		v := values[name]
		switch {
		case v != nil && v.DType.IsFloat() && v.Const == nil && len(v.Shape) > 0 && v.Shape[0] == batch:
			layers = append(layers, laidOut(name, v.Shape[1:], known))
		case v == nil || v.Const == nil || o.layers != "all":
			lost = append(lost, onnx.Lost{Name: name, Err: errNoRow})
		}
	}
	if len(layers) == 0 {
		return nil, nil, fault.Errorf(m.file, "tensors %s: %w", strings.Join(show.Names(names), ", "), errNoRow)
	}
	return layers, append(gone, lost...), nil
}

// laidOut is the layer of that name among those that are known, or one whose first of
// two axes are tokens.
func laidOut(name string, shape []int, known []probe.Layer) probe.Layer {
	for _, l := range known {
		if l.Name == name {
			return l
		}
	}
	l := probe.Layer{Name: name, Shape: shape, Pool: probe.Avg}
	if len(shape) == 2 {
		l.Tokens = shape[0]
	}
	return l
}
