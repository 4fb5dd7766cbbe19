package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/absent"
	"memprobe/internal/mapped"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

// A message that is read through its skeleton is the message.
func TestSkeletonIsTheMessage(t *testing.T) {
	withContents := 0
	for _, path := range files(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, got, s := new(onnxpb.ModelProto), new(onnxpb.ModelProto), &skeleton{}
		message := s.strip(data, want.ProtoReflect().Descriptor(), maxNesting)
		if err := proto.Unmarshal(data, want); err != nil || s.failed {
			t.Fatalf("%s: %v, failed %v", path, err, s.failed)
		}
		if err := proto.Unmarshal(message, got); err != nil {
			t.Fatalf("%s: the skeleton: %v", path, err)
		}
		s.fill(got.ProtoReflect())
		if !proto.Equal(want, got) {
			t.Errorf("%s is another through its skeleton", path)
		}
		if len(s.contents) > 0 {
			withContents++
		}
	}
	if withContents < 10 {
		t.Errorf("%d files have raw_data, want more to show anything", withContents)
	}
	cut := &skeleton{}
	if cut.strip([]byte{0x3a, 0x20, 1}, new(onnxpb.ModelProto).ProtoReflect().Descriptor(), maxNesting); !cut.failed {
		t.Error("a message that is cut off has a skeleton")
	}
}

// wide writes a model y = x·W with a W of 1024x4096, 16 MiB, inside the file or beside it.
func wide(t *testing.T, external bool) (path string, w []float32) {
	t.Helper()
	const rows, cols = 1024, 4096
	w = make([]float32, rows*cols)
	for i := range w {
		w[i] = float32(i%251) - 125
	}
	weights := EncodeTensor("w", tensor.From(w, rows, cols))
	path = filepath.Join(t.TempDir(), "wide.onnx")
	if external {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "w.bin"), append(make([]byte, 64), weights.RawData...),
			0o644); err != nil {
			t.Fatal(err)
		}
		other := external1("w.bin", "64", "")
		other.Name, other.Dims, other.DataType = weights.Name, weights.Dims, weights.DataType
		other.ExternalData = slices.DeleteFunc(other.ExternalData,
			func(e *onnxpb.StringStringEntryProto) bool { return e.GetKey() == "length" })
		weights = other
	}
	p := tiny()
	p.Graph = &onnxpb.GraphProto{Name: proto.String("wide"), Initializer: []*onnxpb.TensorProto{weights},
		Input:  []*onnxpb.ValueInfoProto{info("x", onnxpb.TensorProto_FLOAT, 8, rows)},
		Output: []*onnxpb.ValueInfoProto{info("y", onnxpb.TensorProto_FLOAT, 8, cols)},
		Node:   []*onnxpb.NodeProto{{OpType: proto.String("MatMul"), Input: []string{"x", "w"}, Output: []string{"y"}}}}
	data, err := proto.Marshal(p)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, w
}

// compile compiles a model of one input for 8 rows.
func compile(t *testing.T, m *Model) engine.Session {
	t.Helper()
	in, err := m.InputTensors(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Compile(engine.Options{Inputs: in})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Loaded and compiled, the weights are in memory once: packed. The rest is in the file.
func TestWeightsAreNotCopied(t *testing.T) {
	for name, external := range map[string]bool{"inside": false, "external": true} {
		t.Run(name, func(t *testing.T) {
			path, w := wide(t, external)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			s := compile(t, m)
			runtime.ReadMemStats(&after)
			size := float64(4 * len(w))
			if got := float64(after.TotalAlloc - before.TotalAlloc); got > 1.3*size {
				t.Errorf("%.1f MiB were allocated for %.1f MiB of weights", got/(1<<20), size/(1<<20))
			}
			x := s.Input("x").F32()
			for i := range 8 {
				x[i*1024+100*i] = 1
			}
			if err := s.Run(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			for i := range 8 {
				if got := s.Output("y").F32()[i*4096:][:4096]; !slices.Equal(got, w[100*i*4096:][:4096]) {
					t.Fatalf("row %d of the product is not row %d of the weights", i, 100*i)
				}
			}
		})
	}
}

// What shows a file is never written to: a model's new weights are its own alone.
func TestShownWeightsChange(t *testing.T) {
	for name, external := range map[string]bool{"inside": false, "external": true} {
		t.Run(name, func(t *testing.T) {
			path, w := wide(t, external)
			m, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			s := compile(t, m)
			first, err := m.Fingerprint()
			if err != nil {
				t.Fatal(err)
			}
			c := m.Clone()
			if err := c.SetInitializer("w", tensor.New(tensor.Float32, 1024, 4096)); err != nil {
				t.Fatal(err)
			}
			g, err := m.Graph()
			if err != nil {
				t.Fatal(err)
			}
			g.Weights()["w"].F32()[0] = 7 // as training does
			if got, err := m.Initializer("w"); err != nil || !slices.Equal(got.F32(), w) {
				t.Errorf("the weights changed with those of a copy or of a graph: %v", err)
			}
			if again, err := m.Fingerprint(); err != nil || again != first {
				t.Errorf("the fingerprint changed: %v", err)
			}
			if other, err := c.Fingerprint(); err != nil || other == first {
				t.Errorf("a copy with other weights has the same fingerprint: %v", err)
			}
			s.Input("x").F32()[0] = 1
			if err := s.Run(t.Context(), nil); err != nil || s.Output("y").F32()[1] != w[1] {
				t.Errorf("y is %v, want %v: %v", s.Output("y").F32()[1], w[1], err)
			}
			if err := c.Save(path); err != nil { // over the file that is mapped
				t.Fatal(err)
			}
			if got, err := m.Initializer("w"); err != nil || !slices.Equal(got.F32(), w) {
				t.Errorf("the weights changed with the file: %v", err)
			}
			c.SetMetadata("key", "value")
			a, _ := c.Fingerprint()
			c.SetMetadata("key", "another")
			if b, err := c.Fingerprint(); err != nil || a != b {
				t.Errorf("metadata decide the fingerprint: %v", err)
			}
		})
	}
}

func TestForget(t *testing.T) {
	path, w := wide(t, true)
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := m.show(m.inits["w"])
	if err != nil {
		t.Fatal(err)
	}
	if !mapped.Within(shown.Bytes(), m.shown.files["w.bin"]) {
		t.Fatal("the weights are not in the mapped file")
	}
	m.shown.forget(shown.Bytes())
	if !slices.Equal(shown.F32(), w) {
		t.Error("what was forgotten does not come back from the file")
	}
	own := slices.Clone(w)
	m.shown.forget(mapped.Bytes(own))
	if !slices.Equal(own, w) {
		t.Error("memory that is no file's was let go")
	}
}

// A weight is a copy: the pages of the file that it was read from do not stay in memory.
func TestWeightsLeaveNoPages(t *testing.T) {
	path, w := wide(t, false)
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.Parameters()
	if err != nil || len(list) != 1 {
		t.Fatalf("%d parameters, %v", len(list), err)
	}
	got, err := m.Weight(list[0])
	if err != nil || !slices.Equal(got.F32(), w) {
		t.Fatalf("other elements, or %v", err)
	}
	if rss := resident(t, path); rss > 1<<20 {
		t.Errorf("%d bytes of the file are in memory", rss)
	}
}

// resident is how many bytes of a mapped file are in the process's memory.
func resident(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		absent.Skip(t, "%v", err)
	}
	bytes, found := 0, false
	for l := range strings.Lines(string(text)) {
		f := strings.Fields(l)
		if strings.Contains(f[0], "-") {
			found = strings.HasSuffix(strings.TrimSpace(l), path)
		}
		if found && f[0] == "Rss:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			bytes += n << 10
		}
	}
	return bytes
}
