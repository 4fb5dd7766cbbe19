package fault

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

func TestErrorNamesFileNodeAndOperator(t *testing.T) {
	for want, e := range map[string]*Error{
		`m.onnx: node "conv1" (Conv): EOF`: {File: "m.onnx", Node: "conv1", Op: "Conv", Err: io.EOF},
		`node "Conv": EOF`:                 {Op: "Conv", Err: io.EOF},
		`m.onnx: EOF`:                      {File: "m.onnx", Err: io.EOF},
		`EOF`:                              {Err: io.EOF},
		`node "a" (Co\nnv): EOF`:           {Node: "a", Op: "Co\nnv", Err: io.EOF},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("analyze: %w", Errorf("x.npz", "entry %q: %w", "a", io.ErrUnexpectedEOF))
	var f *Error
	if !errors.As(err, &f) || f.File != "x.npz" {
		t.Fatalf("no fault in %v", err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("cause lost in %v", err)
	}
}

func TestWrapNamesThePathOnce(t *testing.T) {
	_, err := os.Open("/no/such/file")
	if got := Wrap("/no/such/file", err).Error(); got != "/no/such/file: no such file or directory" {
		t.Errorf("got %q", got)
	}
	if got := Wrap("m.onnx", io.EOF).Error(); got != "m.onnx: ends too early" {
		t.Errorf("got %q", got)
	}
}
