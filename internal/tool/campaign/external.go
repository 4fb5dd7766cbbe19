package main

import (
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
)

// writeExternal writes a model into a folder, its weights in a file of their own.
func writeExternal(model, dir string) error {
	data, err := os.ReadFile(model)
	if err != nil {
		return err
	}
	m := new(onnxpb.ModelProto)
	if err := proto.Unmarshal(data, m); err != nil {
		return err
	}
	var weights []byte
	for _, w := range m.Graph.Initializer {
		if len(w.RawData) == 0 {
			continue
		}
		entry := func(key string, value any) *onnxpb.StringStringEntryProto {
			return &onnxpb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(fmt.Sprint(value))}
		}
		w.ExternalData = []*onnxpb.StringStringEntryProto{entry("location", "weights.bin"),
			entry("offset", len(weights)), entry("length", len(w.RawData))}
		w.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		weights, w.RawData = append(weights, w.RawData...), nil
	}
	if data, err = proto.Marshal(m); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.bin"), weights, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "model.onnx"), data, 0o644)
}
