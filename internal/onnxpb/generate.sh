#!/bin/sh
# Regenerates onnx.pb.go from onnx.proto. Needs protoc (Debian: protobuf-compiler);
# the Go plugin is built from the module version that go.mod pins.
set -e
cd "$(dirname "$0")/../.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
protoc --plugin="$bin/protoc-gen-go" --go_out=. --go_opt=paths=source_relative internal/onnxpb/onnx.proto
