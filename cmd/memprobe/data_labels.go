package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/meta"
	"memprobe/internal/npy"
	"memprobe/probe/result"
	"memprobe/train"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

// labels holds the data to those of a run, and finds the labels that the model was
// trained on: in a file, in the run's directory, or drawn by the scheme that is
// given or recorded.
func (d *openedData) labels(ctx context.Context, o *dataOptions, m *subject) error {
	trained, err := d.trainedOn(ctx, o, m)
	if err != nil {
		return err
	}
	if trained != d.Set {
		defer trained.Close()
	}
	other := m.print == "" && m.record["data"] != "" && nameOf(m.record["data"]) != nameOf(d.Spec)
	if m.print != "" && trained.Fingerprint() != m.print {
		if !o.otherData {
			return fault.Errorf(d.Spec, "not the data that %s was trained on: fingerprint %s, was %s; --allow-other-data goes on",
				m.run, trained.Fingerprint(), m.print)
		}
		other = true
		d.warn("the data are not those that %s was trained on: fingerprint %s, was %s", m.run, trained.Fingerprint(), m.print)
	}
	if m.images != "" && !o.f.Changed("image-size") && !o.f.Changed("preprocess") &&
		trained.Train.Fingerprint() != m.images {
		other = true
		d.warn("the training images of %s are not those that %s was trained on", d.Spec, m.file)
	}
	if !other {
		d.trainedOnPlaces = trained.Train.Places()
	}
	d.scheme = o.value("labels", m)
	if s, err := labels.Parse(d.scheme); err == nil {
		d.assignedClasses = s.Classes
	}
	drawn := o.f.Changed("labels") || o.f.Changed("label-seed")
	own := ""
	if m.run != "" {
		own = filepath.Join(m.run, "labels.npy")
	}
	switch {
	case o.assigned != "" && drawn:
		return usagef("--assigned %s gives labels, --labels and --label-seed draw them: want one of them", o.assigned)
	case drawn && d.scheme == "":
		return usagef("--label-seed %d draws labels by --labels, which is neither given nor recorded", o.labelSeed)
	case o.assigned != "":
		d.scheme, d.source = "file", o.assigned
		return d.readAssigned(o.assigned, m, trained)
	case drawn:
		return d.drawLabels(o, m, trained)
	case other || !d.within(trained):
		d.scheme = ""
		d.warn("assigned labels are left out: not all training images here are ones that the model was trained on; --assigned gives labels")
		return nil
	}
	if _, err := os.Stat(own); own != "" && err == nil {
		d.source = own
		return d.readOwn(own, m, trained)
	}
	return d.drawLabels(o, m, trained)
}

// within tells whether all training images are also those of a set of the same
// content.
func (d *openedData) within(s *dataset.Set) bool {
	in := make([]bool, s.Train.Stored())
	for _, place := range s.Train.Places() {
		in[place] = true
	}
	return !slices.ContainsFunc(d.Train.Places(), func(place int) bool { return !in[place] })
}

// nameOf is the NAME of a SPEC.
func nameOf(spec string) string {
	name, _, _ := strings.Cut(spec, ":")
	return name
}

// trainedOn is the set with the training images that the model records: d's own,
// or another one, to be closed, where flags choose other images of it.
func (d *openedData) trainedOn(ctx context.Context, o *dataOptions, m *subject) (*dataset.Set, error) {
	limit, ok := m.record["train-limit"]
	if !ok {
		return d.Set, nil
	}
	recorded := d.options
	recorded.TrainFirst, recorded.TrainIndex = 0, nil
	var errs [3]error
	recorded.TrainLimit, errs[0] = strconv.Atoi(limit)
	recorded.Seed, errs[1] = strconv.ParseUint(cmp.Or(m.record["subset-seed"], "0"), 10, 64)
	if v, ok := m.record["test-limit"]; ok {
		recorded.TestLimit, errs[2] = strconv.Atoi(v)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fault.Errorf(m.file, "its metadata are damaged: %w", err)
	}
	if recorded.TrainLimit < 0 || recorded.TestLimit < 0 {
		return nil, fault.Errorf(m.file, "its metadata are damaged: limits of %d and %d images", recorded.TrainLimit,
			recorded.TestLimit)
	}
	if reflect.DeepEqual(recorded, d.options) {
		return d.Set, nil
	}
	return dataset.Open(ctx, d.Spec, recorded)
}

func (d *openedData) warn(format string, args ...any) {
	d.warnings = append(d.warnings, fmt.Sprintf(format, args...))
}

// warnOfChance warns where the network's predictions say no more of the labels that
// it is said to be trained on than always naming the most frequent one would.
func warnOfChance(p *result.Probe, assigned []int) {
	if p.Fit.AssignedClean == nil || len(assigned) == 0 {
		return
	}
	count := make([]int, max(p.Data.NumClasses, p.Data.AssignedClasses))
	for _, y := range assigned {
		count[y]++
	}
	n := float64(len(assigned))
	fit, chance := p.Fit.AssignedClean.Value(), float64(slices.Max(count))/n
	if result.Wilson(int(math.Round(fit*n)), len(assigned)).Low() > chance {
		return
	}
	p.Warnings = append(p.Warnings,
		fmt.Sprintf("the fit to the labels of %s, %.3f, is no better than always naming the most frequent "+
			"one, %.3f: was the model trained on pixels of another normalisation (--normalize), or do the labels have another order "+
			"than the images?", p.Data.LabelSource, fit, chance))
}

// drawLabels assigns labels by the scheme that is given or recorded, if any.
func (d *openedData) drawLabels(o *dataOptions, m *subject, trained *dataset.Set) error {
	if d.scheme == "" {
		return nil
	}
	s, err := labels.Parse(d.scheme)
	if err != nil {
		return o.blame(m, usagef("--%v", err), "labels")
	}
	d.source = "metadata"
	if o.f.Changed("labels") {
		d.source = "--labels"
	}
	seed, err := strconv.ParseUint(o.value("label-seed", m), 10, 64)
	if err != nil {
		return fault.Errorf(m.file, "its metadata are damaged: %w", err)
	}
	ideal, err := strconv.Atoi(cmp.Or(m.record["ideal-views"], "0"))
	if err != nil || ideal < 0 {
		return fault.Errorf(m.file, "its metadata are damaged: %s is %q", meta.IdealViews, m.record["ideal-views"])
	}
	return d.draw(trained, s, seed, ideal)
}

// draw assigns labels as a training run on trained does. True ones are those of any images.
func (d *openedData) draw(trained *dataset.Set, s labels.Scheme, seed uint64, idealViews int) error {
	d.labelSeed = &seed
	if s == (labels.Scheme{}) && idealViews == 0 {
		trained = d.Set
	}
	var drawn []int64
	for _, y := range train.Assigned(trained, s, seed, idealViews) {
		drawn = append(drawn, int64(y))
	}
	return d.pair(d.Spec, drawn, trained.Train.Places())
}

// readAssigned reads the labels of --assigned: one for each image that is stored
// for training, for each that a flag takes, or for each that the model records that
// it was trained on.
func (d *openedData) readAssigned(file string, m *subject, trained *dataset.Set) error {
	values, shape, err := npy.ReadInts(file)
	if err != nil {
		return err
	}
	n := len(values)
	stored, taken := d.Train.Stored(), d.options.TrainFirst > 0 || d.options.TrainIndex != nil
	switch {
	case len(shape) == 2 && shape[1] == 1 && n > 0:
	case len(shape) == 2 && shape[1] == len(d.Classes):
		return fault.Errorf(file, "labels of shape %v look one-hot, want the class of each training image, of shape [%d]",
			shape, stored)
	case len(shape) != 1 || n == 0:
		return fault.Errorf(file, "labels of shape %v, want [%d], one for each training image", shape, stored)
	}
	switch {
	case n == stored:
		return d.pair(file, values, nil)
	case taken && n == d.Train.N():
		return d.pair(file, values, d.Train.Places())
	case m.record["train-limit"] != "" && n == trained.Train.N():
		return d.pair(file, values, trained.Train.Places())
	}
	return fault.Errorf(file, "%d labels for the %d training images of %s; --train-first %d or --train-index FILE.npy says which images they are of",
		n, stored, d.Spec, n)
}

// readOwn reads the labels.npy of a run: one integer for each image it was trained
// on, the first in its row if there is one for each view.
func (d *openedData) readOwn(file string, m *subject, trained *dataset.Set) error {
	if sum, err := digest(file); err != nil || m.labels != "" && sum != m.labels {
		return cmp.Or(err, fault.Errorf(file, "is damaged: its SHA-256 is %s, the run's record has %s", sum, m.labels))
	}
	values, shape, err := npy.ReadInts(file)
	if err != nil {
		return err
	}
	n := trained.Train.N()
	if len(shape) < 1 || len(shape) > 2 || shape[0] != n || len(values) == 0 {
		return fault.Errorf(file, "labels of shape %v, want [%d], one for each training image", shape, n)
	}
	first := make([]int64, n)
	for i := range first {
		first[i] = values[i*(len(values)/n)]
	}
	return d.pair(file, first, trained.Train.Places())
}

// pair gives each training image its label: y[i] is that of the image at
// places[i] of those that are stored, or at i if places is nil.
func (d *openedData) pair(file string, y []int64, places []int) error {
	at := make([]int, d.Train.Stored()) // 1 + the index of the label
	for i := range y {
		if classes := cmp.Or(d.assignedClasses, len(d.Classes)); y[i] < 0 || y[i] >= int64(classes) {
			return fault.Errorf(file, "record %d: label %d, want 0 to %d", i, y[i], classes-1)
		}
		place := i
		if places != nil {
			place = places[i]
		}
		at[place] = i + 1
	}
	d.assigned = make([]int, d.Train.N())
	for i, place := range d.Train.Places() {
		if at[place] == 0 {
			return fault.Errorf(file, "no label for the training image at place %d of %s, which the model was not trained on",
				place, d.Spec)
		}
		d.assigned[i] = int(y[at[place]-1])
	}
	return nil
}
