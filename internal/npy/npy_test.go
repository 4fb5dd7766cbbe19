package npy

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// rows returns rows [lo, hi) of t.
func rows(t *tensor.Tensor, lo, hi int) *tensor.Tensor {
	n := t.Len() / t.Shape[0]
	size := t.DType.Size()
	return tensor.Over(t.DType, t.Bytes()[lo*n*size:hi*n*size], append([]int{hi - lo}, t.Shape[1:]...)...)
}

// Rows of several arrays, appended in turn, are what the oracle reads.
func TestRowsOfSeveralArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const n, m = 6, 30000
	types := []tensor.DType{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Uint8, tensor.Bool}
	want := map[string]*tensor.Tensor{}
	arrays := map[string]*Array{}
	for _, d := range types {
		name := "/layers/" + d.String()
		want[name] = tensor.New(d, n, m)
		if arrays[name], err = w.Array(name, d, n, m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n * m {
		want["/layers/float32"].F32()[i] = float32(i) / 3
		want["/layers/float64"].F64()[i] = float64(i) / 7
		want["/layers/int64"].I64()[i] = int64(i) << 33
		want["/layers/int32"].I32()[i] = int32(-i)
		want["/layers/uint8"].U8()[i] = uint8(i)
		want["/layers/bool"].Bool()[i] = i%3 == 0
	}
	for row := 0; row < n; row += 2 {
		for name, all := range want {
			if err := arrays[name].Append(rows(all, row, row+2)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, path)
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, v := range want {
		var err error
		switch v.DType {
		case tensor.Float32:
			err = holds[float32](f, name, v)
		case tensor.Float64:
			err = holds[float64](f, name, v)
		case tensor.Int64:
			err = holds[int64](f, name, v)
		case tensor.Int32:
			err = holds[int32](f, name, v)
		case tensor.Uint8:
			err = holds[uint8](f, name, v)
		case tensor.Bool:
			err = holds[bool](f, name, v)
		}
		h := f.Header(name + ".npy")
		if err != nil || fmt.Sprint(h.Descr.Shape) != "[6 30000]" {
			t.Errorf("%s differs: %v %v", name, h, err)
		}
	}
}

// holds checks that an array of the file is v.
func holds[T tensor.Element](f *npz.Reader, name string, v *tensor.Tensor) error {
	var got []T
	if err := f.Read(name+".npy", &got); err != nil {
		return err
	}
	if !slices.Equal(got, tensor.Data[T](v)) {
		return fmt.Errorf("%v, want %v", got, tensor.Data[T](v))
	}
	return nil
}

// onlyFile checks that nothing but path is left in its folder.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("folder holds %v, %v", entries, err)
	}
}

func TestRoundTrip(t *testing.T) {
	data := []float32{1, 2, 3, 4, 5, 6}
	for _, shape := range [][]int{{6}, {2, 3}, {1, 2, 3, 1}, {0, 3}} {
		path := filepath.Join(t.TempDir(), "a.npy")
		x := tensor.From(data[:tensor.Len(shape)], shape...)
		if err := Write(path, x); err != nil {
			t.Fatal(err)
		}
		got, _, err := Read(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got[""].Shape) != fmt.Sprint(shape) {
			t.Fatalf("read %v, want shape %v", got, shape)
		}
		if x.Len() == 0 {
			continue
		}
		if err := tol.Close(got[""].F32(), x.F32(), 0, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestWritesWholeOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(path, tensor.From([]float32{1, 2, 3}, 3, 1)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Array("x", tensor.Float32, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Array("y", tensor.Float32, 2); err == nil {
		t.Error("two arrays in a .npy file")
	}
	for _, bad := range []*tensor.Tensor{tensor.New(tensor.Int32, 1), tensor.New(tensor.Float32, 5)} {
		if err := a.Append(bad); err == nil {
			t.Errorf("appended %v", bad)
		}
	}
	if err := a.Append(tensor.New(tensor.Float32, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), `array "x" of shape [2 2] has 8 of 16 bytes`) {
		t.Errorf("closed half-filled: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file changed: %v", err)
	}
	onlyFile(t, path)
	if _, err := Create(filepath.Join(t.TempDir(), "x.csv")); err == nil {
		t.Error("made a .csv")
	}
}

func TestClaimBeyondFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := os.WriteFile(path, header(tensor.Float32, []int{1 << 40}), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(path, nil); err == nil {
		t.Error("an array without elements was read")
	}
}

// An entry of an archive that has no name of its own is told: its array would be lost,
// or be another's.
func TestEntriesWithoutAName(t *testing.T) {
	for want, names := range map[string][]string{
		"entry 2 of 3 has no name":   {"x.npy", ".npy", "y.npy"},
		"entry 1 of 1 has no name":   {""},
		`two entries are called "x"`: {"x.npy", "y.npy", "x.npy"},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(file("<f4", "False", "(1,)", float32(1)))
		}
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := cmp.Or(z.Close(), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("entries %q: error %v, want %q", names, err, want)
		}
	}
}
