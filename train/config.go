package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"memprobe/internal/suggest"
	"memprobe/train/augment"
	"memprobe/train/dataset"
	"memprobe/train/labels"
	"memprobe/train/optim"
	"memprobe/train/zoo"
)

// Config is everything that decides a run. A field's key, in its json tag, is the
// name of its flag without the dashes, and its name in plans and in run.json; the
// range tag holds the least and, after a comma, the greatest number allowed. Fields adds
// the values of loss, optimizer and schedule to their help, from their tables.
type Config struct {
	Arch      string    `json:"arch" help:"architecture: resnet8, resnet20, resnet18, resnet34, resnet50, vgg11[_bn], vgg16[_bn], mlp, cnn, vit"`
	Stem      string    `json:"stem" help:"small, medium or imagenet: for images of about 32, 64 or 224 pixels"`
	Width     int       `json:"width" range:"0,1048576" help:"channels of the first stage, or units of a layer; 0: the architecture's own"`
	Projector zoo.Units `json:"projector" help:"hidden units of a projector after the embedding, of several layers with commas between; 0: a linear classifier"`
	Init      string    `json:"init" help:"ONNX model to train instead of a new one"`

	// What came later is left out of Map where it is not set, so that the cells of
	// older sweeps keep their names.
	Logits           string `json:"logits,omitempty" help:"tensor of --init that is trained, before any Softmax; default: the output as wide as there are classes"`
	Freeze           string `json:"freeze,omitempty" list:"," help:"weights that stay as they are: names, with *, ** (past slashes too), ? and [1-3] as in a shell; may be repeated"`
	FreezeStatistics bool   `json:"freeze-statistics,omitempty" help:"running statistics that --freeze matches stay too, and normalise instead of the batch's own"`

	Data       string `json:"data" help:"NAME[:PATH] of the images; memprobe data list shows the names"`
	TrainLimit int    `json:"train-limit" range:"0," help:"class-balanced subset of the training images; 0: all"`
	TestLimit  int    `json:"test-limit" range:"0," help:"class-balanced subset of the test images; 0: all"`
	SubsetSeed uint64 `json:"subset-seed" help:"of the subsets"`
	ImageSize  int    `json:"image-size,omitempty" range:"0,65536" help:"resize images to N x N; 0: as stored, or as --init wants them"`
	Preprocess string `json:"preprocess,omitempty" help:"how images come to that size: none, torchvision[:SIDE], timm[:PART]; the presets normalise as imagenet"`
	Normalize  string `json:"normalize" help:"auto (none, or what --init records), none, imagenet, cifar10, MEAN/STD"`

	Labels    string `json:"labels" help:"assigned labels: true, random, random:K (K classes), noise:P, per-view"`
	LabelSeed uint64 `json:"label-seed" help:"of the assigned labels"`

	Augment    string  `json:"augment" help:"none, full, crop-flip, isometry, full-rotations, most-difficult, rand:S, or a printed pipeline"`
	Views      int     `json:"views" range:"0," help:"fixed augmentations of each image; 0: fresh ones every time"`
	Mixup      float64 `json:"mixup" range:"0,1" help:"probability that a batch is mixed"`
	CutMix     float64 `json:"cutmix" range:"0,1" help:"probability that a batch's images are cut into one another"`
	IdealViews int     `json:"ideal-views" range:"0," help:"groups of that many images of one class share a label, each an augmentation of the others"`

	Loss           string  `json:"loss" help:""`
	LabelSmoothing float64 `json:"label-smoothing" range:"0,1" help:"share of the target that all classes share"`

	Optimizer   string  `json:"optimizer" help:""`
	LR          float64 `json:"lr" range:"0," help:"learning rate"`
	Momentum    float64 `json:"momentum" range:"0," help:"of sgd and lars"`
	Nesterov    bool    `json:"nesterov" help:"Nesterov's momentum"`
	WeightDecay float64 `json:"weight-decay" range:"0," help:"of all weights; adamw: decoupled"`
	Beta1       float64 `json:"beta1" range:"0,0.999999999" help:"of adam and adamw"`
	Beta2       float64 `json:"beta2" range:"0,0.999999999" help:"of adam and adamw"`
	Eps         float64 `json:"eps" range:"0," help:"of adam and adamw"`
	Trust       float64 `json:"trust" range:"0," help:"trust coefficient of lars"`
	ClipNorm    float64 `json:"clip-norm" range:"0," help:"largest norm of all gradients together; 0: any"`

	Schedule   string  `json:"schedule" help:"of the learning rate: "`
	Warmup     float64 `json:"warmup" range:"0," help:"epochs, or a part of one, over which the learning rate rises"`
	MinLR      float64 `json:"min-lr" range:"0," help:"where cosine ends"`
	StepEpochs float64 `json:"step-epochs" range:"0," help:"epochs between steps of the schedule; 0: a third of the run"`
	Gamma      float64 `json:"gamma" range:"0," help:"factor of a step of the schedule"`

	Epochs   int  `json:"epochs" range:"1," help:"passes over the training images"`
	Batch    int  `json:"batch" range:"1,1048576" help:"images a step"`
	Shuffle  bool `json:"shuffle" help:"a new order every epoch"`
	DropLast bool `json:"drop-last" help:"leave out an epoch's last batch if it is not full"`

	EvalEvery       int     `json:"eval-every" range:"0," help:"epochs between measurements of clean fit and test accuracy; 0: at the end alone"`
	ProbeEvery      int     `json:"probe-every" range:"0," help:"epochs between k-NN probes of all blocks; 0: none"`
	CheckpointEvery int     `json:"checkpoint-every" range:"0," help:"epochs between checkpoints; 0: a tenth of the run"`
	Metrics         string  `json:"metrics,omitempty" list:"," help:"further metrics of these probes, as of analyze: all, or NAME,…"`
	Bank            string  `json:"bank,omitempty" list:"," help:"where these probes look for neighbours: all (the default), train, held-out, or several"`
	Draws           int     `json:"draws,omitempty" range:"0,10000" help:"untrained networks that these probes compare with; 0: five"`
	StopAtFit       float64 `json:"stop-at-fit" range:"0,1" help:"end the run once the clean fit reaches this; 0: never"`
	LogSteps        bool    `json:"log-steps" help:"write steps.csv"`
	LogLosses       bool    `json:"log-losses,omitempty" help:"write losses.npy, the loss of each training image in each epoch"`

	Seed uint64 `json:"seed" help:"of weights, order, augmentation, mixing and dropout"`
}

// Auto is the normalisation that a model to be trained further records, else none.
const Auto = "auto"

// Default returns the configuration where no flag is given.
func Default() Config {
	return Config{
		Arch: "resnet18", Stem: zoo.Small, Projector: "0", Data: dataset.Embedded, Normalize: Auto, Labels: "true",
		Augment: "none", Loss: CE,
		Optimizer: optim.Adam, LR: 1e-3, Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Trust: 1e-3,
		Schedule: optim.Cosine, Gamma: 0.1, Epochs: 100, Batch: 128, Shuffle: true, EvalEvery: 1,
	}
}

// ConfigError is a value that a configuration cannot have.
type ConfigError struct {
	Key string // of the field, the flag's name without dashes
	Err error  // what was found and what was wanted
}

// Error is of the form "KEY VALUE, want …"; some parsers name the key themselves.
func (e *ConfigError) Error() string {
	return e.Key + " " + strings.TrimPrefix(e.Err.Error(), e.Key+" ")
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// Check returns a ConfigError for the first value that cannot be, alone or beside
// the others.
func (c *Config) Check() error {
	for _, f := range Fields() {
		if err := c.check(f); err != nil {
			return &ConfigError{f.Key, err}
		}
	}
	scheme, _ := labels.Parse(c.Labels)
	switch {
	case c.Init != "" && c.shaped() != "":
		return &ConfigError{c.shaped(), errors.New("does not go with init, whose network has a shape of its own")}
	case c.Init == "" && c.Logits != "":
		return &ConfigError{"logits", errors.New("names a tensor of init, which is not given")}
	case c.Init == "" && !slices.Contains(zoo.Stems(c.Arch), c.Stem):
		return &ConfigError{"stem", suggest.OneOf(c.Stem, zoo.Stems(c.Arch))}
	case scheme.PerView && c.Views == 0:
		return &ConfigError{"labels", errors.New("per-view wants views above 0")}
	case c.IdealViews > 0 && c.Views > 0:
		return &ConfigError{"ideal-views", errors.New("does not go with views, of which it is another kind")}
	case c.Mixup+c.CutMix > 1:
		return &ConfigError{"cutmix", fmt.Errorf("%v and mixup %v are chances of one draw, want a sum of at most 1",
			c.CutMix, c.Mixup)}
	case c.Nesterov && c.Momentum == 0:
		return &ConfigError{"nesterov", errors.New("wants a momentum above 0")}
	case c.FreezeStatistics && c.Freeze == "":
		return &ConfigError{"freeze-statistics", errors.New("wants patterns to freeze")}
	case c.MinLR > c.LR:
		return &ConfigError{"min-lr", fmt.Errorf("%v, want at most the learning rate %v", c.MinLR, c.LR)}
	}
	return nil
}

// shaped is the first key of a new network's shape that is not its default; "" if none is.
func (c *Config) shaped() string {
	d := Default()
	for _, key := range []string{"arch", "stem", "width", "projector"} {
		if c.Get(key) != d.Get(key) {
			return key
		}
	}
	return ""
}

// check holds one value to what its key allows.
func (c *Config) check(f Field) error {
	switch f.Key {
	case "arch":
		return suggest.OneOf(c.Arch, zoo.Archs())
	case "stem":
		return suggest.OneOf(c.Stem, []string{zoo.Small, zoo.Medium, zoo.ImageNet})
	case "projector":
		_, err := c.Projector.Layers()
		return err
	case "freeze":
		if slices.Contains(c.patterns(), "") {
			return fmt.Errorf("%q, want no empty pattern", c.Freeze)
		}
	case "preprocess":
		_, err := dataset.ParsePreprocess(c.Preprocess)
		return err
	case "normalize":
		if c.Normalize != Auto {
			return dataset.CheckNormalization(c.Normalize)
		}
	case "labels":
		_, err := labels.Parse(c.Labels)
		return err
	case "augment":
		_, err := augment.Parse(c.Augment)
		return err
	case "loss":
		return suggest.OneOf(c.Loss, lossNames())
	case "optimizer":
		return suggest.OneOf(c.Optimizer, optim.Names())
	case "schedule":
		return suggest.OneOf(c.Schedule, optim.Schedules())
	}
	return f.Check(c)
}

// settings are the optimiser's.
func (c *Config) settings() optim.Settings {
	return optim.Settings{Optimizer: c.Optimizer, Momentum: c.Momentum, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay,
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, Trust: c.Trust, ClipNorm: c.ClipNorm}
}

// stepEpochs is the number of epochs between steps of the schedule.
func (c *Config) stepEpochs() float64 {
	if c.StepEpochs > 0 {
		return c.StepEpochs
	}
	return max(1, math.Floor(float64(c.Epochs)/3))
}
