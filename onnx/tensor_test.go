package onnx

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
)

func TestTensorsSurviveEncoding(t *testing.T) {
	for _, want := range []*tensor.Tensor{
		tensor.From([]float32{0, -1.5, float32(math.Inf(1)), 1e-40, 5, 6}, 2, 3),
		tensor.From([]float64{math.Pi}),
		tensor.From([]int64{math.MinInt64, math.MaxInt64}, 2),
		tensor.From([]int32{math.MinInt32, math.MaxInt32}, 1, 2),
		tensor.From([]uint8{0, 255}, 2),
		tensor.From([]bool{true, false, true}, 3),
		tensor.New(tensor.Float32, 0, 3),
	} {
		p := EncodeTensor("t", want)
		got, err := DecodeTensor(p, "")
		if err != nil {
			t.Errorf("%v: %v", want, err)
			continue
		}
		if p.GetName() != "t" || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// typed holds 1, 0, 1 in the typed field of each element type.
func typed(elem DataType) *onnxpb.TensorProto {
	p := &onnxpb.TensorProto{Name: proto.String("t"), DataType: proto.Int32(int32(elem)), Dims: []int64{3}}
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		p.FloatData = []float32{1, 0, 1}
	case onnxpb.TensorProto_DOUBLE:
		p.DoubleData = []float64{1, 0, 1}
	case onnxpb.TensorProto_INT64:
		p.Int64Data = []int64{1, 0, 1}
	case onnxpb.TensorProto_FLOAT16:
		p.Int32Data = []int32{0x3c00, 0, 0x3c00}
	case onnxpb.TensorProto_BFLOAT16:
		p.Int32Data = []int32{0x3f80, 0, 0x3f80}
	default:
		p.Int32Data = []int32{1, 0, 1}
	}
	return p
}

func TestReplacingKeepsTheField(t *testing.T) {
	for _, elem := range []DataType{
		onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_INT64, onnxpb.TensorProto_INT32,
		onnxpb.TensorProto_UINT8, onnxpb.TensorProto_BOOL, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16,
	} {
		p := typed(elem)
		p.DocString = proto.String("doc")
		old, err := DecodeTensor(p, "")
		if err != nil {
			t.Errorf("%v: %v", elem, err)
			continue
		}
		next := tensor.New(old.DType, 3)
		next.Copy(old)
		rotate(next)
		if err := replaceData(p, next); err != nil {
			t.Errorf("%v: %v", elem, err)
			continue
		}
		got, err := DecodeTensor(p, "")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(next) || fmt.Sprint(got) == fmt.Sprint(old) {
			t.Errorf("%v: got %v, want %v, %v", elem, got, next, err)
		}
		want := typed(elem)
		if p.RawData != nil || len(p.FloatData) != len(want.FloatData) || len(p.Int32Data) != len(want.Int32Data) ||
			p.GetDocString() != "doc" {
			t.Errorf("%v moved to another field: %v", elem, p)
		}
	}
}

// rotate turns 1, 0, 1 into 0, 1, 1.
func rotate(t *tensor.Tensor) {
	switch t.DType {
	case tensor.Float32:
		t.F32()[0], t.F32()[1] = t.F32()[1], t.F32()[0]
	case tensor.Float64:
		t.F64()[0], t.F64()[1] = t.F64()[1], t.F64()[0]
	case tensor.Int64:
		t.I64()[0], t.I64()[1] = t.I64()[1], t.I64()[0]
	case tensor.Int32:
		t.I32()[0], t.I32()[1] = t.I32()[1], t.I32()[0]
	case tensor.Uint8:
		t.U8()[0], t.U8()[1] = t.U8()[1], t.U8()[0]
	case tensor.Bool:
		t.Bool()[0], t.Bool()[1] = t.Bool()[1], t.Bool()[0]
	}
}

func TestReplacingWantsShapeAndType(t *testing.T) {
	m, err := FromProto(tiny())
	if err != nil {
		t.Fatal(err)
	}
	fails(t, m.SetInitializer("v", tensor.New(tensor.Float32, 2)), `onnx: no initializer "v"`)
	fails(t, m.SetInitializer("w", tensor.New(tensor.Float32, 3)),
		`onnx: initializer "w": new elements have shape [3], want [2]`)
	fails(t, m.SetInitializer("w", tensor.New(tensor.Int64, 2)),
		`onnx: initializer "w": new elements are int64, want float32`)
}

func TestHalfPrecisionIsWidenedAndRoundedBack(t *testing.T) {
	p := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT16)), Dims: []int64{2},
		RawData: []byte{0, 0x3c, 0, 0xc0}}
	got, err := DecodeTensor(p, "")
	if err != nil || !slices.Equal(got.F32(), []float32{1, -2}) {
		t.Fatalf("%v %v", got, err)
	}
	got.F32()[0] = 1.0001 // nearest binary16: 1
	got.F32()[1] = -2.001
	if err := replaceData(p, got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.RawData, []byte{0, 0x3c, 1, 0xc0}) {
		t.Fatalf("% x", p.RawData)
	}
}

func TestBadTensors(t *testing.T) {
	float := int32(onnxpb.TensorProto_FLOAT)
	for want, p := range map[string]*onnxpb.TensorProto{
		"element type STRING is not supported":    {DataType: proto.Int32(8)},
		"element type COMPLEX64 is not supported": {DataType: proto.Int32(14)},
		"element type UNDEFINED is not supported": {},
		"element type 1234 is not supported":      {DataType: proto.Int32(1234)},
		"shape [2 -3] has a negative size":        {DataType: &float, Dims: []int64{2, -3}},
		"overflows":                               {DataType: &float, Dims: []int64{1 << 40, 1 << 40}},
		"shape [9223372036854775807] overflows":   {DataType: &float, Dims: []int64{math.MaxInt64}},
		"raw_data has 4 bytes, shape [2] of FLOAT wants 8": {DataType: &float, Dims: []int64{2},
			RawData: make([]byte, 4)},
		"has 0 elements, shape [1000000000000] wants": {DataType: &float, Dims: []int64{1e12}},
		"has 1 elements, shape [2] wants 2": {DataType: &float, Dims: []int64{2},
			FloatData: []float32{1}},
		"has both raw_data and typed data": {DataType: &float, Dims: []int64{1},
			FloatData: []float32{1}, RawData: make([]byte, 4)},
		"elements of FLOAT lie in the field of another type": {DataType: &float, Dims: []int64{1}, Int64Data: []int64{1}},
		"tensors in segments are not supported":              {DataType: &float, Segment: &onnxpb.TensorProto_Segment{}},
		"element 0 is 256, want 0 to 255": {DataType: proto.Int32(2), Dims: []int64{1},
			Int32Data: []int32{256}},
		"external data: no location": {DataType: &float,
			DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()},
		`external data "w": the model was not read from a file`: external1("w", "0", "4"),
		`external data: offset "x" is not a number`:             external1("w", "x", "4"),
		"external data: offset is there twice":                  twice(external1("w", "0", "4"), 1),
	} {
		_, err := DecodeTensor(p, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func external1(location, offset, length string) *onnxpb.TensorProto {
	p := &onnxpb.TensorProto{
		Name: proto.String("w"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{1},
		DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
	}
	for _, kv := range [][2]string{{"location", location}, {"offset", offset}, {"length", length}} {
		if kv[1] != "" {
			p.ExternalData = append(p.ExternalData, &onnxpb.StringStringEntryProto{Key: &kv[0], Value: &kv[1]})
		}
	}
	return p
}

// twice gives p entry i of its external data again.
func twice(p *onnxpb.TensorProto, i int) *onnxpb.TensorProto {
	p.ExternalData = append(p.ExternalData, p.ExternalData[i])
	return p
}

func TestExternalDataStaysInTheFolder(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "model")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	weights := []byte{0, 0, 128, 63, 0, 0, 0, 64} // 1, 2
	for _, path := range []string{filepath.Join(dir, "w.bin"), filepath.Join(dir, "sub", "w.bin"),
		filepath.Join(outer, "secret")} {
		if err := os.WriteFile(path, weights, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(dir, "link")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	for _, c := range []struct {
		location, offset, length string
		want                     float32
	}{{"w.bin", "", "", 1}, {"w.bin", "4", "4", 2}, {"sub/w.bin", "0", "4", 1}, {`sub\w.bin`, "", "4", 1},
		{"./sub/../w.bin", "4", "", 2}} {
		got, err := DecodeTensor(external1(c.location, c.offset, c.length), dir)
		if err != nil || got.F32()[0] != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	for _, c := range []struct{ location, offset, length, want string }{
		{"../secret", "", "", "path escapes"},
		{"link", "", "", "path escapes"},
		{filepath.Join(outer, "secret"), "", "", "path escapes"},
		{"none", "", "", "no such file"},
		{"sub", "", "", "is not a regular file"},
		{"w.bin", "6", "4", "wants bytes 6 to 10, the file has 8"},
		{"w.bin", "9223372036854775807", "4", "the file has 8"},
		{"w.bin", "-4", "4", "offset -4 is negative"},
		{"w.bin", "0", "8", "length is 8, the shape wants 4"},
	} {
		_, err := DecodeTensor(external1(c.location, c.offset, c.length), dir)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestSavingMovesExternalDataInside(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), []byte{0, 0, 128, 63, 0, 0, 0, 64}, 0o644); err != nil {
		t.Fatal(err)
	}
	p := tiny()
	p.Graph.Initializer[0] = external1("w.bin", "", "8")
	p.Graph.Initializer[0].Dims = []int64{2}
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data, dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(other, "m.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if m, err = Load(path); err != nil {
		t.Fatal(err)
	}
	w, err := m.Initializer("w")
	if err != nil || !slices.Equal(w.F32(), []float32{1, 2}) {
		t.Fatalf("%v %v", w, err)
	}
}

func TestReadTensorReadsOnnxTestData(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(shared.Path(t, "onnx-backend-tests", "node"), "test_*conv*",
		"test_data_set_0", "*.pb"))
	if err != nil || len(found) < 50 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	floats := 0
	for _, path := range found {
		_, v, err := ReadTensor(path)
		if err != nil {
			if !strings.Contains(err.Error(), "INT8") { // quantised cases
				t.Error(err)
			}
			continue
		}
		if v.DType == tensor.Float32 {
			floats++
			if len(v.F32()) != v.Len() {
				t.Errorf("%s: %d elements, want %d", path, len(v.F32()), v.Len())
			}
		}
	}
	if floats < 50 {
		t.Errorf("only %d float tensors", floats)
	}
}

func mustTensor(t *testing.T, p *onnxpb.TensorProto) *tensor.Tensor {
	t.Helper()
	v, err := DecodeTensor(p, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}
