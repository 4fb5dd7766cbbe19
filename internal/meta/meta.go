// Package meta has the keys of metadata_props under which a model records how it
// was made, so that it can be analysed without a flag.
package meta

// The keys. Values are those of the command line's flags of the same name.
const (
	Data       = "memprobe.data"
	TrainPrint = "memprobe.train_fingerprint" // of the training images, as they were fed but for normalisation
	TrainLimit = "memprobe.train_limit"
	SubsetSeed = "memprobe.subset_seed"
	ImageSize  = "memprobe.image_size" // where images were resized to it
	Preprocess = "memprobe.preprocess" // how, where a preset says it
	Normalize  = "memprobe.normalize"
	Labels     = "memprobe.labels"
	LabelSeed  = "memprobe.label_seed"
	IdealViews = "memprobe.ideal_views"
	Augment    = "memprobe.augment"
	Epoch      = "memprobe.epoch"     // that the weights are of
	Logits     = "memprobe.logits"    // name of the scores, where it was given
	Embedding  = "memprobe.embedding" // name of the encoder's output
)
