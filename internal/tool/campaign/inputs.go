package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"

	"memprobe/internal/npy"
	"memprobe/internal/tensor"
)

// The sets have few images, of a size at which a run takes milliseconds.
const (
	images, queries, side, classes = 48, 12, 8, 4
)

const plan = `about: what a plan may hold
base: &base
  data: shapes:train=40,test=20,size=8
  arch: mlp
  width: 8
  epochs: 1
  batch: 16
variants:
  - name: one
    augment: none
  - name: two
    augment: crop-flip
grid:
  lr: [0.1, 0.01]
  labels: ["true", random]
`

// writeInputs makes the good files of every kind but those that the program writes
// itself. testdata has pickles and pictures of formats that Go only reads.
func writeInputs(dir, testdata string) error {
	files := map[string][]byte{"plan.yaml": []byte(plan)}
	pictures := map[string][]byte{}
	for i := range 2 * classes {
		pictures[fmt.Sprintf("train/%d/%d.png", i%classes, i)] = pngOf(i)
		pictures[fmt.Sprintf("test/%d/%d.jpg", i%classes, i)] = jpegOf(i)
	}
	for _, name := range []string{"lossy-17x13.webp", "alpha-17x13.webp", "progressive-17x13.jpg", "palette.png",
		"cmyk.jpg"} {
		b, err := os.ReadFile(filepath.Join(testdata, "pictures", name))
		if err != nil {
			return err
		}
		pictures["train/0/"+name] = b
	}
	for name, b := range pictures {
		files["images/"+name] = b
	}
	files["images.zip"] = zipped(pictures)
	for split, n := range map[string]int{"train": images, "t10k": queries} {
		x, y := idx(pixels(n*side*side), n, side, side), idx(labels(n), n)
		files["idx/"+split+"-images-idx3-ubyte"], files["idx/"+split+"-labels-idx1-ubyte"] = x, y
		files["idxgz/"+split+"-images-idx3-ubyte.gz"], files["idxgz/"+split+"-labels-idx1-ubyte.gz"] = gzipped(x), gzipped(y)
	}
	batch := cifar()
	binaries := map[string][]byte{"test_batch.bin": batch}
	for i := 1; i <= 5; i++ {
		binaries[fmt.Sprintf("data_batch_%d.bin", i)] = batch
	}
	for name, b := range binaries {
		files["cifar/"+name] = b
	}
	files["cifar.tar.gz"] = gzipped(tarred(binaries))
	b, err := os.ReadFile(filepath.Join(testdata, "pickle", "protocol4.gz"))
	if err != nil {
		return err
	}
	files["pickle/data_batch_1.gz"] = b
	for split, n := range map[string]int{"train": 10, "test": 4} {
		if files["parquet/"+split+".parquet"], err = rows(n); err != nil {
			return err
		}
	}
	for name, b := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
	}
	return writeArrays(dir)
}

// writeArrays makes a set in an archive, labels, and images as a model takes them.
func writeArrays(dir string) error {
	set, err := npy.Create(filepath.Join(dir, "set.npz"))
	if err != nil {
		return err
	}
	for _, split := range []struct {
		name string
		n    int
	}{{"train", images}, {"test", queries}} {
		x := tensor.New(tensor.Uint8, split.n, side, side, 3)
		copy(x.U8(), pixels(x.Len()))
		y := tensor.New(tensor.Int64, split.n)
		for i, v := range labels(split.n) {
			y.I64()[i] = int64(v)
		}
		for name, t := range map[string]*tensor.Tensor{"x_" + split.name: x, "y_" + split.name: y} {
			a, err := set.Array(name, t.DType, t.Shape...)
			if err == nil {
				err = a.Append(t)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := set.Close(); err != nil {
		return err
	}
	assigned := tensor.New(tensor.Int64, images)
	input := tensor.New(tensor.Float32, 4, 3, side, side)
	for i := range input.F32() {
		input.F32()[i] = float32(i%17) / 17
	}
	if err := npy.Write(filepath.Join(dir, "assigned.npy"), assigned); err != nil {
		return err
	}
	return npy.Write(filepath.Join(dir, "input.npy"), input)
}

func pixels(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*37 + i>>6)
	}
	return b
}

func labels(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % classes)
	}
	return b
}

// idx is an IDX file of bytes.
func idx(data []byte, shape ...int) []byte {
	b := []byte{0, 0, 8, byte(len(shape))}
	for _, s := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(s))
	}
	return append(b, data...)
}

// cifar is a binary batch of ten images, a class each.
func cifar() (b []byte) {
	for y := range 10 {
		b = append(append(b, byte(y)), pixels(3*32*32)...)
	}
	return b
}

func picture(i int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 17, 13))
	for k, v := range pixels(len(m.Pix)) {
		m.Pix[k] = v + byte(i)
	}
	m.Set(0, 0, color.Transparent)
	return m
}

func pngOf(i int) []byte {
	var b bytes.Buffer
	png.Encode(&b, picture(i))
	return b.Bytes()
}

func jpegOf(i int) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, picture(i), nil)
	return b.Bytes()
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zipped(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if e, err := w.Create(name); err == nil {
			e.Write(files[name])
		}
	}
	w.Close()
	return b.Bytes()
}

func tarred(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(len(files[name]))})
		w.Write(files[name])
	}
	w.Close()
	return b.Bytes()
}

// row is a labelled picture as Hugging Face stores it.
type row struct {
	Image struct {
		Bytes []byte `parquet:"bytes,snappy"`
	} `parquet:"image"`
	Label int64 `parquet:"label"`
}

func rows(n int) ([]byte, error) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(4))
	for i := range n {
		r := row{Label: int64(i % 2)}
		r.Image.Bytes = pngOf(i)
		if _, err := w.Write([]row{r}); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
