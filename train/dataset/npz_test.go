package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/shared"
)

// npyBytes is an array as NumPy writes it.
func npyBytes(descr string, values any, shape ...int) []byte {
	dims := ""
	for _, d := range shape {
		dims += fmt.Sprintf("%d, ", d)
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, dims)
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)))
	b.WriteString(head)
	binary.Write(&b, binary.LittleEndian, values)
	return b.Bytes()
}

func writeNPZ(t testing.TB, arrays map[string][]byte, method uint16) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(arrays[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set.npz")
	writeFile(t, path, b.Bytes())
	return path
}

func npzArrays() map[string][]byte {
	return map[string][]byte{
		"x_train": npyBytes("|u1", ramp(6*4*5*3), 6, 4, 5, 3),
		"y_train": npyBytes("<i8", []int64{0, 1, 2, 0, 1, 2}, 6),
		"x_test":  npyBytes("|u1", ramp(2*4*5*3), 2, 4, 5, 3),
		"y_test":  npyBytes("<i4", []int32{2, 1}, 2, 1),
	}
}

func TestNPZLayouts(t *testing.T) {
	nhwc := open(t, "npz:"+writeNPZ(t, npzArrays(), zip.Deflate), Options{})
	wantSize(t, nhwc, 6, 2, 3, 4, 5, 3)
	planes := npzArrays()
	for name, n := range map[string]int{"x_train": 6, "x_test": 2} {
		b := make([]byte, n*60)
		for i := range n {
			planar(b[i*60:(i+1)*60], ramp(n * 60)[i*60:(i+1)*60], 3)
		}
		planes[name] = npyBytes("|u1", b, n, 3, 4, 5)
	}
	nchw := open(t, "npz:"+writeNPZ(t, planes, zip.Store), Options{})
	if nhwc.Fingerprint() != nchw.Fingerprint() {
		t.Error("NHWC and NCHW of the same images differ")
	}
	if p := nhwc.Train.Pixels(1); p[0] != ramp(61)[60] || p[20] != ramp(62)[61] {
		t.Error("wrong planes")
	}
	grey := open(t, "npz:"+writeNPZ(t, map[string][]byte{
		"x": npyBytes("|u1", ramp(4*9), 4, 3, 3), "y": npyBytes("|u1", []uint8{0, 1, 1, 0}, 4),
	}, zip.Store), Options{})
	wantSize(t, grey, 4, 0, 1, 3, 3, 2)
}

func TestNPZFloats(t *testing.T) {
	values := []float32{-1, 0.5, 3, 1e-9, 5, 6, 7, 8}
	s := open(t, "npz:"+writeNPZ(t, map[string][]byte{
		"x": npyBytes("<f4", values, 2, 1, 2, 2), "y": npyBytes("<i8", []int64{1, 0}, 2),
	}, zip.Deflate), Options{MaxMemory: 1})
	got := make([]float32, 4)
	s.Train.Float32(got, 1)
	if !s.Train.IsFloat() || s.Train.Pixels(0) != nil || !slices.Equal(got, values[4:]) {
		t.Errorf("got %v", got)
	}
}

// Vectors are kept as they are; nothing makes images of them.
func TestNPZVectors(t *testing.T) {
	x := []float64{1, -2, 3, 400, 5, 0.25}
	spec := "npz:" + writeNPZ(t, map[string][]byte{
		"x_train": npyBytes("<f8", x, 2, 3), "y_train": npyBytes("<i8", []int64{1, 0}, 2),
		"x_test": npyBytes("<f4", []float32{7, 8, 9}, 1, 3), "y_test": npyBytes("<i8", []int64{1}, 1),
	}, zip.Deflate)
	s := open(t, spec, Options{})
	wantSize(t, s, 2, 1, 1, 1, 3, 2)
	got := make([]float32, 3)
	if s.Train.Float32(got, 1); !s.Vectors || !slices.Equal(got, []float32{400, 5, 0.25}) {
		t.Errorf("vectors %v, second %v", s.Vectors, got)
	}
	if err := s.CheckUnit(); err == nil || !strings.Contains(err.Error(), "augmentations want images") {
		t.Errorf("augmentation of vectors: %v", err)
	}
	wantFault(t, spec, Options{Channels: 3}, "vectors of 3 values", "3x1x3")
	wantFault(t, spec, Options{Height: 8, Width: 8}, "vectors of 3 values", "1x8x8")
	wantFault(t, "npz:"+writeNPZ(t, map[string][]byte{
		"x_train": npyBytes("<f4", []float32{1, 2, 3, 4, 5, 6}, 2, 3), "y_train": npyBytes("<i8", []int64{1, 0}, 2),
		"x_test": npyBytes("<f4", []float32{7, 8, 9}, 1, 1, 1, 3), "y_test": npyBytes("<i8", []int64{1}, 1),
	}, zip.Deflate), Options{}, "test images are float32 1x1x3", "vectors of 3")
}

// The batches that PyTorch was trained on load in their order.
func TestNPZSteps(t *testing.T) {
	path := shared.Path(t, "fixtures", "train", "cnn-sgd", "data.npz")
	s := open(t, "npz:"+path, Options{})
	wantSize(t, s, 480, 0, 3, 16, 16, 10)
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := newNPZ(path, &z.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, r, err := f.open("x")
	if err != nil {
		t.Fatal(err)
	}
	want, err := h.Floats(r)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 768)
	for i := range s.Train.N() {
		if s.Train.Float32(got, i); !slices.Equal(got, want[i*768:(i+1)*768]) {
			t.Fatalf("image %d differs", i)
		}
	}
}

func TestNPZFaults(t *testing.T) {
	x := ramp(6 * 60)
	for _, c := range []struct {
		name, array string
		data        []byte
		words       []string
	}{
		{"ambiguous", "x_train", npyBytes("|u1", x, 6, 3, 20, 1), []string{"x_train", "may be"}},
		{"no channels", "x_train", npyBytes("|u1", x, 6, 2, 6, 5), []string{"x_train", "1 or 3 channels"}},
		{"rows", "x_train", npyBytes("|u1", x, 6, 60), []string{"x_train", "[6 60]"}},
		{"float NHWC", "x_train", npyBytes("<f4", make([]float32, 360), 6, 4, 5, 3),
			[]string{"x_train", "looks like [N,H,W,C]"}},
		{"int64", "x_train", npyBytes("<i8", make([]int64, 360), 6, 4, 5, 3), []string{"x_train", "int64", "uint8"}},
		{"float test", "x_test", npyBytes("<f4", make([]float32, 120), 2, 3, 4, 5), []string{"test images are float32"}},
		{"other size", "x_test", npyBytes("|u1", ramp(2*48), 2, 4, 4, 3), []string{"3x4x4", "3x4x5"}},
		{"truncated", "x_train", npyBytes("|u1", x[:150], 6, 4, 5, 3), []string{"x_train", "record 2"}},
		{"oversized", "x_train", npyBytes("|u1", append(slices.Clone(x), 1), 6, 4, 5, 3), []string{"x_train", "more values"}},
		{"objects", "y_train", npyBytes("|O", x, 6), []string{"y_train", "Python objects"}},
		{"negative label", "y_train", npyBytes("<i8", []int64{0, 1, -1, 0, 1, 2}, 6),
			[]string{"y_train", "record 2", "label -1"}},
		{"float labels", "y_train", npyBytes("<f4", make([]float32, 6), 6), []string{"y_train", "float32", "integers"}},
		{"one-hot", "y_train", npyBytes("<i8", make([]int64, 18), 6, 3), []string{"y_train", "[6 3]"}},
		{"fewer labels", "y_train", npyBytes("<i8", make([]int64, 5), 5), []string{"y_train", "5 labels for the 6 images"}},
		{"NaN", "x_train", npyBytes("<f4", []uint32{0, 0, 0x7fc00000, 0}, 2, 1, 2, 1), nil},
		{"claim", "x_train", npyBytes("|u1", x, 6, 30000, 30000, 3), []string{"x_train"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			arrays := npzArrays()
			arrays[c.array] = c.data
			wantFault(t, "npz:"+writeNPZ(t, arrays, zip.Deflate), Options{}, c.words...)
		})
	}
	t.Run("missing array", func(t *testing.T) {
		arrays := npzArrays()
		delete(arrays, "y_test")
		wantFault(t, "npz:"+writeNPZ(t, arrays, zip.Store), Options{}, "no array y_test", "x_train")
	})
	t.Run("no name", func(t *testing.T) {
		arrays := npzArrays()
		arrays[""] = arrays["x_test"]
		wantFault(t, "npz:"+writeNPZ(t, arrays, zip.Store), Options{}, "entry 1 of 5 has no name")
	})
	t.Run("no zip", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.npz")
		writeFile(t, path, []byte("not a zip"))
		wantFault(t, "npz:"+path, Options{}, path, "zip")
		wantFault(t, "npz:"+path+"x", Options{}, path+"x", "no such file")
	})
	t.Run("damaged", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.npz")
		whole := writeNPZ(t, npzArrays(), zip.Store)
		b := readFile(t, whole)
		b[bytes.Index(b, ramp(100))+50] ^= 1
		writeFile(t, path, b)
		wantFault(t, "npz:"+path, Options{}, path, "checksum")
	})
}

func FuzzNPZ(f *testing.F) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		f.Add(readFile(f, writeNPZ(f, npzArrays(), method)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLoader(context.Background(), Options{})
		defer l.close()
		c, err := l.archive("x.npz", bytes.NewReader(b), int64(len(b)))
		if err == nil && len(c.train.pixels)+len(c.train.floats) != len(c.train.labels) {
			t.Error("images and labels differ in number")
		}
	})
}
