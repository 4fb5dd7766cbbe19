package main

import (
	"errors"
	"os"

	"memprobe/internal/npy"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
)

const side = 224

// writePictures writes the set as an archive of bytes [N,H,W,C], if there is none: pictures
// of one slope of colour, which the class decides but for a part, under noise.
func writePictures(path string, train, test int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	w, err := npy.Create(path)
	if err != nil {
		return err
	}
	for part, images := range []int{train, test} {
		name := []string{"train", "test"}[part]
		x, err := w.Array("x_"+name, tensor.Uint8, images, side, side, 3)
		if err != nil {
			return errors.Join(err, w.Close())
		}
		labels := tensor.New(tensor.Int64, images)
		for i := range images {
			class := i % classes
			labels.I64()[i] = int64(class)
			if err := x.Append(picture(rng.New(uint64(class), rng.Bench, 1), rng.New(uint64(i), rng.Bench, 2, uint64(part)))); err != nil {
				return errors.Join(err, w.Close())
			}
		}
		y, err := w.Array("y_"+name, tensor.Int64, images)
		if err == nil {
			err = y.Append(labels)
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

// picture is one image, of streams of its class and of its own.
func picture(class, own rng.Stream) *tensor.Tensor {
	t := tensor.New(tensor.Uint8, 1, side, side, 3)
	var across, down [3]float64
	for c := range 3 {
		across[c], down[c] = class.Uniform(-1, 1)+own.Uniform(-1, 1), class.Uniform(-1, 1)+own.Uniform(-1, 1)
	}
	noise := uint64(0)
	for i := range t.U8() {
		if i%8 == 0 {
			noise = own.Uint64()
		}
		x, y, c := float64(i/3%side)/side-0.5, float64(i/3/side)/side-0.5, i%3
		t.U8()[i] = uint8(128+60*(across[c]*x+down[c]*y)) + uint8(noise)&31
		noise >>= 8
	}
	return t
}
