package probe

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"memprobe/internal/parallel"
	"memprobe/internal/record"
	"memprobe/internal/suggest"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/probe/store"
)

// Options say how a model is probed. The zero value of a field is its default.
//
// What a command line can set has a key, which is the name of its flag. Flags, help, the
// manual page, completions and the settings in probe.json are made from the tags, which
// package record describes: an option is written once, here.
type Options struct {
	Layers      []string   `json:"layers" default:"blocks" place:"settings.layers" help:"tensor names as GLOB,… (* within slashes, ** past them), all, or blocks"`
	Logits      string     `json:"logits" place:"model.scores" help:"tensor of the network's scores, after which no block comes; default: the output as wide as there are classes, before any Softmax"`
	K           []int      `json:"k" default:"20" range:"1," place:"settings.k" help:"numbers of neighbours; the last, or 20 if listed, is drawn"`
	Pooling     Pooling    `json:"pool" place:"settings.pool" help:"how maps and tokens become vectors: auto (maps by avg, tokens as the head reads them), avg, max, flatten, none, mean, last, cls, token:N"`
	Metric      knn.Metric `json:"metric" place:"settings.metric" help:"cosine or euclidean"`
	Vote        knn.Vote   `json:"vote" place:"settings.vote" help:"uniform, distance or softmax"`
	Temperature float64    `json:"temperature" default:"0.07" range:"(0," place:"settings.temperature" help:"of the softmax vote"`
	Metrics     []string   `json:"metrics" place:"metrics" help:"further metrics of every layer: all, or some of "`
	Bank        []string   `json:"bank" default:"all" place:"data.banks" help:"where neighbours are looked for, the first decides: all training images of the set, train (those the model was trained on), held-out (the others)"`
	Draws       int        `json:"draws" default:"5" range:"0," place:"settings.draws" help:"untrained networks that the model is compared with; 0: none"`
	Statistics  string     `json:"untrained-statistics" default:"initial" place:"settings.untrained_statistics" help:"of their normalisations: initial (mean 0, variance 1), or estimated on images"`
	Margin      float64    `json:"margin" default:"0.02" range:"(0,1)" place:"verdict.min_margin" help:"difference of accuracies that counts in verdicts"`
	Views       int        `json:"views" default:"4" range:"2," place:"settings.views" help:"of an image, for the invariance"`
	Images      int        `json:"view-images" default:"256" range:"2," place:"settings.viewed_images" help:"training images that views are made of"`
	Batch       int        `json:"batch" default:"64" range:"1," place:"settings.batch" help:"images a pass; a model of a fixed batch keeps its own"`
	Seed        uint64     `json:"seed" place:"settings.seed" help:"of untrained and fresh weights and of every sample"`

	Headline  int            // the k of summaries; default 20 if among K, else the last of K
	Mean, Std []float32      // normalisation of pixels, one a channel; default none
	Workers   *parallel.Pool // nil: the caller's goroutine alone

	NoUntrained bool // leave out the untrained networks
	// Keep is a folder that keeps the answers of untrained networks and pixels for
	// probes of the same architecture with the same images and settings; "": none.
	Keep string
	// Kin are folders of other runs that may have kept the same; they are read alone.
	Kin []string
	// Cost, if not nil, is told before untrained networks are run how many there are,
	// how many images each sees, and how long the trained one took for as many.
	Cost func(draws, images int, each time.Duration)
	// Augmentation writes views as the network saw them in training, as Augment does;
	// with it pixels with a bank of images and Views views of each are a baseline.
	Augmentation     func(dst, src []float32, image, view int)
	AugmentationName string // the pipeline, as it is printed

	// LeaveOneOut measures leave-one-out on the bank also where no assigned
	// labels and test images make it unnecessary.
	LeaveOneOut bool
	// PerImage describes each training image: result.Probe.Samples. Losses, if not nil,
	// adds what a run's losses tell of it.
	PerImage bool
	Losses   *Losses
	// Map is how many training images result.Probe.Map places by the features of every
	// layer; 0: there is no map.
	Map int
	// FitAugmented is the fit on augmented batches, if it was measured; the verdict
	// counts the better of it and of the fit to images as they are.
	FitAugmented *result.Number

	// Augment writes view number view of an image (pixels in [0,1], [C,H,W]) to
	// dst; with it the invariance of every layer is measured. It is called from
	// several goroutines at once.
	Augment func(dst, src []float32, image, view int)

	// Against, if not nil, is another network whose layers are compared with those of the
	// model: result.Probe.Against.
	Against *Against

	Own     []Metric // further rows of the table of metrics
	Samples int      `default:"2000"` // of the bank for cka, rankme, twonn and nc1
	Lambda  float64  `default:"1e-3"` // L2 penalty of the linear probe

	// MaxMemory bounds the features held at a time, in bytes; default 2 GiB.
	// Layers beyond it take another pass over the data. An input that takes more than
	// half of it is no layer, unless Layers names it; the pixels stand for it.
	MaxMemory int64

	// Store, if not nil, keeps the features of all layers but the input, of splits that
	// have a method Fingerprint() string. Program is what computes them, so that those
	// of another version are none. AugmentName is the pipeline of Augment, with its seed.
	Store                *store.Store
	Program, AugmentName string

	// Progress, if not nil, is told how many of total images are through a
	// stage: a network, or the search for their neighbours at a layer.
	Progress func(stage string, done, total int)
}

// depthK is the number of neighbours of the prediction depth (Baldock et al.).
const depthK = 30

// Option describes one field of Options that has a key.
type Option = record.Field

// OptionFields returns the fields of Options that have a key, in their order.
func OptionFields() []Option {
	fields := record.Fields[Options]()
	for i := range fields {
		if fields[i].Key == "metrics" {
			fields[i].Help += strings.Join(MetricNames(), ", ")
		}
	}
	return fields
}

// SettingError is an option that cannot have its value, alone or with the data.
type SettingError struct {
	Key string // the option, as the command line calls it
	Err error  // what was found and what was wanted
}

func (e *SettingError) Error() string { return e.Key + " " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// Set gives the option of a key a value, as a command line has it. The error is a
// SettingError that says what is allowed; the options then stay as they were.
func (o *Options) Set(key string, value any) error {
	for _, f := range OptionFields() {
		if f.Key != key {
			continue
		}
		next := *o
		err := f.Set(&next, value)
		if err == nil {
			err = next.checkField(f)
		}
		if err != nil {
			return &SettingError{key, err}
		}
		*o = next
		return nil
	}
	return &SettingError{key, errors.New("is no option")}
}

// check holds all options to what they allow.
func (o *Options) check() error {
	for _, f := range OptionFields() {
		if err := o.checkField(f); err != nil {
			return &SettingError{f.Key, err}
		}
	}
	return nil
}

// checkField holds one option to what it allows.
func (o *Options) checkField(f Option) error {
	switch f.Key {
	case "metrics":
		return CheckMetrics(o.Metrics)
	case "bank":
		return CheckBanks(o.Bank)
	case "untrained-statistics":
		return suggest.OneOf(o.Statistics, StatisticsKinds())
	}
	return f.Check(o)
}

// DefaultOptions are those where nothing is asked for.
func DefaultOptions() Options {
	var o Options
	record.SetDefaults(&o)
	return o
}

func (o Options) withDefaults() Options {
	record.SetDefaults(&o)
	o.K = slices.Compact(slices.Sorted(slices.Values(o.K)))
	if slices.Contains(o.K, 20) {
		o.Headline = cmp.Or(o.Headline, 20)
	}
	o.Headline = cmp.Or(o.Headline, o.K[len(o.K)-1])
	o.MaxMemory = cmp.Or(o.MaxMemory, 2<<30)
	return o
}

// settings are those of the result: the options, but for what does not count in this
// probe, and what is known besides.
func (r *runner) settings() result.Settings {
	s := result.Settings{Headline: r.Headline, Normalize: "none", Queries: map[string]string{"true": "test against " + r.bankName()}}
	record.Place(&s, "settings.", &r.Options)
	s.Batch = r.in.batch
	s.Pool, s.Tokens = r.poolingInWords()
	if r.raw.counts() {
		s.Raw = TokenCounts
	}
	if r.Vote != knn.Softmax {
		s.Temperature = 0
	}
	if r.NoUntrained {
		s.Draws, s.Statistics = 0, ""
	} else {
		s.Untrained = UntrainedRule
	}
	if r.Augment == nil {
		s.Views, s.Viewed = 0, 0
	} else {
		s.Viewed = len(r.viewed)
	}
	if r.data.Test == nil {
		s.Queries["true"] = r.bankName() + ", leave-one-out"
	}
	if r.data.Assigned != nil {
		s.Queries["assigned"] = "train, leave-one-out"
	}
	if len(r.Mean) > 0 {
		s.Normalize = "mean/std"
		for c := range r.Mean {
			s.Mean, s.Std = append(s.Mean, float64(r.Mean[c])), append(s.Std, float64(r.Std[c]))
		}
	}
	if len(r.stored) > 0 && r.Store.Type == store.Float16 {
		s.Features = string(store.Float16)
	}
	for _, m := range r.metrics {
		if m.Measure != nil && m.Settings != "" {
			if s.Metrics == nil {
				s.Metrics = map[string]string{}
			}
			s.Metrics[m.Name] = m.Settings
		}
	}
	return s
}
