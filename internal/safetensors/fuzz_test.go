package safetensors

import (
	"bytes"
	"testing"

	"memprobe/internal/tensor"
)

// Whatever stands in a file, its tensors are of the sizes that their shapes say, or it
// is an error.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	tensors := map[string]*tensor.Tensor{"w": tensor.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3),
		"n": tensor.From([]int64{7}, 1), "none": tensor.New(tensor.Float32, 0)}
	if err := Write(&b, map[string]string{"epoch": "3"}, tensors); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, tensors, err := read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for name, x := range tensors {
			if want := tensor.Len(x.Shape) * x.DType.Size(); len(x.Bytes()) != want || want > len(data) {
				t.Errorf("%q of shape %v has %d bytes of the %d of the file", name, x.Shape, len(x.Bytes()), len(data))
			}
		}
	})
}
