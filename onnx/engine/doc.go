// Package engine compiles ONNX graphs into plans and runs them.
//
// A Graph is filled with tensors and operations by onnx.Model.Graph, or by package onnxgo
// for programs that are written for onnx-go. Compile turns a graph and concrete input shapes into a Session: it
// infers every shape, folds constants, fuses, and plans one arena of memory by
// liveness. A Session computes the outputs and shows chosen tensors (taps) as
// soon as they exist. CompileTraining turns the same graph into a Trainer, whose
// step computes the loss and the gradients on the graph's own weights. Results
// are bit-identical for any number of threads.
package engine
