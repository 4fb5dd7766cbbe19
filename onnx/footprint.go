package onnx

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// messageBytes is more than any message of the schema takes without its contents.
	messageBytes = 512
	// elementBytes is what an element of a list takes while the list grows.
	elementBytes = 16
)

// footprint is about how much memory a message takes when it is read: an empty
// message is two bytes of a file and hundreds in memory. What cannot be read counts
// as nothing, since reading ends there.
func footprint(data []byte, d protoreflect.MessageDescriptor, depth int) int64 {
	total := int64(messageBytes)
	for len(data) > 0 && depth > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			break
		}
		size := protowire.ConsumeFieldValue(num, typ, data[n:])
		if size < 0 {
			break
		}
		field := d.Fields().ByNumber(num)
		switch value := data[n : n+size]; {
		case field == nil || typ != protowire.BytesType:
			total += elementBytes + int64(size)
		case field.Kind() == protoreflect.MessageKind:
			inner, _ := protowire.ConsumeBytes(value)
			total += footprint(inner, field.Message(), depth-1)
		case field.Kind() == protoreflect.StringKind || field.Kind() == protoreflect.BytesKind:
			total += elementBytes + int64(size)
		case field.Kind() == protoreflect.FloatKind || field.Kind() == protoreflect.DoubleKind:
			total += int64(size)
		default: // packed integers of at least a byte
			total += 8 * int64(size)
		}
		data = data[n+size:]
	}
	return total
}
