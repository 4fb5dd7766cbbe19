// Package onnx reads, checks, changes and writes ONNX models.
//
// A Model is the file's own protocol-buffer message with an index on top: what
// memprobe does not understand stays in it and is written back. Initialisers are
// replaced in place, keeping name, storage field and documentation.
//
// Tensors are row-major. float16 and bfloat16 are widened to float32 when they
// are read and rounded back when they are written; double stays float64.
// Initialisers are constants whether or not the graph also lists them as inputs,
// as files before IR version 4 must.
//
// Calls of a model's local functions run as the functions' nodes, named after the
// call; the file keeps the functions.
//
// Limits: IR version 13, opset 28 of the default domain, 2 GiB a file (ONNX's
// own; weights beyond that lie in external files).
//
// Reference: the ONNX IR specification, https://onnx.ai/onnx/repo-docs/IR.html.
package onnx
