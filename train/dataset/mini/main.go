// Command mini makes the embedded subset of Fashion-MNIST: 500 training and 100
// test images a class, drawn by a fixed seed from the whole set. Run it with
// `go generate ./train/dataset`; the same seed gives the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"memprobe/internal/atomicfile"
	"memprobe/train/dataset"
)

func main() {
	spec := flag.String("data", "fashion-mnist", "the whole set")
	dir := flag.String("out", "mini", "folder to write to")
	flag.Parse()
	if err := run(*spec, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "mini:", err)
		os.Exit(1)
	}
}

func run(spec, dir string) error {
	set, err := dataset.Open(context.Background(), spec, dataset.Options{TrainLimit: 5000, TestLimit: 1000, Seed: 2017})
	if err != nil {
		return err
	}
	defer set.Close()
	for prefix, split := range map[string]*dataset.Split{"train": &set.Train, "t10k": &set.Test} {
		if err := write(filepath.Join(dir, prefix), split, set.H, set.W); err != nil {
			return err
		}
	}
	return nil
}

// write makes the images' and the labels' file of a split.
func write(prefix string, s *dataset.Split, h, w int) error {
	images := binary.BigEndian.AppendUint32(nil, 0x0803)
	labels := binary.BigEndian.AppendUint32(nil, 0x0801)
	for _, d := range []int{s.N(), h, w} {
		images = binary.BigEndian.AppendUint32(images, uint32(d))
	}
	labels = binary.BigEndian.AppendUint32(labels, uint32(s.N()))
	for i := range s.N() {
		images = append(images, s.Pixels(i)...)
		labels = append(labels, byte(s.Label(i)))
	}
	if err := compress(prefix+"-images-idx3-ubyte.gz", images); err != nil {
		return err
	}
	return compress(prefix+"-labels-idx1-ubyte.gz", labels)
}

func compress(path string, data []byte) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := io.Copy(z, bytes.NewReader(data)); err != nil {
			return err
		}
		return z.Close()
	})
}
