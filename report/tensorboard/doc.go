// Package tensorboard writes what TensorBoard reads: event files of scalars and images,
// and the files of its projector.
//
// An event file is a sequence of records of TensorFlow's TFRecord format,
//
//	uint64 length · uint32 checksum of it · length bytes · uint32 checksum of them
//
// in little-endian order, the checksums being CRC-32C, rotated right by 15 bits, plus
// 0xa282ead8. A record is an Event in protobuf's encoding (tensorflow/core/util/event.proto
// and framework/summary.proto, whose field numbers stand below), the first of which names
// the version of the format.
package tensorboard
