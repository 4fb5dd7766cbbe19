package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"memprobe/internal/meta"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/probe/result"
	"memprobe/report"
	"memprobe/report/tensorboard"
	"memprobe/train"
)

// boardDir is the folder in a run's that TensorBoard is pointed at.
const boardDir = "tensorboard"

// projected is how many training images the projector shows, and pictured the greatest
// side of their pictures in pixels.
const (
	projected = 1000
	pictured  = 48
)

// board writes what TensorBoard reads of a run. A nil one writes nothing. Its first error
// stays.
type board struct {
	dir string
	log *tensorboard.Log
	err error
}

// openBoard begins the event file of a run with what its folder already has: the epochs
// of metrics.csv and the probes.
func openBoard(dir string) (*board, error) {
	b := &board{dir: filepath.Join(dir, boardDir)}
	rows, err := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	before := 0.0
	for _, row := range rows {
		before += row.Seconds
	}
	at := time.Now()
	if b.log, err = tensorboard.Create(b.dir, at); err != nil {
		return nil, err
	}
	at = at.Add(-seconds(before))
	for _, row := range rows {
		at = at.Add(seconds(row.Seconds))
		b.epoch(row, at)
		if p, err := result.ReadProbe(train.ProbeFile(dir, row.Epoch)); err == nil {
			b.probe(row.Epoch, p, at)
		} else if !errors.Is(err, fs.ErrNotExist) {
			b.err = err
		}
	}
	return b, b.err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// epoch writes what was measured of an epoch.
func (b *board) epoch(row result.Epoch, at time.Time) {
	if b == nil || b.err != nil {
		return
	}
	b.err = b.log.Scalars(at, row.Epoch, []tensorboard.Scalar{
		{Tag: "loss", Value: row.Loss}, {Tag: "learning rate", Value: row.LR},
		{Tag: "images a second", Value: row.ImagesPerSecond},
		{Tag: "fit/assigned labels, augmented", Value: row.FitAugmented},
		{Tag: "fit/assigned labels, clean", Value: row.FitClean},
		{Tag: "fit/true labels, clean", Value: row.TrueClean}, {Tag: "fit/test", Value: row.Test},
	}...)
}

// probe writes the k-NN accuracies of every layer, and the figures.
func (b *board) probe(epoch int, p *result.Probe, at time.Time) {
	if b == nil || b.err != nil {
		return
	}
	var values []tensorboard.Scalar
	for i := range p.Layers {
		l := &p.Layers[i]
		for _, part := range [][2]string{{"knn.true", "true labels"}, {"leave_one_out.assigned", "assigned labels"},
			{"untrained.true", "untrained networks"}} {
			values = append(values, tensorboard.Scalar{Tag: "probe, " + part[1] + "/" + show.Name(l.Name),
				Value: l.At(part[0], p.Settings.Headline)})
		}
	}
	b.err = b.log.Scalars(at, epoch, values...)
	images, err := report.Images(p)
	for _, m := range images {
		if b.err == nil {
			b.err = b.log.Image(at, epoch, m.Name, m.PNG, m.Width, m.Height)
		}
	}
	b.err = errors.Join(b.err, err)
}

// project writes the embedding of training images, evenly spaced in the set, for the
// projector.
func (b *board) project(ctx context.Context, t *training, m *onnx.Model) error {
	d := t.data
	d.normalize, _ = m.Metadata(meta.Normalize)
	o := probe.Options{Batch: t.config.Batch, Workers: t.pool}
	var err error
	if o.Mean, o.Std, err = d.normalization(); err != nil {
		return err
	}
	layers, err := probe.Layers(m, o.Batch, d.sample(), t.config.Logits, max(d.assignedClasses, len(d.Classes)))
	if err != nil {
		return err
	}
	e := &tensorboard.Embedding{Columns: []string{"index", "true label", "assigned label"}}
	for _, l := range layers {
		if l.Role == probe.Embedding {
			layers, e.Name = []probe.Layer{l}, l.Name
		}
	}
	n := d.Train.N()
	some := spaced{&d.Train, (n + projected - 1) / projected}
	err = probe.Extract(ctx, m, some, d.sample(), layers, o, func(_, _ int, rows probe.Features) error {
		e.Dim, e.Rows = rows.D, append(e.Rows, rows.Data...)
		return nil
	})
	if err != nil {
		return err
	}
	class := func(label int) string {
		if label >= len(d.Classes) || d.assignedClasses > 0 {
			return strconv.Itoa(label)
		}
		return show.Name(d.Classes[label])
	}
	for i := 0; i < n; i += some.step {
		words := []string{strconv.Itoa(d.Train.Places()[i]), show.Name(d.Classes[d.Train.Label(i)]), ""}
		if d.assigned != nil {
			words[2] = class(d.assigned[i])
		}
		e.Words = append(e.Words, words)
		e.Pictures = append(e.Pictures, d.picture(i, pictured))
	}
	if slices.Contains(e.Pictures, nil) {
		e.Pictures = nil
	}
	return e.Write(b.dir)
}

// spaced is every so many images of a split.
type spaced struct {
	probe.Split
	step int
}

func (s spaced) N() int                       { return (s.Split.N() + s.step - 1) / s.step }
func (s spaced) Label(i int) int              { return s.Split.Label(i * s.step) }
func (s spaced) Float32(dst []float32, i int) { s.Split.Float32(dst, i*s.step) }

// close ends the event file and returns the first error.
func (b *board) close() error {
	if b == nil {
		return nil
	}
	return errors.Join(b.err, b.log.Close())
}
