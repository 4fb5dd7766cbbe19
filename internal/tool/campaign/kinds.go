package main

// kind is a kind of input, and what reads it.
type kind struct {
	name   string
	at     string   // file or folder below the good ones, of which a copy is damaged
	damage string   // pattern of the files that are damaged, below a folder
	reads  []string // command lines; X is the copy, GOOD the folder of good files, OUT a new path
	run    bool     // X is a training run, which the first command line brings to its end
}

const probed = " --draws 1 --format html --k 3 --quiet --out OUT"

// kinds are the inputs of every reader. The first command line of each must accept
// the good file.
func kinds() []kind {
	models := []string{
		"analyze X --data npz:GOOD/set.npz" + probed, "inspect X --json",
		"extract X --input GOOD/input.npy --layers all --quiet --out OUT.npz",
		"train --init X --data npz:GOOD/set.npz --batch 16 --epochs 1 --quiet --out OUT", "inspect X",
	}
	return []kind{
		{name: "model of convolutions", at: "cnn.onnx", reads: models},
		{name: "model with attention", at: "vit.onnx", reads: models},
		{name: "metadata of a model", at: "cnn.onnx", reads: []string{"analyze X" + probed}},
		{name: "set in npz", at: "set.npz",
			reads: []string{"data info npz:X", "analyze GOOD/cnn.onnx --data npz:X" + probed}},
		{name: "set in idx", at: "idx", damage: "*", reads: []string{"data info idx:X"}},
		{name: "set in idx.gz", at: "idxgz", damage: "*", reads: []string{"data info idx:X"}},
		{name: "set of pictures", at: "images", damage: "*/*/*", reads: []string{"data info images:X --image-size 8"}},
		{name: "set of pictures in zip", at: "images.zip", reads: []string{"data info images:X --image-size 8"}},
		{name: "set in binary batches", at: "cifar", damage: "*", reads: []string{"data info cifar10:X"}},
		{name: "set in tar.gz", at: "cifar.tar.gz", reads: []string{"data info cifar10:X"}},
		{name: "set in pickles", at: "pickle", damage: "data_batch_1", reads: []string{"data info cifar10:X"}},
		{name: "set in parquet", at: "parquet", damage: "*", reads: []string{"data info parquet:X"}},
		{name: "labels", at: "assigned.npy",
			reads: []string{"analyze GOOD/cnn.onnx --data npz:GOOD/set.npz --assigned X" + probed}},
		{name: "input in npy", at: "input.npy", reads: []string{"extract GOOD/cnn.onnx --input X --quiet --out OUT.npz"}},
		{name: "plan", at: "plan.yaml",
			reads: []string{"sweep X --emit shell --out OUT", "sweep X --dry-run --json --quiet --out OUT"}},
		{name: "run", at: "run", damage: "*", run: true,
			reads: []string{"train --resume X --quiet", "analyze X" + probed, "compare X --format html --out OUT"}},
		{name: "checkpoints of a run", at: "run", damage: "checkpoints/*", run: true,
			reads: []string{"train --resume X --quiet"}},
		{name: "probes of a run", at: "run", damage: "probe/*", run: true,
			reads: []string{"train --resume X --quiet", "compare X --format html --out OUT"}},
		{name: "state of a run", at: "run", damage: "checkpoints/state.safetensors", run: true,
			reads: []string{"train --resume X --quiet"}},
		{name: "losses of a run", at: "run", damage: "losses.npy", run: true,
			reads: []string{"train --resume X --quiet", "analyze X" + probed}},
		{name: "weights in another file", at: "external", damage: "*", reads: []string{
			"inspect X/model.onnx", "analyze X/model.onnx --data npz:GOOD/set.npz" + probed,
			"extract X/model.onnx --input GOOD/input.npy --quiet --out OUT.npz",
			"train --init X/model.onnx --data npz:GOOD/set.npz --batch 16 --epochs 1 --quiet --out OUT"}},
		{name: "kept features", at: "store", damage: "*/*",
			reads: []string{"analyze GOOD/cnn.onnx --store X" + probed, "store list --store X",
				"store prune --store X --keep 1KiB"}},
		{name: "files of a report", at: "report", damage: "*",
			reads: []string{"compare X GOOD/report --format html --out OUT"}}, // most of the time goes into pictures and paper
		{name: "report", at: "report", damage: "probe.json", reads: []string{"compare X GOOD/report --out OUT"}},
	}
}
