package main

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/npy"
	"memprobe/probe"
	"memprobe/train"
)

// perImage has single images described, with what the losses of the run tell, where
// there are some.
func (o *analyzeOptions) perImage(m *subject, set *openedData, po *probe.Options) error {
	po.PerImage = o.samples && set.assigned != nil
	if o.data.f.Changed("samples") && o.samples && set.assigned == nil {
		return usagef("--samples: the labels that %s was trained on are not known: %s", m.file,
			strings.Join(append(set.warnings, "--assigned gives them"), "; "))
	}
	c := m.config
	if !po.PerImage || !c.LogLosses || set.trainedOnPlaces == nil {
		return nil
	}
	var err error
	po.Losses, err = set.readLosses(filepath.Join(m.run, train.LossesFile))
	if err == nil && po.Losses != nil {
		po.Losses.Wrong = probe.WrongLoss(c.Loss == train.MSE, cmp.Or(set.assignedClasses, len(set.Classes)),
			c.LabelSmoothing)
	}
	return err
}

// readLosses reads the losses of a run, [epochs,images], and brings them in the order
// of the training images; one that the run was not trained on has NaN. nil: there are
// none.
func (d *openedData) readLosses(file string) (*probe.Losses, error) {
	places := d.trainedOnPlaces
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := npy.ReadHead(f)
	if err != nil {
		return nil, fault.Wrap(file, err)
	}
	if len(h.Shape) != 2 || h.Shape[1] != len(places) || h.Kind != 'f' {
		return nil, fault.Errorf(file, "losses of shape %v, want [epochs,%d]", h.Shape, len(places))
	}
	values, err := h.Floats(f)
	if err != nil {
		return nil, fault.Wrap(file, err)
	}
	if slices.Equal(places, d.Train.Places()) {
		return &probe.Losses{Epochs: h.Shape[0], Values: values}, nil
	}
	at := map[int]int{}
	for i, place := range places {
		at[place] = i
	}
	l := &probe.Losses{Epochs: h.Shape[0]}
	for e := range l.Epochs {
		for _, place := range d.Train.Places() {
			v := float32(math.NaN())
			if i, ok := at[place]; ok {
				v = values[e*len(places)+i]
			}
			l.Values = append(l.Values, v)
		}
	}
	return l, nil
}
