package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/rng"
	"memprobe/internal/shared"
)

// exercise does with data what memprobe does with a file. Whatever data is, that
// must end in an error of one line or in a model that survives saving.
func exercise(t testing.TB, data []byte) {
	m, err := Parse(data, "")
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), "\n") {
			t.Errorf("not an Error of one line: %q", err)
		}
		return
	}
	for _, err := range m.Inspect(1, nil).Problems {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("not one line: %q", err)
		}
	}
	for _, name := range m.Initializers() {
		v, err := m.Initializer(name)
		if err == nil && v.Len()*v.DType.Size() > 8*len(data) {
			t.Errorf("initializer %q has %d elements out of %d bytes", name, v.Len(), len(data))
		}
	}
	again, err := m.Bytes()
	if err != nil {
		return // external data, of which there is none here
	}
	n, err := Parse(again, "")
	if err != nil {
		t.Errorf("saved model does not load: %v", err)
	} else if !proto.Equal(m.Proto(), n.Proto()) {
		t.Errorf("saved model differs")
	}
}

func FuzzParse(f *testing.F) {
	small, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range small {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	data, err := proto.Marshal(tiny())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	f.Add([]byte("\x08\x08:\x00"))
	f.Fuzz(func(t *testing.T, data []byte) { exercise(t, data) })
}

// Every fixture model is cut, and its bytes are changed, at places that repeat
// from run to run: all of them early in the file, where the structure is, and
// some of the rest.
func TestMutatedModelsAreErrorsOrModels(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(shared.Path(t, "fixtures"), "*", "*", "*.onnx"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d models, %v", len(paths), err)
	}
	draw := rng.New(1, rng.Bench)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, tries := time.Now(), 0
		for range 60 {
			at := draw.IntN(len(data))
			if tries%2 == 0 {
				at = draw.IntN(min(len(data), 4096))
			}
			bad := slices.Clone(data)
			bad[at] ^= byte(1 + draw.IntN(255))
			exercise(t, bad)
			exercise(t, data[:at])
			tries += 2
		}
		runtime.ReadMemStats(&after)
		if took := time.Since(start) / time.Duration(tries); took > 5*time.Second {
			t.Errorf("%s: %v a file", path, took)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) / uint64(tries); used > 100*uint64(len(data))+64<<20 {
			t.Errorf("%s: allocated %d bytes a file of %d", path, used, len(data))
		}
	}
}
