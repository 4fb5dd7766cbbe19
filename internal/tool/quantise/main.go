// Command quantise writes a convolutional network of floats with quantised weights and
// activations, for measurements and tests, as ONNX Runtime's static quantiser does: in
// the QDQ form, activations as uint8 with a zero point, weights as int8 with a scale for
// each channel of the result, biases as int32.
//
//	go run ./internal/tool/quantise MODEL.onnx OUT.onnx N,C,H,W
//
// The ranges of the activations are those of random images of the given shape.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"memprobe/onnx"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quantise:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: quantise MODEL.onnx OUT.onnx N,C,H,W")
	}
	var shape []int
	for _, s := range strings.Split(args[2], ",") {
		size, err := strconv.Atoi(s)
		if err != nil || size < 1 {
			return fmt.Errorf("shape is %q, want positive sizes", args[2])
		}
		shape = append(shape, size)
	}
	m, err := onnx.Load(args[0])
	if err != nil {
		return err
	}
	m, err = quantise(m, shape)
	if err != nil {
		return err
	}
	return m.Save(args[1])
}
