package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"memprobe/internal/fault"
	"memprobe/internal/show"
	"memprobe/probe"
	"memprobe/probe/result"
	"memprobe/report"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

// rival is the network of --against, with the images as it takes them.
type rival struct {
	*subject
	data *openedData
}

// openAgainst loads the network of --against and opens the images of set for it. nil
// if there is none.
func (o *analyzeOptions) openAgainst(ctx context.Context, m *subject, set *openedData,
	po *probe.Options) (*rival, error) {
	if o.against == "" {
		return nil, nil
	}
	s, err := loadSubject(ctx, o.against)
	if err != nil {
		return nil, err
	}
	s.pruneTail()
	d := &openedData{options: set.options, normalize: dataset.NoNormalization}
	if v, ok := s.record["normalize"]; ok && v != "auto" {
		d.normalize = v
	} else if o.data.f.Changed("normalize") {
		d.normalize = set.normalize
	}
	d.options.Channels, d.options.Height = 0, set.options.Height
	if want, _ := imageShape(s); len(want) == 3 && want[1] > 0 && want[2] > 0 {
		d.options.Height = 0 // it has a size of its own
	}
	if v, ok := s.record["image-size"]; ok {
		if d.options.Height, err = strconv.Atoi(v); err != nil || d.options.Height < 0 {
			return nil, fault.Errorf(s.file, "its metadata are damaged: image size %q", v)
		}
	}
	if v, ok := s.record["preprocess"]; ok {
		if d.options.Preprocess, err = dataset.ParsePreprocess(v); err != nil {
			return nil, fault.Errorf(s.file, "its metadata are damaged: preprocess %w", err)
		}
	}
	d.options.Width = d.options.Height
	if err := d.images(ctx, set.Spec, s, false); err != nil {
		return nil, err
	}
	if po.Against, err = o.asTaken(ctx, s, d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	for _, key := range []string{"data", "train-limit", "subset-seed"} {
		if a, b := m.record[key], s.record[key]; a != b && !o.data.f.Changed(key) {
			set.warn("%s was trained on other images than %s: %s %s, not %s", s.file, m.file, key, cmp.Or(b, "not known"),
				cmp.Or(a, "not known"))
		}
	}
	return &rival{s, d}, nil
}

// asTaken is the network with the images as it takes them.
func (o *analyzeOptions) asTaken(ctx context.Context, s *subject, d *openedData) (*probe.Against, error) {
	if v, err := labels.Parse(s.record["labels"]); err == nil {
		d.assignedClasses = v.Classes
	}
	if err := d.openRest(ctx, o.probe.Bank); err != nil {
		return nil, err
	}
	mean, std, err := d.normalization()
	return &probe.Against{Model: s.Model, Data: d.probeData(), Mean: mean, Std: std, Logits: s.config.Logits}, err
}

// describe says which network the other one is.
func (r *rival) describe(a *result.Against) error {
	var err error
	a.Model.Path, a.Model.Notes, a.Normalize = r.file, slices.Concat(r.notes, r.data.Notes), r.data.normalize
	a.Model.SHA256, err = digest(r.file)
	return err
}

// Close releases the images.
func (r *rival) Close() error {
	if r == nil {
		return nil
	}
	return r.data.Close()
}

// printAgainst prints how the network agrees with the other one.
func printAgainst(std streams, p *result.Probe) error {
	a := p.Against
	fmt.Fprintf(std.out, "\n%s\n", show.Line(report.AgainstSentence(p)))
	if err := report.MatchTable(a).Write(std.out, "text"); err != nil || len(a.Differ) == 0 {
		return err
	}
	const most = 10
	fmt.Fprintf(std.out,
		"\nwhere the neighbours at %s answer differently, the first %d, fewest common neighbours first:\n",
		p.Model.Embedding, min(most, len(a.Differ)))
	return report.DifferTable(p, most).Write(std.out, "text")
}
