package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/fault"
	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// What memprobe reads.
const (
	MaxIRVersion = 13
	MaxOpset     = 28

	// maxBytes is the size that protocol buffers allow a message.
	maxBytes = 1<<31 - 1
	// maxNodes bounds what a small hostile file can make the checks cost.
	maxNodes = 1 << 17
	// maxImports bounds the operator sets that a model imports, which are searched.
	maxImports = 1 << 8
	// maxNesting is how deep messages may nest; every level of subgraphs takes three.
	maxNesting = 100
)

// Error is a fault in a model; see fault.Error.
type Error = fault.Error

// Model is an ONNX model in memory. Reading methods may be called concurrently
// with each other, but not with those that change the model.
type Model struct {
	name  string // prefix of errors: the file's path, or "onnx"
	dir   string // folder of external data; empty where there is none
	proto *onnxpb.ModelProto
	inits map[string]*onnxpb.TensorProto
	shown *showing

	backend Backend         // nil: the engine
	until   context.Context // ends what is computed of the model; nil: nothing does
}

// FromProto wraps p, without a copy. External data is not reachable.
func FromProto(p *onnxpb.ModelProto) (*Model, error) {
	return wrap(p, "onnx", "")
}

// Parse reads a model from memory. baseDir is the folder of its external data;
// with "" a tensor that needs one is an error. data is not kept.
func Parse(data []byte, baseDir string) (*Model, error) {
	return parse(data, "onnx", baseDir, false)
}

// parse reads a model. With keep its weights stay in data.
func parse(data []byte, name, dir string, keep bool) (*Model, error) {
	if len(data) == 0 {
		return nil, fault.Errorf(name, "not an ONNX model: the file is empty")
	}
	p, message, s := new(onnxpb.ModelProto), data, (*skeleton)(nil)
	if keep {
		if s = skeletonOf(data, p.ProtoReflect().Descriptor()); s != nil {
			message = s.message
		}
	}
	if err := memory.Need("the model's parts", footprint(message, p.ProtoReflect().Descriptor(), maxNesting)); err != nil {
		return nil, fault.Wrap(name, err)
	}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting}).Unmarshal(message, p); err != nil {
		return nil, fault.Errorf(name, "%s", diagnose(data, err))
	}
	if s != nil {
		s.fill(p.ProtoReflect())
	}
	m, err := wrap(p, name, dir)
	if err != nil && p.Graph == nil {
		return nil, fault.Errorf(name, "%s", diagnose(data, errors.New("no graph")))
	}
	return m, err
}

func wrap(p *onnxpb.ModelProto, name, dir string) (*Model, error) {
	m := &Model{name: name, dir: dir, proto: p, shown: new(showing)}
	switch {
	case p.Graph == nil:
		return nil, m.errorf("not an ONNX model: no graph")
	case p.IrVersion == nil:
		return nil, m.errorf("not an ONNX model: no IR version")
	case len(p.OpsetImport) > maxImports:
		return nil, m.errorf("imports %d operator sets, more than %d", len(p.OpsetImport), maxImports)
	case len(p.Graph.Node) > maxNodes:
		return nil, m.errorf("graph has %d nodes, more than %d", len(p.Graph.Node), maxNodes)
	}
	m.inits = make(map[string]*onnxpb.TensorProto, len(p.Graph.Initializer))
	for _, t := range p.Graph.Initializer {
		if _, ok := m.inits[t.GetName()]; !ok {
			m.inits[t.GetName()] = t
		}
	}
	return m, nil
}

func (m *Model) errorf(format string, args ...any) error {
	return fault.Errorf(m.name, format, args...)
}

// Name is what errors call the model: the file's path, or "onnx".
func (m *Model) Name() string { return m.name }

// Proto returns the message itself. Whoever adds, removes or renames
// initialisers through it wraps it anew with FromProto.
func (m *Model) Proto() *onnxpb.ModelProto { return m.proto }

// Nodes returns the graph's nodes in the file's order.
func (m *Model) Nodes() []*onnxpb.NodeProto { return m.proto.Graph.Node }

// IRVersion returns the version of the file format.
func (m *Model) IRVersion() int64 { return m.proto.GetIrVersion() }

// Opset returns the version of a domain's operator set that the model imports;
// 0 if none. "" and "ai.onnx" are the same domain. Models before IR version 3
// have no imports and use version 1; one that imports other domains alone uses the
// newest version that there was for its IR version.
func (m *Model) Opset(domain string) int64 {
	for _, o := range m.proto.OpsetImport {
		if Domain(o.GetDomain()) == Domain(domain) {
			return o.GetVersion()
		}
	}
	switch ir := m.IRVersion(); {
	case Domain(domain) != "":
		return 0
	case len(m.proto.OpsetImport) > 0:
		return newestOpset[min(max(ir, 3), MaxIRVersion)]
	case ir < 3:
		return 1
	}
	return 0
}

// newestOpset is the newest version of the standard operators when a version of the
// file format was the newest (ONNX's docs/Versioning.md).
var newestOpset = [MaxIRVersion + 1]int64{3: 8, 4: 9, 5: 10, 6: 11, 7: 14, 8: 18, 9: 20, 10: 23, 11: 24, 12: 25, 13: 26}

// Domain returns the canonical name of an operator domain.
func Domain(name string) string {
	if name == "ai.onnx" {
		return ""
	}
	return name
}

// Metadata returns the value of a key in metadata_props, and whether it is there.
func (m *Model) Metadata(key string) (string, bool) {
	for _, e := range m.proto.MetadataProps {
		if e.GetKey() == key {
			return e.GetValue(), true
		}
	}
	return "", false
}

// MetadataAll returns a copy of metadata_props.
func (m *Model) MetadataAll() map[string]string {
	all := make(map[string]string, len(m.proto.MetadataProps))
	for _, e := range slices.Backward(m.proto.MetadataProps) { // the first of equal keys wins
		all[e.GetKey()] = e.GetValue()
	}
	return all
}

// SetMetadata sets a key in metadata_props, adding it at the end if it is new.
func (m *Model) SetMetadata(key, value string) {
	for _, e := range m.proto.MetadataProps {
		if e.GetKey() == key {
			e.Value = &value
			return
		}
	}
	m.proto.MetadataProps = append(m.proto.MetadataProps,
		&onnxpb.StringStringEntryProto{Key: &key, Value: &value})
}

// RemoveMetadata removes a key, if it is there.
func (m *Model) RemoveMetadata(key string) {
	m.proto.MetadataProps = slices.DeleteFunc(m.proto.MetadataProps,
		func(e *onnxpb.StringStringEntryProto) bool { return e.GetKey() == key })
}

// Initializers returns the names of the graph's initialisers in the file's order.
func (m *Model) Initializers() []string {
	names := make([]string, len(m.proto.Graph.Initializer))
	for i, t := range m.proto.Graph.Initializer {
		names[i] = t.GetName()
	}
	return names
}

// IsInitializer reports whether the graph has an initialiser of that name.
func (m *Model) IsInitializer(name string) bool { return m.inits[name] != nil }

// Initializer returns a copy of an initialiser's elements.
func (m *Model) Initializer(name string) (*tensor.Tensor, error) {
	p := m.inits[name]
	if p == nil {
		return nil, m.errorf("no initializer %q", name)
	}
	t, err := DecodeTensor(p, m.dir)
	if err != nil {
		return nil, m.errorf("initializer %q: %w", name, err)
	}
	return t, nil
}

// SetInitializer replaces the elements of an initialiser by those of t, whose
// shape and element type must be the initialiser's (float32 where the file has
// float16 or bfloat16; rounded to nearest). Everything else of it stays: name,
// documentation, unknown fields, and the field that holds the elements; what was
// external moves into the model.
func (m *Model) SetInitializer(name string, t *tensor.Tensor) error {
	p := m.inits[name]
	if p == nil {
		return m.errorf("no initializer %q", name)
	}
	if err := replaceData(p, t); err != nil {
		return m.errorf("initializer %q: %w", name, err)
	}
	return nil
}

// Bytes returns the model as a file's contents, external data moved inside. The
// same model gives the same bytes.
func (m *Model) Bytes() ([]byte, error) {
	if err := m.embed(); err != nil {
		return nil, err
	}
	opts := proto.MarshalOptions{Deterministic: true}
	if n := opts.Size(m.proto); n > maxBytes {
		return nil, m.errorf("model takes %s, more than the 2 GiB of an ONNX file", gib(int64(n)))
	}
	data, err := opts.Marshal(m.proto)
	if err != nil {
		return nil, m.errorf("%w", err)
	}
	return data, nil
}

func gib(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
