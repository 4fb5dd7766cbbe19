package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"memprobe/internal/fault"
	"memprobe/internal/meta"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe/result"
	"memprobe/train"
	"memprobe/train/dataset"
)

// dataOptions are the flags that say which images a model sees.
type dataOptions struct {
	spec                  string
	trainLimit, testLimit int
	seed                  uint64
	imageSize             int
	preprocess            string
	normalize, labels     string
	labelSeed             uint64
	assigned              string
	trainFirst            int
	trainIndex            string
	otherData             bool
	f                     *pflag.FlagSet
}

func (o *dataOptions) flags(f *pflag.FlagSet) {
	o.f = f
	f.StringVar(&o.spec, "data", "", "NAME[:PATH] of the images; default: what the model records, else "+dataset.Embedded)
	f.IntVar(&o.trainLimit, "train-limit", 0,
		"class-balanced subset of the training images; 0: all, or what the model records")
	f.IntVar(&o.testLimit, "test-limit", 0, "class-balanced subset of the test images; 0: all")
	f.Uint64Var(&o.seed, "subset-seed", 0, "of the subsets")
	f.IntVar(&o.imageSize, "image-size", 0,
		"resize images to N x N; 0: as the model wants or records them, else as stored")
	f.StringVar(&o.preprocess, "preprocess", "",
		"how images come to that size: none (shorter side to N), torchvision[:SIDE] (to 256 for 224, or SIDE), timm[:PART] (cubic, to N/0.875 or N/PART); default: what the model records, else none")
	f.StringVar(&o.normalize, "normalize", "auto",
		"auto (what the model records, else imagenet with a preset of --preprocess), none, imagenet, cifar10, MEAN/STD")
	f.StringVar(&o.labels, "labels", "",
		"scheme of the assigned labels: true, random, random:K, noise:P; default: what the model records")
	f.Uint64Var(&o.labelSeed, "label-seed", 0, "of the assigned labels")
	f.StringVar(&o.assigned, "assigned", "",
		"FILE.npy of the assigned labels, an integer for each stored training image, or for each that --train-first or --train-index takes")
	f.IntVar(&o.trainFirst, "train-first", 0, "the first N training images, in the set's order; 0: all")
	f.StringVar(&o.trainIndex, "train-index", "",
		"FILE.npy of the training images to take, by their places in the set from 0")
	f.BoolVar(&o.otherData, "allow-other-data", false, "go on where the data are not those that a RUN was trained on")
}

// subject is a model and what is recorded of how it was made.
type subject struct {
	*onnx.Model
	file   string
	run    string       // the run directory it is of, or ""
	config train.Config // of the run
	record map[string]string
	print  string      // fingerprint of the run's data, or ""
	images string      // fingerprint of the training images that a model of no run records, or ""
	labels string      // checksum of the run's labels, or ""
	notes  []string    // how the model differs from its file
	told   int         // of the notes
	gone   []onnx.Lost // tensors that are in the file alone
	fixed  error       // why a batch that the file fixes at 1 stays so, where that was tried
}

// recordedFlags are the flags, of this command or of train, whose values a model
// records, by metadata key.
func recordedFlags() map[string]string {
	return map[string]string{"data": meta.Data, "train-limit": meta.TrainLimit, "subset-seed": meta.SubsetSeed,
		"image-size": meta.ImageSize, "preprocess": meta.Preprocess, "normalize": meta.Normalize, "labels": meta.Labels,
		"label-seed": meta.LabelSeed, "ideal-views": meta.IdealViews}
}

// loadSubject loads a model file, or a run directory's final model, or, while
// that is not there, its last checkpoint. What is computed of it ends with ctx.
func loadSubject(ctx context.Context, arg string) (*subject, error) {
	s := &subject{file: arg, record: map[string]string{}}
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		if err := s.ofRun(arg); err != nil {
			return nil, err
		}
	}
	if s.Model == nil {
		var err error
		if s.Model, err = onnx.Load(s.file); err != nil {
			return nil, err
		}
	}
	s.Until(ctx)
	if s.GuessesBlock() {
		s.notes = append(s.notes,
			"channels are taken to lie in blocks of 16 (com.microsoft.nchwc), which the model does not say: "+
				"one that was optimised on a machine without AVX-512 has blocks of 8, and its values are wrong here")
	}
	s.dropTail()
	s.fromMetadata()
	return s, nil
}

// fromMetadata takes from the model what it records. Of a run, run.json is believed: a model
// that says otherwise is told of.
func (s *subject) fromMetadata() {
	flags := recordedFlags()
	for _, flag := range slices.Sorted(maps.Keys(flags)) {
		v, ok := s.Metadata(flags[flag])
		switch known, of := s.record[flag]; {
		case !ok:
		case !of:
			s.record[flag] = v
		case v != known:
			s.notes = append(s.notes, fmt.Sprintf("run.json says %s %q, the model's metadata say %q: run.json is followed",
				flag, known, show.Name(v)))
		}
	}
	if s.run == "" {
		s.images, _ = s.Metadata(meta.TrainPrint)
	}
}

// dropTail drops what follows the network and cannot be run, with a note for each
// output that is gone.
func (s *subject) dropTail() {
	outputs, others := s.DropTail()
	for _, l := range outputs {
		s.notes = append(s.notes, fmt.Sprintf("the output %s is left out: %v", show.Name(l.Name), l.Err))
	}
	s.gone = append(outputs, others...)
}

// pruneTail drops what a tail that is gone left behind.
func (s *subject) pruneTail() {
	if len(s.gone) > 0 {
		s.Prune()
	}
}

// freeBatch opens a batch that the file fixes at 1, where that changes nothing else.
func (s *subject) freeBatch(image []int) {
	freed, err := s.FreeBatch(image, nil)
	switch s.fixed = err; {
	case err != nil:
		s.notes = append(s.notes, fmt.Sprintf("the batch stays fixed at 1: %v", err))
	case freed:
		s.notes = append(s.notes, "the batch, fixed at 1 in the file, is open: two images give what each of them gives alone")
	}
}

// tell prints the notes that there are so far, each once.
func (s *subject) tell(std streams) {
	for ; s.told < len(s.notes); s.told++ {
		fmt.Fprintf(std.err, "memprobe: note: %s\n", show.Line(s.notes[s.told]))
	}
}

// ofRun finds a run's model, and takes from run.json what the model may not
// record.
func (s *subject) ofRun(dir string) error {
	s.run = dir
	file := filepath.Join(dir, "run.json")
	run, err := result.ReadRun(file)
	if errors.Is(err, os.ErrNotExist) {
		return fault.Errorf(dir, "no run directory: it has no run.json")
	}
	if err != nil {
		return fault.Wrap(file, err)
	}
	c, err := train.FromMap(run.Config)
	if err != nil {
		return fault.Wrap(file, err)
	}
	s.config, s.print, s.labels = c, run.Data.Fingerprint, run.Data.LabelsSHA256
	s.record = map[string]string{"data": c.Data, "labels": c.Labels, "label-seed": strconv.FormatUint(c.LabelSeed, 10),
		"train-limit": strconv.Itoa(c.TrainLimit), "test-limit": strconv.Itoa(c.TestLimit),
		"subset-seed": strconv.FormatUint(c.SubsetSeed, 10),
		"image-size":  strconv.Itoa(c.ImageSize), "ideal-views": strconv.Itoa(c.IdealViews), "preprocess": c.Preprocess}
	if c.Normalize != train.Auto {
		s.record["normalize"] = c.Normalize
	}
	s.file, s.Model, err = train.LoadModel(dir, run)
	return err
}

// blame returns an error of the command line as one of the model where none of the flags
// that the error is about was given, and the model records one.
func (o *dataOptions) blame(m *subject, err error, flags ...string) error {
	_, usage := errors.AsType[usageError](err)
	_, spec := errors.AsType[*dataset.SpecError](err)
	recorded := func(flag string) bool { return m.record[flag] != "" }
	if (usage || spec) && !slices.ContainsFunc(flags, o.f.Changed) && slices.ContainsFunc(flags, recorded) {
		return fault.Errorf(m.file, "its metadata are damaged: %v", err)
	}
	return err
}

// value is that of a flag: as given, else as recorded, else the flag's default.
func (o *dataOptions) value(flag string, s *subject) string {
	if v, ok := s.record[flag]; ok && !o.f.Changed(flag) {
		return v
	}
	return o.f.Lookup(flag).Value.String()
}
