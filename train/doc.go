// Package train trains an ONNX model on images and assigned labels, and keeps the
// run in a folder from which it can go on after any interruption.
//
// A run is a function of its [Config] and of the data: weights, order of samples,
// augmentation and labels are drawn statelessly, so the final model is the same,
// bit for bit, for any number of threads and after any number of interruptions.
//
//	run.json                     configuration, data, versions (result.Run)
//	labels.npy                   the assigned labels: [N], or [N,views] if drawn per view
//	metrics.csv                  a row an epoch (result.Epoch)
//	steps.csv                    step, loss, lr of every step, with Config.LogSteps
//	losses.npy                   loss of each training image in each epoch, with Config.LogLosses
//	checkpoints/epoch-NNNNNN.onnx   evaluation-mode models
//	checkpoints/state.safetensors   all that a run needs to go on
//	probe/epoch-NNNNNN.json      what Options.Probe finds, with Config.ProbeEvery
//	model.onnx                   the final model
package train
