package probe

import (
	"context"

	"memprobe/onnx"
	"memprobe/train/dataset"
)

// Extract runs the images of a split through a model and hands emit the pooled
// activations of each layer as they come, rows first, first+1, … of them, so that
// memory does not grow with the number of images. Of the options it takes
// Pooling, Mean, Std, Batch, Workers and Progress. sample is the arrays
// that a sample is made of, or an Image; the layers are tensors with a row for each sample.
// emit must not keep the rows.
func Extract(ctx context.Context, m *onnx.Model, images Split, sample []dataset.Array, layers []Layer, o Options,
	emit func(layer, first int, rows Features) error) error {
	o = o.withDefaults()
	in, err := inputsOf(m, o.Batch, sample)
	if err != nil {
		return err
	}
	if err := in.checkMask("", images); err != nil {
		return err
	}
	pooling, rows := make([]Pooling, len(layers)), make([]Features, len(layers))
	for i, l := range layers {
		if pooling[i], err = o.Pooling.Of(l); err != nil {
			return err
		}
		d := pooling[i].Dim(l.Shape)
		rows[i] = Features{D: d, Data: make([]float32, in.batch*d)}
	}
	s, err := newStream(m, o.Workers, in, o.Mean != nil, layers, pooling, 0)
	if err != nil {
		return err
	}
	fill := func(dst []float32, i int) {
		images.Float32(dst, i)
		dataset.Normalize(dst, o.Mean, o.Std)
	}
	var done func(int)
	if o.Progress != nil {
		done = func(n int) { o.Progress("images", n, images.N()) }
	}
	return s.each(ctx, images.N(), fill, func(l int, p piece) error {
		r := rows[l]
		r.N, r.Data = p.n, r.Data[:p.n*r.D]
		s.apply(r, l, p)
		return emit(l, p.first, r)
	}, done)
}
