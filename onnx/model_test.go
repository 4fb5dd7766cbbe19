package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/absent"
	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
)

// files returns every model of the reference data.
func files(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range [][]string{
		{"fixtures", "models", "*", "*.onnx"},
		{"fixtures", "train", "*", "*.onnx"},
		{"onnx-backend-tests", "*", "*", "model.onnx"},
	} {
		root := shared.Path(t, pattern[0])
		found, err := filepath.Glob(filepath.Join(append([]string{root}, pattern[1:]...)...))
		if err != nil || len(found) == 0 {
			t.Fatalf("%v: %d models, %v", pattern, len(found), err)
		}
		all = append(all, found...)
	}
	return all
}

func TestEveryModelSurvivesSaving(t *testing.T) {
	for _, path := range files(t) {
		m, err := Load(path)
		if err != nil {
			t.Errorf("load: %v", err)
			continue
		}
		saved, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, got := new(onnxpb.ModelProto), new(onnxpb.ModelProto)
		if err := errors.Join(proto.Unmarshal(original, want), proto.Unmarshal(saved, got)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !proto.Equal(want, got) { // unknown fields included
			t.Errorf("%s changed", path)
		}
	}
}

// unknown is a message with fields that the schema does not declare, at every
// level that matters, and one enum value from the future.
func unknown(t *testing.T) *onnxpb.ModelProto {
	extra := []byte{0xfa, 0x3f, 3, 'a', 'b', 'c'} // field 1023, bytes
	p := tiny()
	p.ProtoReflect().SetUnknown(extra)
	p.Graph.ProtoReflect().SetUnknown(extra)
	p.Graph.Node[0].ProtoReflect().SetUnknown(extra)
	p.Graph.Initializer[0].ProtoReflect().SetUnknown(extra)
	p.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{{Name: proto.String("new"),
		Type: onnxpb.AttributeProto_AttributeType(99).Enum()}}
	return p
}

// tiny is y = x + w for x [N,2].
func tiny() *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:        proto.String("g"),
			Input:       []*onnxpb.ValueInfoProto{info("x", onnxpb.TensorProto_FLOAT, "N", 2)},
			Output:      []*onnxpb.ValueInfoProto{info("y", onnxpb.TensorProto_FLOAT, "N", 2)},
			Initializer: []*onnxpb.TensorProto{EncodeTensor("w", tensor.From([]float32{1, -2}, 2))},
			Node: []*onnxpb.NodeProto{{
				Name: proto.String("add"), OpType: proto.String("Add"),
				Input: []string{"x", "w"}, Output: []string{"y"},
			}},
		},
	}
}

// info describes a tensor; each dimension is an int or the name of a symbol.
func info(name string, elem DataType, dims ...any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{
		Name: proto.String(name),
		Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(elem)), Shape: shape},
		}},
	}
}

func TestUnknownFieldsSurvive(t *testing.T) {
	p := unknown(t)
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetInitializer("w", tensor.From([]float32{3, 4}, 2)); err != nil {
		t.Fatal(err)
	}
	m.SetMetadata("k", "v")
	got, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	p.Graph.Initializer[0].RawData = []byte{0, 0, 64, 64, 0, 0, 128, 64}
	p.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: proto.String("k"), Value: proto.String("v")}}
	want, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	a, b := new(onnxpb.ModelProto), new(onnxpb.ModelProto)
	if err := errors.Join(proto.Unmarshal(got, a), proto.Unmarshal(want, b)); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(a, b) {
		t.Fatalf("got %v\nwant %v", a, b)
	}
}

func TestPackedAndUnpackedAreTheSame(t *testing.T) {
	packed := []byte{0x0a, 2, 3, 5, 0x10, 1}  // dims as one packed field
	unpacked := []byte{8, 3, 8, 5, 0x10, 1}   // dims one by one
	floats := []byte{0x25, 0, 0, 0x80, 0x3f}  // float_data one by one
	packedF := []byte{0x22, 4, 0, 0, 128, 63} // float_data packed
	a, b := new(onnxpb.TensorProto), new(onnxpb.TensorProto)
	if err := errors.Join(proto.Unmarshal(append(packed, floats...), a),
		proto.Unmarshal(append(unpacked, packedF...), b)); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(a, b) || !slices.Equal(a.Dims, []int64{3, 5}) || !slices.Equal(a.FloatData, []float32{1}) {
		t.Fatalf("%v and %v", a, b)
	}
}

func TestMetadata(t *testing.T) {
	m, err := FromProto(tiny())
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := m.Metadata("a"); ok {
		t.Fatalf("found %q", v)
	}
	m.SetMetadata("a", "1")
	m.SetMetadata("b", "2")
	m.SetMetadata("a", "3")
	all := m.MetadataAll()
	if a, _ := m.Metadata("a"); a != "3" || all["a"] != "3" || all["b"] != "2" || len(all) != 2 {
		t.Fatalf("metadata %v", all)
	}
}

func TestInputsLeaveInitializersOut(t *testing.T) {
	p := tiny()
	p.IrVersion = proto.Int64(3)
	p.Graph.Input = append(p.Graph.Input, info("w", onnxpb.TensorProto_FLOAT, 2))
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	in := m.Inputs()
	if len(in) != 1 || in[0].String() != "x: FLOAT [N,2]" || in[0].Shape[0] != (Dim{-1, "N"}) ||
		in[0].Shape[1] != (Dim{Size: 2}) {
		t.Fatalf("inputs %v", in)
	}
	if out := m.Outputs(); len(out) != 1 || out[0].DType() != tensor.Float32 {
		t.Fatalf("outputs %v", out)
	}
	if m.Opset("ai.onnx") != 17 || m.Opset("") != 17 || m.Opset("x") != 0 || m.IRVersion() != 3 {
		t.Fatalf("versions %d %d", m.Opset(""), m.IRVersion())
	}
}

func TestNotAModel(t *testing.T) {
	dir := t.TempDir()
	valid, err := proto.Marshal(tiny())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ data, want string }{
		"empty": {"", "not an ONNX model: the file is empty"},
		"png":   {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not an ONNX model: it looks like a PNG image"},
		"zip":   {"PK\x03\x04\x14\x00", "not an ONNX model: it looks like a ZIP archive (a PyTorch checkpoint or .npz?)"},
		"text":  {"Dear reader,\nthis is no model.\n", "not an ONNX model: it looks like text"},
		"lfs": {"version https://git-lfs.github.com/spec/v1\n",
			"not an ONNX model: it looks like a Git LFS pointer; fetch the file itself with `git lfs pull`"},
		"no graph": {"\x08\x08", "not an ONNX model: no graph"},
		"cut":      {string(valid[:len(valid)-12]), "not an ONNX model, or cut off: field 7 at byte 2 takes"},
		"zeros":    {strings.Repeat("\x00", 64), "not an ONNX model: "},
	} {
		path := filepath.Join(dir, name+".onnx")
		if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		fails(t, err, path+": "+c.want)
	}
	_, err = Load(dir)
	fails(t, err, dir+": is a folder, want a file")
	_, err = Load(filepath.Join(dir, "none.onnx"))
	fails(t, err, "none.onnx: no such file or directory")
	_, err = Load(os.DevNull)
	fails(t, err, os.DevNull+": is not a regular file")
	huge := filepath.Join(dir, "huge.onnx")
	if err := os.WriteFile(huge, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 3<<30); err != nil {
		absent.Skip(t, "no sparse files here: %v", err)
	}
	_, err = Load(huge)
	fails(t, err, "huge.onnx: is 3.0 GiB, more than the 2 GiB of an ONNX file")
}

// fails checks that err is one line about a model and contains want.
func fails(t *testing.T, err error, want string) {
	t.Helper()
	var fault *Error
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !errors.As(err, &fault):
		t.Errorf("%q is no Error", err)
	case !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestNestingIsBounded(t *testing.T) {
	p := tiny()
	for range 60 {
		inner := p.Graph
		p.Graph = &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{{
			OpType: proto.String("If"), Attribute: []*onnxpb.AttributeProto{{Name: proto.String("then_branch"), G: inner}},
		}}}
	}
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(data, "")
	fails(t, err, "not an ONNX model: ")
}

func TestSaveKeepsTheOldFileWhenItFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	m, err := FromProto(tiny())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m.inits["w"].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	m.inits["w"].RawData = nil
	fails(t, m.Save(path), `tensor "w": external data: no location`)
	after, err := os.ReadFile(path)
	if err != nil || !slices.Equal(before, after) {
		t.Fatalf("file changed: %v", err)
	}
}
