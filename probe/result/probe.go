package result

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

	Baselines Baselines `json:"baselines"`
	Fit       Fit       `json:"fit"`
	Metrics   []Metric  `json:"metrics,omitempty"` // what is known of each layer
	Layers    []Layer   `json:"layers"`            // in the order in which the graph computes them

	Confusion       *Confusion       `json:"confusion,omitempty"`
	PredictionDepth *PredictionDepth `json:"prediction_depth,omitempty"`
	Verdict         *Verdict         `json:"verdict,omitempty"`

	Warnings []string `json:"warnings,omitempty"` // why a reader may doubt the numbers
}

// Tool is the program that measured.
type Tool struct {
	Version string   `json:"version"`
	Go      string   `json:"go,omitempty"`
	CPU     []string `json:"cpu,omitempty"` // instruction sets in use
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
	Embedding  string            `json:"embedding,omitempty"`   // tensor name of the encoder's output
	Logits     string            `json:"logits,omitempty"`      // tensor name of the network's output
	Scores     string            `json:"scores,omitempty"`      // how the logits were chosen, in a line
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// Data is what the model was probed on.
type Data struct {
	Spec        string   `json:"spec"`
	Name        string   `json:"name,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Train       int      `json:"train"` // samples in the bank
	Test        int      `json:"test"`  // queries
	Classes     []string `json:"classes,omitempty"`
	NumClasses  int      `json:"num_classes"`
	Shape       []int    `json:"shape,omitempty"`  // one image as stored: [C,H,W]
	Resize      string   `json:"resize,omitempty"` // how images were brought to the model's input size
	TrainLimit  int      `json:"train_limit,omitempty"`
	TestLimit   int      `json:"test_limit,omitempty"`
	TrainFirst  int      `json:"train_first,omitempty"` // images, the set's first ones
	SubsetSeed  *uint64  `json:"subset_seed,omitempty"`
	Labels      string   `json:"labels,omitempty"` // scheme of the assigned labels: true, random, noise:P, per-view
	LabelSeed   *uint64  `json:"label_seed,omitempty"`
	LabelSource string   `json:"label_source,omitempty"` // metadata, or the file that gave them
	// AssignedTrue is the fraction of training samples whose assigned label is
	// the true one.
	AssignedTrue *Number `json:"assigned_true,omitempty"`
}

// MinRedrawn is the least Settings.Redrawn that is reported without a warning.
const MinRedrawn = 0.9

// Settings is how it was measured. Nothing that changes a number is left out.
type Settings struct {
	K           []int     `json:"k"`
	Headline    int       `json:"headline_k"` // the k of baselines, intervals, confusion and verdict
	Metric      string    `json:"metric"`     // cosine, euclidean
	Vote        string    `json:"vote"`       // uniform, distance, softmax
	Temperature float64   `json:"temperature,omitempty"`
	Pool        string    `json:"pool"` // avg, max, flatten, none
	Normalize   string    `json:"normalize"`
	Mean        []float64 `json:"mean,omitempty"` // a channel each, subtracted from pixels in [0,1]
	Std         []float64 `json:"std,omitempty"`  // a channel each, by which they are then divided
	// Queries says, for each kind of k-NN accuracy, which samples ask and which
	// answer: "test against train" or "train, leave-one-out".
	Queries   map[string]string `json:"queries,omitempty"`
	Layers    []string          `json:"layers,omitempty"` // the selection as asked for
	Untrained string            `json:"untrained,omitempty"`
	Redrawn   *Number           `json:"redrawn,omitempty"` // share of the parameters that the untrained network has drawn anew
	Augment   string            `json:"augment,omitempty"` // views of the invariance
	Views     int               `json:"views,omitempty"`
	Viewed    int               `json:"viewed_images,omitempty"` // training images that views were made of
	Seed      uint64            `json:"seed"`
	Batch     int               `json:"batch"`
	Threads   int               `json:"threads"`
	Metrics   map[string]string `json:"metrics,omitempty"` // settings of the metrics that are asked for, by their JSON name
}

// Baselines are the references that every accuracy is read against, at
// Settings.Headline neighbours, with true labels.
type Baselines struct {
	Chance    Number   `json:"chance"`               // 1 / number of classes
	Pixels    *Number  `json:"pixels,omitempty"`     // k-NN on raw pixels
	Untrained *Number  `json:"untrained,omitempty"`  // k-NN at the embedding, weights re-drawn
	PixelsKNN Accuracy `json:"pixels_knn,omitempty"` // for every k
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

	Values Values `json:"-"` // of the other metrics; in JSON they lie among the fields
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
