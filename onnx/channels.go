package onnx

import (
	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
)

// ChannelsFirst gives a model whose only input is a batch of images with the channels
// last, as Keras exports them, one of [N,C,H,W] in its place, followed by the Transpose
// that makes the old of it. It reports whether it did: whether the last of four
// dimensions is fixed at 1 or 3 and the second at neither.
func (m *Model) ChannelsFirst() bool {
	in := m.Inputs()
	if len(in) != 1 || len(in[0].Shape) != 4 {
		return false
	}
	colours := func(n int) bool { return n == 1 || n == 3 }
	if s := in[0].Shape; !colours(s[3].Size) || colours(s[1].Size) {
		return false
	}
	for _, v := range m.proto.Graph.Input {
		if v.GetName() != in[0].Name {
			continue
		}
		old := v.GetName()
		d := v.Type.GetTensorType().Shape.Dim
		d[1], d[2], d[3] = d[3], d[1], d[2]
		v.Name = proto.String(old + "/channels_first")
		turn := &onnxpb.NodeProto{OpType: proto.String("Transpose"), Name: proto.String(old + "/channels_last"),
			Input: []string{v.GetName()}, Output: []string{old},
			Attribute: []*onnxpb.AttributeProto{{Name: proto.String("perm"),
				Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{0, 2, 3, 1}}}}
		m.proto.Graph.Node = append([]*onnxpb.NodeProto{turn}, m.proto.Graph.Node...)
	}
	return true
}
