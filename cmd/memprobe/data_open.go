package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/meta"
	"memprobe/internal/npy"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/probe/result"
	"memprobe/train/augment"
	"memprobe/train/dataset"
)

// openedData is a set brought to a model's input, with its assigned labels.
type openedData struct {
	*dataset.Set
	options   dataset.Options
	shape     []int // of an image, as the model takes it
	normalize string
	scheme    string
	labelSeed *uint64
	source    string // of the assigned labels
	assigned  []int
	// trainedOnPlaces are the places in the set of the images that the model was trained
	// on; nil if it was trained on other data.
	trainedOnPlaces []int
	// assignedClasses is how many classes these have, if not the set's; 0: the set's.
	assignedClasses int
	warnings        []string
	rest            *dataset.Set // of the training images that are left out of Set; nil if none is or none was asked for
}

// open resolves the flags against what is recorded of the model, opens the images
// in the shape that its input wants, and finds the assigned labels.
func (o *dataOptions) open(ctx context.Context, m *subject) (*openedData, error) {
	spec := o.value("data", m)
	if _, at, _ := strings.Cut(spec, ":"); filepath.IsAbs(at) && m.run == "" && !o.f.Changed("data") {
		return nil,
			fault.Errorf(m.file, "its metadata name the data %q: a model may name a set or a relative path; give an absolute one by --data", show.Name(spec))
	}
	guessed := spec == ""
	if guessed {
		spec = dataset.Embedded
	}
	d := &openedData{normalize: o.value("normalize", m)}
	p, err := dataset.ParsePreprocess(o.value("preprocess", m))
	if err != nil {
		return nil, o.blame(m, usagef("--preprocess %v", err), "preprocess")
	}
	if d.options.Preprocess = p; d.normalize == "auto" {
		d.normalize = p.Normalization()
	}
	var errs [4]error
	d.options.TrainLimit, errs[0] = strconv.Atoi(o.value("train-limit", m))
	d.options.TestLimit, errs[1] = strconv.Atoi(o.value("test-limit", m))
	d.options.Seed, errs[2] = strconv.ParseUint(o.value("subset-seed", m), 10, 64)
	d.options.Height, errs[3] = strconv.Atoi(o.value("image-size", m))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fault.Errorf(m.file, "its metadata are damaged: %w", err)
	}
	for i, n := range []int{d.options.TrainLimit, d.options.TestLimit, d.options.Height} {
		if flag := []string{"train-limit", "test-limit", "image-size"}[i]; n < 0 {
			return nil, o.blame(m, usagef("--%s %d, want 0 or more", flag, n), flag)
		}
	}
	d.options.Width = d.options.Height
	if err := d.choose(o, m); err != nil {
		return nil, err
	}
	if err := d.images(ctx, spec, m, guessed); err != nil {
		return nil, o.blame(m, err, "data", "image-size", "preprocess")
	}
	_, _, err = d.normalization()
	err = o.blame(m, err, "normalize")
	if err == nil {
		err = d.labels(ctx, o, m)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// choose takes the training images that --train-first or --train-index names.
func (d *openedData) choose(o *dataOptions, m *subject) error {
	if o.trainFirst == 0 && o.trainIndex == "" {
		return nil
	}
	if o.trainFirst < 0 || o.f.Changed("train-limit") || o.trainFirst > 0 && o.trainIndex != "" {
		return usagef("--train-first %d, --train-index %q, --train-limit %d: want one of them, not negative", o.trainFirst,
			o.trainIndex, o.trainLimit)
	}
	d.options.TrainLimit, d.options.TrainFirst = 0, o.trainFirst
	if o.trainIndex == "" {
		return nil
	}
	places, shape, err := npy.ReadInts(o.trainIndex)
	if err != nil {
		return err
	}
	if len(shape) != 1 || len(places) == 0 {
		return fault.Errorf(o.trainIndex, "places of shape %v, want [N], one for each training image to take", shape)
	}
	for _, p := range places {
		d.options.TrainIndex = append(d.options.TrainIndex, int(p))
	}
	return nil
}

// images opens the set in the shape that the model's input wants.
func (d *openedData) images(ctx context.Context, spec string, m *subject, guessed bool) error {
	turned := m.ChannelsFirst()
	want, noImages := imageShape(m)
	if noImages != nil && guessed {
		return noImages
	}
	d.options.Inputs = inputArrays(m)
	sized := d.options.Height
	if n := sized; n > 0 && len(want) == 3 && (want[1] > 0 && want[1] != n || want[2] > 0 && want[2] != n) {
		return usagef("--image-size %d: %s wants images of %dx%d pixels", n, m.file, want[1], want[2])
	}
	size := len(want) == 3 && want[1] > 0 && want[2] > 0
	if size && !guessed {
		d.options.Height, d.options.Width = want[1], want[2]
	}
	if len(want) == 3 && (want[0] == 1 || want[0] == 3) && !guessed {
		d.options.Channels = want[0]
	}
	var err error
	if d.Set, err = dataset.Open(ctx, spec, d.options); err != nil {
		return err
	}
	switch {
	case d.Arrays != nil && sized > 0:
		return errors.Join(usagef("--image-size %d: %s holds the arrays %v, no images", sized, spec, d.Arrays), d.Close())
	case d.Arrays != nil:
		d.shape = []int{d.W}
		return nil
	case noImages != nil:
		return errors.Join(noImages, d.Close())
	}
	if turned {
		d.Notes = append(d.Notes, "turned to channels last, as the model's input has them")
	}
	stored := []int{d.C, d.H, d.W}
	d.shape = stored
	fits := slices.EqualFunc(want, stored, func(w, s int) bool { return w == s || w < 1 })
	if len(want) == 1 { // a network of vectors
		d.shape = []int{d.C * d.H * d.W}
		fits = want[0] < 1 || want[0] == d.shape[0]
	}
	switch {
	case fits:
		m.freeBatch(d.shape)
		return nil
	case guessed:
		err = fault.Errorf(m.file, "the model wants images of shape %v and records no data; name a set with --data", want)
	default:
		err = fault.Errorf(m.file, "the model wants images of shape %v, those of %s have %v", want, spec, stored)
	}
	return errors.Join(err, d.Close())
}

// imageShape is the shape of an image that the model's input wants, [C,H,W] or
// [D], with 0 for what it leaves open.
func imageShape(m *subject) ([]int, error) {
	inputs := m.Inputs()
	if len(inputs) != 1 || !dataset.FeedsOn(inputs[0].DType()) || len(inputs[0].Shape) != 4 && len(inputs[0].Shape) != 2 {
		return nil, &onnx.Error{File: m.file,
			Err: fmt.Errorf("the model has inputs %v, want one of images [N,C,H,W] or [N,D], or --data npz:FILE or parquet:DIR "+
				"with arrays that are called as the inputs; extract --input feeds others", inputs)}
	}
	var shape []int
	for _, d := range inputs[0].Shape[1:] {
		shape = append(shape, max(d.Size, 0))
	}
	return shape, nil
}

// inputArrays are the model's inputs as arrays that a set may hold for them.
func inputArrays(m *subject) []dataset.Array {
	var out []dataset.Array
	for _, v := range m.Inputs() {
		a := dataset.Array{Name: v.Name, Integer: !v.DType().IsFloat()}
		for i, d := range v.Shape {
			if i > 0 {
				a.Shape = append(a.Shape, max(d.Size, 0))
			}
		}
		out = append(out, a)
	}
	return out
}

// sample is what a sample of the set is to the model.
func (d *openedData) sample() []dataset.Array {
	if d.Arrays != nil {
		return d.Arrays
	}
	return probe.Image(d.shape)
}

// normalization resolves --normalize to a mean and a deviation a channel.
func (d *openedData) normalization() (mean, std []float32, err error) {
	if d.Arrays != nil && d.normalize != dataset.NoNormalization {
		return nil, nil, usagef("--normalize %s: %s holds the arrays %v, no images", d.normalize, d.Spec, d.Arrays)
	}
	if mean, std, err = dataset.Normalization(d.normalize, d.C); err != nil {
		return nil, nil, usagef("--normalize %v", err)
	}
	return mean, std, d.CheckNormalization(d.normalize)
}

// openRest opens the training images of the set that are not among those chosen, for
// banks that have them.
func (d *openedData) openRest(ctx context.Context, banks []string) error {
	stored := d.Train.Stored()
	if d.rest != nil || d.Train.N() == stored || slices.Equal(banks, []string{probe.TrainImages}) {
		return nil
	}
	o := d.options
	o.TrainLimit, o.TrainFirst, o.TestLimit, o.TrainIndex = 0, 0, 1, nil
	if d.Arrays == nil {
		o.Channels, o.Height, o.Width = d.C, d.H, d.W
	}
	chosen := make([]bool, stored)
	for _, place := range d.Train.Places() {
		chosen[place] = true
	}
	for place, in := range chosen {
		if !in {
			o.TrainIndex = append(o.TrainIndex, place)
		}
	}
	var err error
	d.rest, err = dataset.Open(ctx, d.Spec, o)
	return err
}

// Close releases the images.
func (d *openedData) Close() error {
	var err error
	if d.rest != nil {
		err = d.rest.Close()
	}
	return errors.Join(err, d.Set.Close())
}

// identity says which image of the set a training image is.
func (d *openedData) identity(i int) (index int, file string) {
	return d.Train.Places()[i], d.Train.File(i)
}

// queryIdentity says the same of a query: of a test image, or of a training image, those
// that were chosen first.
func (d *openedData) queryIdentity(i int) (index int, file string) {
	s := &d.Test
	if s.N() == 0 {
		if s = &d.Train; i >= s.N() {
			s, i = &d.rest.Train, i-s.N()
		}
	}
	return s.Places()[i], s.File(i)
}

// picture draws a training image.
func (d *openedData) picture(i, side int) image.Image { return d.Thumbnail(&d.Train, i, side) }

func (d *openedData) probeData() probe.Data {
	p := probe.Data{Identity: d.identity, QueryIdentity: d.queryIdentity, Train: &d.Train, Test: &d.Test,
		Classes: d.Classes, Shape: d.shape, Arrays: d.Arrays, Vectors: d.Vectors, Assigned: d.assigned,
		AssignedClasses: d.assignedClasses}
	if d.rest != nil {
		p.Rest = &d.rest.Train
	}
	return p
}

// augmentation has the pixels' bank made of views too, by the pipeline that the model
// records, if it does any.
func (d *openedData) augmentation(m *onnx.Model, seed uint64, po *probe.Options) error {
	text, _ := m.Metadata(meta.Augment)
	p, err := augment.Parse(text)
	if text == "" || err != nil || p.String() == "none" || d.CheckUnit() != nil {
		return nil // of another program's pipeline nothing is known
	}
	po.Augmentation, err = viewer(p, []int{d.C, d.H, d.W}, seed)
	po.AugmentationName = p.String()
	return err
}

// describe writes where the images and labels came from into a result.
func (d *openedData) describe(p *result.Probe) {
	p.Warnings = append(p.Warnings, d.warnings...)
	d.describeData(&p.Data)
}

func (d *openedData) describeData(r *result.Data) {
	r.Spec, r.Name, r.Fingerprint, r.Resize = d.Spec, d.Name, d.Fingerprint(), strings.Join(d.Notes, "; ")
	if p := d.options.Preprocess.String(); p != dataset.NoPreprocess {
		r.Preprocess = p
	}
	r.TrainLimit, r.TestLimit = d.options.TrainLimit, d.options.TestLimit
	r.TrainFirst = d.options.TrainFirst
	if d.options.TrainLimit > 0 || d.options.TestLimit > 0 {
		r.SubsetSeed = &d.options.Seed
	}
	if d.assigned != nil {
		r.Labels, r.LabelSource, r.LabelSeed = d.scheme, d.source, d.labelSeed
	}
}
