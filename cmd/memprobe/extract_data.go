package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/probe"
)

// extractData writes what the images of a set become, a row an image in the set's
// order, and in an archive their labels. Rows are written as they come.
func extractData(ctx context.Context, m *subject, o extractOptions, pooling probe.Pooling, std streams) error {
	set, err := o.data.open(ctx, m)
	if err != nil {
		return err
	}
	defer set.Close()
	split, assigned := &set.Train, set.assigned
	if o.split == "test" {
		split, assigned = &set.Test, nil
	}
	if split.N() == 0 {
		return fault.Errorf(set.Spec, "has no %s images", o.split)
	}
	po := probe.Options{Pooling: pooling, Batch: o.batch}
	if po.Mean, po.Std, err = set.normalization(); err != nil {
		return err
	}
	layers, err := rowLayers(m, o.layers, set.shape, o.batch)
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
		shape := []int{split.N(), pooling.Dim(l.Shape)}
		if pooling == probe.None {
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
	err = probe.Extract(ctx, m.Model, split, set.shape, layers, po, func(l, _ int, rows probe.Features) error {
		return arrays[l].Append(tensor.From(rows.Data, len(rows.Data)))
	})
	if err != nil {
		return err
	}
	return w.Close()
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

// rowLayers resolves --layers to tensors with a row of floats for each image.
// Of "all", others are left out; a name that is no such tensor is an error.
func rowLayers(m *subject, layers string, image []int, batch int) ([]probe.Layer, error) {
	if layers == "blocks" {
		all, err := probe.Layers(m.Model, batch, image, "", 0)
		return slices.DeleteFunc(all, func(l probe.Layer) bool { return l.Role == "" || l.Role == probe.Input }), err
	}
	names, err := chosen(m.Model, "--layers", layers)
	if err != nil {
		return nil, err
	}
	m.Keep(names)
	in := m.Inputs()[0]
	if n := in.Shape[0].Size; n > 0 {
		batch = n
	}
	shapes := map[string][]int{}
	for _, l := range m.Inspect(batch, map[string][]int{in.Name: slices.Concat([]int{batch}, image)}).Layers {
		for i, name := range l.Outputs {
			if s := l.Shapes[i]; l.DType.IsFloat() && !l.Constant && len(s) > 0 && s[0] == batch {
				shapes[name] = s[1:]
			}
		}
	}
	var out []probe.Layer
	for _, name := range names {
		if s, ok := shapes[name]; ok {
			out = append(out, probe.Layer{Name: name, Shape: s})
		} else if layers != "all" {
			return nil, usagef("--layers: tensor %q has no row of floats for each image", name)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no tensor has a row of float32s for each image", m.file)
	}
	return out, nil
}
