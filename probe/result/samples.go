package result

// Samples says what a probe found of single training images: summaries, and in Rows,
// which are not written to JSON, each image.
type Samples struct {
	K      int      `json:"k"`       // neighbours, leave-one-out among the training images
	DepthK int      `json:"k_depth"` // those of the prediction depth
	Layers []string `json:"layers"`  // of the shares and depths, in order
	Images int      `json:"images"`
	// Mislabelled counts the images whose assigned label is not the true one: the
	// lists and counts below are of them, or of all where there are none.
	Mislabelled int `json:"mislabelled"`
	// FlipCounts[i] of them have flip depth i; the last count, one more than there are
	// layers, is of those that never flip.
	FlipCounts []int `json:"flip_counts"`
	Epochs     int   `json:"epochs,omitempty"` // of the losses

	Agreement *Agreement `json:"agreement,omitempty"`

	Memorized []Sample `json:"most_memorized,omitempty"` // by the share of the assigned label at the embedding
	Earliest  []Sample `json:"earliest_flips,omitempty"`
	Latest    []Sample `json:"latest_flips,omitempty"`
	// Never are those whose neighbours agree at no layer: nowhere do most of them carry
	// the true label, nor the assigned one.
	Never []Sample `json:"never_agree,omitempty"`

	Rows []Sample `json:"-"`
}

// Sample is one training image. What does not apply is absent.
type Sample struct {
	Index    int    `json:"index"`          // its place among the set's stored training images, from 0
	File     string `json:"file,omitempty"` // within the set, where each image is one
	True     int    `json:"true"`           // class
	Assigned int    `json:"assigned"`       // label that the network was trained on
	// Prediction is the network's own answer to the image as it is.
	Prediction *int `json:"prediction,omitempty"`

	TrueShare     []float32 `json:"true_share"`     // of the neighbours that have the image's true label, by layer
	AssignedShare []float32 `json:"assigned_share"` // that were assigned the image's assigned label
	// FlipDepth is the first layer, from 0, from which on most neighbours, more than
	// half, carry the assigned label; nil if at the last layer they do not.
	FlipDepth *int `json:"flip_depth,omitempty"`
	// PredictionDepth is the first layer, from 0, from which on all k-NN votes with the
	// assigned labels agree with the network's answer (Baldock et al. 2021); the number
	// of layers, if the last layer's does not.
	PredictionDepth *int `json:"prediction_depth,omitempty"`

	Trace *Trace `json:"trace,omitempty"` // of a run that logged losses
}

// Trace is what an image's losses over the epochs of a run tell. The image is learned
// in an epoch if its loss is less than any wrong answer's.
type Trace struct {
	Learned    *int   `json:"learning_epoch,omitempty"` // the first in which it is learned, from 1; nil if never
	Forgotten  int    `json:"forgetting_events"`        // how often it is learned in an epoch and not in the next (Toneva et al. 2019)
	Cumulative Number `json:"cumulative_loss"`          // the sum over the epochs
	Final      Number `json:"final_loss"`               // of the last epoch that visited it
	Spread     Number `json:"loss_spread"`              // the distance of the quartiles
}

// Agreement is Spearman's rank correlation between measures of the images; NaN where a
// measure is the same for all.
type Agreement struct {
	Images   int        `json:"images"`
	Measures []string   `json:"measures"`
	Spearman [][]Number `json:"spearman"` // [measure][measure]
}
