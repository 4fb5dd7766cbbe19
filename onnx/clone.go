package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"memprobe/internal/onnxpb"
)

// Clone returns a model with messages of its own, whose tensors show the elements of m's
// until they are replaced.
func (m *Model) Clone() *Model {
	c, err := wrap(copyMessage(m.proto.ProtoReflect()).Interface().(*onnxpb.ModelProto), m.name, m.dir)
	if err != nil {
		panic(err) // m was wrapped itself
	}
	c.shown, c.backend, c.until = m.shown, m.backend, m.until
	return c
}

// copyMessage copies a message, but shows its bytes.
func copyMessage(src protoreflect.Message) protoreflect.Message {
	dst := src.New()
	src.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		message := f.Kind() == protoreflect.MessageKind
		switch {
		case f.IsList():
			list := dst.Mutable(f).List()
			for i := range v.List().Len() {
				e := v.List().Get(i)
				if message {
					e = protoreflect.ValueOfMessage(copyMessage(e.Message()))
				}
				list.Append(e)
			}
		case message:
			dst.Set(f, protoreflect.ValueOfMessage(copyMessage(v.Message())))
		default:
			dst.Set(f, v)
		}
		return true
	})
	dst.SetUnknown(src.GetUnknown())
	return dst
}

// Fingerprint identifies what the model computes: the SHA-256, in hexadecimal digits, of
// the message without metadata_props and raw_data, and of the bytes of each tensor that
// had raw_data or has external data, each after its length (8 bytes, little-endian).
func (m *Model) Fingerprint() (string, error) {
	c := m.Clone()
	c.proto.MetadataProps = nil
	h := sha256.New()
	put := func(b []byte) {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	err := eachTensor(c.proto, func(p *onnxpb.TensorProto) error {
		raw := p.RawData
		if p.GetDataLocation() == onnxpb.TensorProto_EXTERNAL {
			l, err := layoutOf(p, m.dir)
			if err == nil {
				raw, err = m.shown.external(l.ext)
			}
			if err != nil {
				return m.errorf("tensor %q: %w", p.GetName(), err)
			}
		}
		put(raw)
		p.RawData = nil
		return nil
	})
	if err != nil {
		return "", err
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.proto)
	put(b)
	return hex.EncodeToString(h.Sum(nil)), err
}
