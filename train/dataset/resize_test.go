package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"memprobe/internal/tol"
)

// npzBytes reads a uint8 array of a .npz file.
func npzBytes(t *testing.T, path, name string) (shape []int, values []byte) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := newNPZ(path, &z.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, r, err := f.open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ints, err := h.Ints(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range ints {
		values = append(values, byte(v))
	}
	return h.Shape, values
}

// Bytes are those of torchvision on PIL images, which testdata/resize.py made.
func TestResizeTorchvision(t *testing.T) {
	path := filepath.Join("testdata", "resize.npz")
	for _, name := range []string{"a", "b", "c"} {
		shape, src := npzBytes(t, path, name+"_src")
		from := extent{3, shape[0], shape[1]}
		image := make([]byte, len(src))
		planar(image, src, 3)
		for _, size := range []int{7, 12, 13, 32} {
			t.Run(fmt.Sprintf("%s to %d", name, size), func(t *testing.T) {
				_, interleaved := npzBytes(t, path, fmt.Sprintf("%s_%d", name, size))
				want := make([]byte, len(interleaved))
				planar(want, interleaved, 3)
				to := extent{3, size, size}
				scale := newResizer(Preprocess{}, from.h, from.w, size, size)
				got := make([]byte, to.size())
				resizeImage(got, image, from, to, scale, &resizeScratch[byte]{}, bytePixels{})
				if !bytes.Equal(got, want) {
					t.Errorf("got %v\nwant %v", got, want)
				}
				floats, exact := make([]float32, len(image)), make([]float32, len(want))
				for i, v := range image {
					floats[i] = float32(v)
				}
				resizeImage(exact, floats, from, to, scale, &resizeScratch[float32]{}, floatPixels{})
				wants := make([]float32, len(want))
				for i, v := range want {
					wants[i] = float32(v)
				}
				// Bytes are rounded twice, after each axis: 0.5 + 0.5.
				if err := tol.Close(exact, wants, 1.001, 0); err != nil {
					t.Error(err)
				}
			})
		}
		_, want := npzBytes(t, path, name+"_grey")
		to := extent{1, from.h, from.w}
		got := make([]byte, len(want))
		resizeImage(got, image, from, to, newResizer(Preprocess{}, from.h, from.w, from.h, from.w),
			&resizeScratch[byte]{}, bytePixels{})
		if !bytes.Equal(got, want) {
			t.Errorf("%s: grey differs from PIL's", name)
		}
	}
}

func TestConvert(t *testing.T) {
	grey := open(t, Embedded, Options{TrainLimit: 20, TestLimit: 10})
	rgb := open(t, Embedded, Options{TrainLimit: 20, TestLimit: 10, Channels: 3, Height: 32, Width: 40, Threads: 3})
	wantSize(t, rgb, 20, 10, 3, 32, 40, 10)
	if len(rgb.Notes) != 2 {
		t.Errorf("notes %q, want one about channels and one about the size", rgb.Notes)
	}
	p, n := rgb.Train.Pixels(3), 32*40
	if !bytes.Equal(p[:n], p[n:2*n]) || !bytes.Equal(p[:n], p[2*n:]) {
		t.Error("the channels of a grey image differ")
	}
	if again := open(t, Embedded, Options{TrainLimit: 20, TestLimit: 10, Channels: 3, Height: 32, Width: 40,
		MaxMemory: 1}); again.Fingerprint() != rgb.Fingerprint() {
		t.Error("images in mapped files differ from those on the heap")
	}
	if grey.Fingerprint() == rgb.Fingerprint() || len(grey.Notes) != 0 {
		t.Error("nothing was converted, or notes without a conversion")
	}
}
