package result

import "image"

// ProbeSchema names the format of probe.json.
const ProbeSchema = "memprobe.probe/1"

// Probe is everything that one probe of one model found.
type Probe struct {
	Schema   string   `json:"schema"`
	Tool     Tool     `json:"tool"`
	Epoch    *int     `json:"epoch,omitempty"` // training epoch, where the model has one
	Model    Model    `json:"model"`
	Data     Data     `json:"data"`
	Settings Settings `json:"settings"`
	// Config is that of the run that the network is of, as its run.json has it; absent
	// for a model that stands alone.
	Config map[string]any `json:"config,omitempty"`

	Baselines Baselines `json:"baselines"`
	Fit       Fit       `json:"fit"`
	Metrics   []Metric  `json:"metrics,omitempty"` // what is known of each layer
	Layers    []Layer   `json:"layers"`            // in the order in which the graph computes them

	Confusion       *Confusion       `json:"confusion,omitempty"`
	PredictionDepth *PredictionDepth `json:"prediction_depth,omitempty"`
	Verdict         *Verdict         `json:"verdict,omitempty"`
	Depth           *Depth           `json:"depth,omitempty"`
	Samples         *Samples         `json:"samples,omitempty"`
	Against         *Against         `json:"against,omitempty"`
	Map             *Map             `json:"map,omitempty"`

	Warnings []string `json:"warnings,omitempty"` // why a reader may doubt the numbers

	// Picture draws a training image, by its row in Samples and Map, in at most side
	// pixels a side; nil, as its result may be, where there is nothing to draw.
	Picture func(row, side int) image.Image `json:"-"`
}

// Tool is the program that measured.
type Tool struct {
	Version string `json:"version"`
	Go      string `json:"go,omitempty"`
	// Command measures the same again: without flags that change no number.
	Command string `json:"command,omitempty"`
}

// Machine is where something was measured. No number depends on it, so it stands
// apart from them, in machine.json.
type Machine struct {
	CPU     []string `json:"cpu"` // instruction sets in use
	Threads int      `json:"threads"`
}

// Model is the network that was probed.
type Model struct {
	Path       string            `json:"path"`
	SHA256     string            `json:"sha256,omitempty"`
	Name       string            `json:"name,omitempty"` // the graph's name
	Opset      int               `json:"opset,omitempty"`
	Producer   string            `json:"producer,omitempty"`
	Parameters int64             `json:"parameters"`
	Trained    int64             `json:"trained_parameters,omitempty"` // of a run
	Frozen     int64             `json:"frozen_parameters,omitempty"`  // of a run, those that stay as they are
	Input      string            `json:"input,omitempty"`
	InputShape []int             `json:"input_shape,omitempty"` // one sample: [C,H,W]
	Inputs     []Input           `json:"inputs,omitempty"`      // all, where samples are arrays
	Embedding  string            `json:"embedding,omitempty"`   // tensor name of the encoder's output
	Logits     string            `json:"logits,omitempty"`      // tensor name of the network's output
	Scores     string            `json:"scores,omitempty"`      // how the logits were chosen, in a line
	Notes      []string          `json:"notes,omitempty"`       // how it differs from its file
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// Input is an input of a model that takes an array of each sample.
type Input struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"` // of one sample
	// Mask says that it is taken as the mask: where it is 0, a token is padding.
	Mask bool `json:"mask,omitempty"`
}

// Data is what the model was probed on.
type Data struct {
	Spec        string   `json:"spec"`
	Name        string   `json:"name,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Train       int      `json:"train"` // images that the network was trained on
	Test        int      `json:"test"`  // queries
	Classes     []string `json:"classes,omitempty"`
	NumClasses  int      `json:"num_classes"`
	Shape       []int    `json:"shape,omitempty"`      // one image as stored: [C,H,W]
	Vectors     bool     `json:"vectors,omitempty"`    // samples are vectors or arrays, no images
	Resize      string   `json:"resize,omitempty"`     // how images were brought to the model's input size
	Preprocess  string   `json:"preprocess,omitempty"` // the preset of that: torchvision, timm
	TrainLimit  int      `json:"train_limit,omitempty"`
	TestLimit   int      `json:"test_limit,omitempty"`
	TrainFirst  int      `json:"train_first,omitempty"` // images, the set's first ones
	SubsetSeed  *uint64  `json:"subset_seed,omitempty"`
	Labels      string   `json:"labels,omitempty"` // scheme of the assigned labels: true, random, noise:P, per-view
	LabelSeed   *uint64  `json:"label_seed,omitempty"`
	LabelSource string   `json:"label_source,omitempty"` // metadata, or the file that gave them
	// LabelsSHA256 is the checksum of a run's labels.npy, in its record alone.
	LabelsSHA256 string `json:"labels_sha256,omitempty"`
	// AssignedClasses is how many classes assigned labels of the scheme random:K have;
	// 0: those of the set.
	AssignedClasses int `json:"assigned_classes,omitempty"`
	// AssignedTrue is the fraction of training samples whose assigned label is
	// the true one; absent where they are of other classes.
	AssignedTrue *Number `json:"assigned_true,omitempty"`
	Banks        []Bank  `json:"banks,omitempty"` // the first is that of Layer.KNN, the baselines and the verdict
}

// Bank is the images that neighbours are looked for among.
type Bank struct {
	Name   string  `json:"name"` // all, train, held-out
	Images int     `json:"images"`
	Seen   int     `json:"seen"`             // of them, by the network in training
	Pixels *Number `json:"pixels,omitempty"` // k-NN on raw pixels
}

// MinRedrawn is the least Settings.Redrawn that is reported without a warning.
const MinRedrawn = 0.9

// Settings is how it was measured. Nothing that changes a number is left out.
type Settings struct {
	K           []int   `json:"k"`
	Headline    int     `json:"headline_k"` // the k of baselines, intervals, confusion and verdict
	Metric      string  `json:"metric"`     // cosine, euclidean
	Vote        string  `json:"vote"`       // uniform, distance, softmax
	Temperature float64 `json:"temperature,omitempty"`
	// Pool is avg, max, flatten, none, mean, last, cls or token:N; "auto: cls" where the
	// graph decided, which Tokens explains.
	Pool      string    `json:"pool"`
	Tokens    string    `json:"tokens,omitempty"` // how the head reads the tokens of the layers
	Raw       string    `json:"raw,omitempty"`    // what samples without pixels have in their place, in a line
	Normalize string    `json:"normalize"`
	Mean      []float64 `json:"mean,omitempty"` // a channel each, subtracted from pixels in [0,1]
	Std       []float64 `json:"std,omitempty"`  // a channel each, by which they are then divided
	// Queries says, for each kind of k-NN accuracy, which samples ask and which
	// answer: "test against train" or "train, leave-one-out".
	Queries    map[string]string `json:"queries,omitempty"`
	Layers     []string          `json:"layers,omitempty"` // the selection as asked for
	Untrained  string            `json:"untrained,omitempty"`
	Redrawn    *Number           `json:"redrawn,omitempty"`              // share of the parameters that an untrained network has drawn anew
	Draws      int               `json:"draws,omitempty"`                // untrained networks
	Statistics string            `json:"untrained_statistics,omitempty"` // of their normalisations: estimated, initial
	Augment    string            `json:"augment,omitempty"`              // views of the invariance
	Features   string            `json:"features,omitempty"`             // "float16" where they were rounded to it
	Views      int               `json:"views,omitempty"`
	Viewed     int               `json:"viewed_images,omitempty"` // training images that views were made of
	Seed       uint64            `json:"seed"`
	Batch      int               `json:"batch"`
	Metrics    map[string]string `json:"metrics,omitempty"` // settings of the metrics that are asked for, by their JSON name
}

// Baselines are the references that every accuracy is read against, at
// Settings.Headline neighbours, with true labels.
type Baselines struct {
	Chance    Number   `json:"chance"`               // 1 / number of classes
	Pixels    *Number  `json:"pixels,omitempty"`     // k-NN on raw pixels
	Untrained *Number  `json:"untrained,omitempty"`  // k-NN at the embedding, weights re-drawn, the mean of the draws
	PixelsKNN Accuracy `json:"pixels_knn,omitempty"` // for every k
	// AugmentedPixels is k-NN on raw pixels with a bank of the images and of views of
	// each, by the augmentation that the network was trained with.
	AugmentedPixels *Number `json:"augmented_pixels,omitempty"`
	// UntrainedKNN is the untrained network at the embedding for every k; its
	// other layers are in Layer.Untrained.
	UntrainedKNN Accuracy `json:"untrained_knn,omitempty"`
}

// Fit is the accuracy of the network's own predictions in evaluation mode.
type Fit struct {
	AssignedClean *Number `json:"assigned_clean,omitempty"` // training images as they are, assigned labels
	TrueClean     *Number `json:"true_clean,omitempty"`     // training images as they are, true labels
	Augmented     *Number `json:"assigned_augmented,omitempty"`
	Test          *Number `json:"test,omitempty"` // test images, true labels
}

// Layer is one tapped tensor.
type Layer struct {
	Name  string `json:"name"` // of the tensor
	Op    string `json:"op"`   // that computes it; empty for a graph input
	Index int    `json:"index"`
	Shape []int  `json:"shape"` // of one sample, before pooling
	Dim   int    `json:"dim"`   // of the pooled features
	Pool  string `json:"pool,omitempty"`
	Role  string `json:"role,omitempty"` // input, block, embedding, projector, logits

	KNN         KNN       `json:"knn"`
	LeaveOneOut *KNN      `json:"leave_one_out,omitempty"`
	Untrained   *KNN      `json:"untrained,omitempty"`
	Intervals   Intervals `json:"intervals,omitzero"`

	Draws   *Draws            `json:"draws,omitempty"`   // of the untrained network
	Margins map[string]Margin `json:"margins,omitempty"` // by baseline: untrained, pixels, augmented_pixels, joined_pixels
	Verdict string            `json:"verdict,omitempty"` // by the bands of the margins
	// AssignedBand is where the accuracy with assigned labels would lie in 95 % of
	// cases, at all layers at once, did the layer know of the true labels alone.
	AssignedBand *Interval `json:"assigned_band,omitempty"`

	Values Values `json:"-"` // of the other metrics; in JSON they lie among the fields
}

// Draws are the untrained networks' accuracies at Settings.Headline, true labels.
type Draws struct {
	Accuracies []Number `json:"accuracies"`
	Mean       Number   `json:"mean"`
	SD         Number   `json:"sd"`   // of the sample; null for one draw
	Rank       int      `json:"rank"` // of the trained network among them and itself; 1: above all
}

// Margin is by how much a layer's accuracy is above a baseline's, true labels.
type Margin struct {
	Margin  Number   `json:"margin"`
	CI      Interval `json:"ci"`   // 95 %, of this layer alone
	Band    Interval `json:"band"` // 95 %, of all layers at once
	McNemar *McNemar `json:"mcnemar,omitempty"`
}

// McNemar counts the queries on which one of two is right and the other is not: the
// layer and the baseline, of untrained networks the first draw.
type McNemar struct {
	First  int    `json:"layer_alone"`
	Second int    `json:"baseline_alone"`
	P      Number `json:"p"` // two-sided, exact
}

// KNN is a k-NN accuracy by label set.
type KNN struct {
	True     Accuracy `json:"true,omitempty"`
	Assigned Accuracy `json:"assigned,omitempty"`
}

// Intervals are Wilson's 95 % intervals of Layer.KNN at Settings.Headline.
type Intervals struct {
	True     *Interval `json:"true,omitempty"`
	Assigned *Interval `json:"assigned,omitempty"`
}

// Depth says where memorization begins and where the features are best.
type Depth struct {
	Layers int `json:"layers"` // that can be either: all but the input
	// Begins is the first layer whose accuracy with assigned labels is above its
	// AssignedBand; "" if none is, or none are known.
	Begins   string `json:"memorization_begins,omitempty"`
	BeginsAt int    `json:"memorization_begins_at,omitempty"` // from 1
	// Peak is the last layer whose accuracy with true labels reaches the lower end of
	// the best one's band.
	Peak     string `json:"features_peak"`
	PeakAt   int    `json:"features_peak_at"`
	Sentence string `json:"sentence"`
}

// Confusion counts the probe's answers at one layer: Counts[t][p] queries of
// true class t were called p.
type Confusion struct {
	Layer   string   `json:"layer"`
	K       int      `json:"k"`
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"`
}

// PredictionDepth summarises, over the test set, the first layer from which on
// the k-NN probes of all layers agree with the network's prediction
// (Baldock et al. 2021). Counts[i] samples have depth Layers[i]; the last
// count, one more than there are layers, is of those that even the last
// layer's probe contradicts.
type PredictionDepth struct {
	K      int      `json:"k"`
	Layers []string `json:"layers"`
	Counts []int    `json:"counts"`
	Mean   Number   `json:"mean"` // in layers, from 0
	Median Number   `json:"median"`
}
