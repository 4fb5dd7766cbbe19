package npy

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"memprobe/internal/tol"
)

func TestRoundTrip(t *testing.T) {
	data := []float32{1, 2, 3, 4, 5, 6}
	for _, shape := range [][]int{{6}, {2, 3}, {1, 2, 3, 1}} {
		path := filepath.Join(t.TempDir(), "a.npz")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		a := NewArchive(f)
		w, err := a.Create("x/y:0", shape)
		if err != nil {
			t.Fatal(err)
		}
		if err := Data(w, data); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		f.Close()
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		x := got["x/y:0"]
		if x == nil || !slices.Equal(x.Shape, shape) {
			t.Fatalf("read %v, want shape %v", got, shape)
		}
		if err := tol.Close(x.F32, data, 0, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestClaimBeyondFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	f, _ := os.Create(path)
	if err := Header(f, []int{1 << 40}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Read(path); err == nil {
		t.Error("an array without elements was read")
	}
}
