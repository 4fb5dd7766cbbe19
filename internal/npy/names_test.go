package npy

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/tensor"
)

// Arrays of any name are written under names that unpack and print everywhere; those
// that do so by themselves stay, and the archive says what the others are called.
func TestSafeNames(t *testing.T) {
	long := strings.Repeat("é", 70000)
	want := map[string]string{ // by the array's own
		"/layer1/conv:0": "/layer1/conv:0", "a b": "a b", "a_b": "a_b", "...": "...",
		"a\nb": "a_b~5", "a\x00b": "a_b~6", "../../etc/passwd": "__/__/etc/passwd", `..\x`: ".._x", "a/./b": "a/_/b",
		"\xff":        "_",
		"red\x1b[31m": "red_[31m", "\u202etxt": "_txt", long: long[:2*256],
	}
	own := []string{"/layer1/conv:0", "a b", "a_b", "...", "../../etc/passwd", "a\nb", "a\x00b", `..\x`, "a/./b", "\xff",
		"red\x1b[31m", "\u202etxt", long}
	path := filepath.Join(t.TempDir(), "x.npz")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range own {
		a, err := w.Array(name, tensor.Uint8, 1)
		if err == nil {
			err = a.Append(tensor.From([]uint8{7}, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	called := map[string]string{}
	for i, f := range z.File {
		if i == len(own) {
			r, err := f.Open()
			if err == nil {
				err = json.NewDecoder(r).Decode(&called)
			}
			if err != nil || f.Name != NamesFile {
				t.Fatalf("%s: %v", f.Name, err)
			}
			continue
		}
		if got := strings.TrimSuffix(f.Name, ".npy"); got != want[own[i]] {
			t.Errorf("%.40q is written as %.40q, want %.40q", own[i], got, want[own[i]])
		}
	}
	for own, name := range want {
		if own != name && called[name] != strings.ToValidUTF8(own, "\ufffd") {
			t.Errorf("%.40q is said to be called %.40q, want %.40q", name, called[name], own)
		}
	}
	read, _, err := Read(path, nil)
	if err != nil || len(read) != len(own) {
		t.Errorf("%d arrays are read, want %d: %v", len(read), len(own), err)
	}
	if slices.Contains(slices.Collect(maps.Keys(read)), NamesFile) {
		t.Error("the names are read as an array")
	}
}

// Arrays that nobody wants are named, and not read: not even where they are no arrays.
func TestReadOfWantedArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range []struct {
		name string
		data []byte
	}{{"images.npy", []byte("no array")}, {"x.npy", file("<f4", "False", "(1,)", float32(3))}} {
		w, err := z.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(e.data)
	}
	if err := cmp.Or(z.Close(), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	arrays, names, err := Read(path, []string{"x", "y"})
	if err != nil || len(arrays) != 1 || arrays["x"].F32()[0] != 3 || !slices.Equal(names, []string{"images", "x"}) {
		t.Errorf("read %v of %q, error %v", arrays, names, err)
	}
	if _, _, err := Read(path, nil); err == nil {
		t.Error("what is no array was read")
	}
}
