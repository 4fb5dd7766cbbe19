package onnx

import (
	"os"
	"path/filepath"
	"testing"
)

// Of models in blocked layout, those whose channels fit blocks of 8 alone say so.
func TestGuessesBlock(t *testing.T) {
	files, err := filepath.Glob("testdata/optimised/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, file := range append(files, "../testdata/benign.onnx") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(b, "")
		if err != nil {
			t.Fatal(err)
		}
		blocked, fits := false, true
		for _, n := range m.Nodes() {
			if n.GetDomain() == "com.microsoft.nchwc" && n.GetOpType() == "Conv" {
				blocked = true
				w, err := m.Initializer(n.Input[1])
				if err != nil {
					t.Fatal(err)
				}
				fits = fits && w.Shape[0]%16 == 0
			}
		}
		if got := m.GuessesBlock(); got != (blocked && fits) {
			t.Errorf("%s: %v, blocked %v, fits 16 %v", file, got, blocked, fits)
		}
	}
}
