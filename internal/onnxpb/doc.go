// Package onnxpb holds the protocol-buffer messages of an ONNX file, generated
// from onnx.proto beside it, a schema of our own that keeps the field numbers of
// the ONNX specification. It is proto2: a scalar that is absent differs from one
// that is zero, enum values and fields that the schema does not know are kept.
package onnxpb

//go:generate sh generate.sh
