package mapped

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "floats")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000 // more than a page
	if err := f.Truncate(4 * n); err != nil {
		t.Fatal(err)
	}
	data, release, err := File(f, 4*n, true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range Floats(data) {
		Floats(data)[i] = float32(i) / 4
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if data, release, err = File(f, 4*n, false); err != nil {
		t.Fatal(err)
	}
	f.Close()
	Forget(data) // what is read again comes from the file
	if got := Floats(data); len(got) != n || got[3] != 0.75 || got[n-1] != (n-1)/4. {
		t.Errorf("%d floats, the last %g", len(got), got[len(got)-1])
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	empty, release, err := File(f, 0, false)
	if len(empty) != 0 || err != nil || release() != nil {
		t.Errorf("an empty file has %d bytes, %v", len(empty), err)
	}
	if _, _, err := File(f, 4, false); err == nil { // closed
		t.Error("a closed file is mapped")
	}
}

func TestViews(t *testing.T) {
	x := []float32{1, -2}
	if got := Bytes(x); !slices.Equal(got, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}) {
		t.Errorf("bytes %x", got)
	}
	b := make([]byte, 8)
	for _, c := range []struct {
		part, whole []byte
		want        bool
	}{{b[2:4], b, true}, {b, b, true}, {b, b[1:], false}, {b[:2], b[2:], false}, {b[:0], b, false}, {b, nil, false}} {
		if got := Within(c.part, c.whole); got != c.want {
			t.Errorf("%d bytes within %d: %v", len(c.part), len(c.whole), got)
		}
	}
}

// A file is known by the addresses at which it is mapped, also after it was released, until
// another lies there.
func TestAt(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // nothing is mapped
	}
	const size = 1 << 16
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, release, err := File(f, size, false)
		if err != nil {
			t.Fatal(err)
		}
		at := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
		for range 2 {
			if first, last, after := At(at), At(at+size-1), At(at+size); first != path || last != path || after == path {
				t.Errorf("at the first byte is %q, at the last %q, behind it %q", first, last, after)
			}
			if err := release(); err != nil {
				t.Fatal(err)
			}
			release = func() error { return nil }
		}
	}
	if got := At(0); got != "" {
		t.Errorf("at 0 is %q", got)
	}
}
