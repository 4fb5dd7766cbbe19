package onnx

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"memprobe/internal/onnxpb"
)

const (
	// keepFrom is the size of the weights below which a copy of them costs nothing.
	keepFrom = 1 << 20
	// maxSkeleton bounds what is copied to leave the weights out.
	maxSkeleton = 64 << 20
)

// skeleton is a message without the contents of raw_data, in the place of each its
// number among them, so that the reader of messages copies none.
type skeleton struct {
	message  []byte
	contents [][]byte // in the message that it was made of
	bytes    int      // of all contents
	copied   int
	failed   bool
}

// skeletonOf returns the skeleton of a message, or nil where it has no large raw_data,
// or is mostly something else.
func skeletonOf(data []byte, d protoreflect.MessageDescriptor) *skeleton {
	s := &skeleton{}
	s.message = s.strip(data, d, maxNesting)
	if s.failed || s.bytes < keepFrom {
		return nil
	}
	return s
}

// strip returns a message without contents. What cannot be read is left for the reader
// to complain of.
func (s *skeleton) strip(data []byte, d protoreflect.MessageDescriptor, depth int) (out []byte) {
	if depth == 0 {
		s.failed = true
	}
	for len(data) > 0 && !s.failed {
		num, typ, n := protowire.ConsumeTag(data)
		size := -1
		if n > 0 {
			size = protowire.ConsumeFieldValue(num, typ, data[n:])
		}
		if size < 0 {
			s.failed = true
			return nil
		}
		field := d.Fields().ByNumber(num)
		tag, value := data[:n], data[n:n+size]
		data = data[n+size:]
		content, _ := protowire.ConsumeBytes(value)
		switch {
		case field == nil || typ != protowire.BytesType:
		case field.Kind() == protoreflect.MessageKind:
			value = protowire.AppendBytes(nil, s.strip(content, field.Message(), depth-1))
		case field.Name() == "raw_data" && field.Kind() == protoreflect.BytesKind:
			value = protowire.AppendBytes(nil, binary.LittleEndian.AppendUint32(nil, uint32(len(s.contents))))
			s.contents, s.bytes = append(s.contents, content[:len(content):len(content)]), s.bytes+len(content)
		}
		out = append(append(out, tag...), value...)
		if s.copied += len(tag) + len(value); s.copied > maxSkeleton {
			s.failed = true
		}
	}
	return out
}

// fill gives the tensors of a message that was read from the skeleton their contents,
// without a copy.
func (s *skeleton) fill(m protoreflect.Message) {
	if t, ok := m.Interface().(*onnxpb.TensorProto); ok {
		if t.RawData != nil {
			t.RawData = s.contents[binary.LittleEndian.Uint32(t.RawData)]
		}
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				s.fill(v.List().Get(i).Message())
			}
		default:
			s.fill(v.Message())
		}
		return true
	})
}
