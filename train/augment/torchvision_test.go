package augment

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// Every operation agrees with torchvision's float tensors. A folder holds
// torchvision.npz, with input_u8 [N,C,H,W] and the result of each operation on
// input/255, and params.json, with the parameters of each, by name. The folders
// are testdata and the reference data, or $MEMPROBE_TORCHVISION_FIXTURES alone.
func TestTorchvision(t *testing.T) {
	if dir := os.Getenv("MEMPROBE_TORCHVISION_FIXTURES"); dir != "" {
		compareFolder(t, dir)
		return
	}
	t.Run("testdata", func(t *testing.T) { compareFolder(t, "testdata") })
	t.Run("shared", func(t *testing.T) { compareFolder(t, shared.Path(t, "fixtures", "augment")) })
}

func compareFolder(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "params.json"))
	if err != nil {
		t.Fatal(err)
	}
	var params map[string]map[string]any
	if err := json.Unmarshal(text, &params); err != nil {
		t.Fatal(err)
	}
	arrays := readArrays(t, filepath.Join(dir, "torchvision.npz"))
	input := arrays["input_u8"]
	if input == nil || len(input.Shape) != 4 {
		t.Fatalf("%s: no input_u8 of four dimensions", dir)
	}
	for i, v := range input.F32() {
		input.F32()[i] = v / 255
	}
	delete(arrays, "input_u8")
	names := maps.Clone(params)
	for name := range arrays {
		names[name] = params[name]
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		t.Run(name, func(t *testing.T) {
			if arrays[name] == nil || params[name] == nil {
				t.Fatalf("%s has no array or no parameters of it", dir)
			}
			if err := compare(name, arguments{params[name], map[string]bool{"note": true}}, input, arrays[name]); err != nil {
				t.Error(err)
			}
		})
	}
}

func readArrays(t *testing.T, path string) map[string]*tensor.Tensor {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	arrays := map[string]*tensor.Tensor{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(r)
		h, err := npy.ReadHead(in)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		data, err := h.Floats(in)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		arrays[strings.TrimSuffix(f.Name, ".npy")] = tensor.From(data, h.Shape...)
		r.Close()
	}
	return arrays
}

// compare runs an operation on every image of x [N,C,H,W].
func compare(name string, a arguments, x, want *tensor.Tensor) error {
	op, ok := operationOf(name)
	if !ok {
		return fmt.Errorf("operation %q is not known", name)
	}
	if len(want.Shape) != 4 || want.Shape[0] != x.Shape[0] || want.Shape[1] != x.Shape[1] {
		return fmt.Errorf("shape %v for images %v", want.Shape, x.Shape)
	}
	run, err := reference[op](a, x)
	if err != nil {
		return err
	}
	if err := a.allUsed(); err != nil {
		return err
	}
	got := tensor.New(tensor.Float32, want.Shape...)
	for i := range x.Shape[0] {
		run(imageOf(got, i), imageOf(x, i), i)
	}
	limit := 1e-3 // of a range of 1: a quarter of a step of 8 bits
	if op == "hue" {
		limit = 4e-3 // the hue of nearly grey pixels is a quotient of small differences
	}
	return tol.Close(got.F32(), want.F32(), limit, 0)
}

func imageOf(x *tensor.Tensor, i int) image {
	c, h, w := x.Shape[1], x.Shape[2], x.Shape[3]
	return image{x.F32()[i*c*h*w : (i+1)*c*h*w], c, h, w}
}
