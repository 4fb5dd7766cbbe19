package dataset

import (
	"bytes"
	"errors"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Bytes are those of PIL by the evaluation transforms of torchvision and timm, which
// testdata/preprocess.py made, whether a set has pixels or files of pictures.
func TestPreprocess(t *testing.T) {
	path := filepath.Join("testdata", "preprocess.npz")
	for _, name := range []string{"wide", "tall", "small", "same"} {
		shape, src := npzBytes(t, path, name+"_src")
		planes := make([]byte, len(src))
		planar(planes, src, 3)
		for _, spec := range []string{"torchvision", "torchvision:15", "timm", "timm:0.95", "timm:1"} {
			p, err := ParsePreprocess(spec)
			if err != nil {
				t.Fatal(err)
			}
			_, interleaved := npzBytes(t, path, name+"_"+spec)
			want := make([]byte, len(interleaved))
			planar(want, interleaved, 3)
			set := Images{Pixels: [][]uint8{planes}, Labels: []int{0}}
			l := newLoader(t.Context(), Options{Height: 14, Width: 14, Preprocess: p})
			both := content{classes: []string{"one"},
				train: source{labels: set.Labels, pixels: set.Pixels, c: 3, h: shape[0], w: shape[1],
					where: func(i int) (string, int) { return name, i }}}
			s, err := l.open(&format{name: name, load: func(*loader, string) (*content, error) { return &both, nil }}, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Train.Pixels(0); !bytes.Equal(got, want) {
				t.Errorf("%s by %s: got %v\nwant %v", name, spec, got, want)
			}
			if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], spec+": antialiased") {
				t.Errorf("notes %q do not say what was done", s.Notes)
			}
			picture := image.NewNRGBA(image.Rect(0, 0, shape[1], shape[0]))
			for i := range shape[0] * shape[1] {
				copy(picture.Pix[4*i:], append(slices.Clone(src[3*i:3*i+3]), 255))
			}
			dir := writeTree(t, map[string][]byte{"train/one/a.png": pngBytes(picture), "test/one/a.png": pngBytes(picture)})
			s = open(t, "images:"+dir, Options{Height: 14, Width: 14, Preprocess: p})
			if !bytes.Equal(s.Train.Pixels(0), want) || !bytes.Equal(s.Test.Pixels(0), want) {
				t.Errorf("%s by %s: a PNG of it becomes %v\nwant %v", name, spec, s.Train.Pixels(0), want)
			}
			if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], spec+": antialiased") {
				t.Errorf("notes %q of a folder, want what was done once", s.Notes)
			}
		}
	}
}

func TestPreprocessOptions(t *testing.T) {
	for _, spec := range []string{"resize", "torchvision:", "torchvision:0", "torchvision:x", "timm:1.1", "timm:0",
		"timm:NaN", "none:3", ":3"} {
		if p, err := ParsePreprocess(spec); err == nil {
			t.Errorf("%q is %v", spec, p)
		}
	}
	for _, c := range []struct {
		spec string
		h, w int
	}{{"torchvision:20", 21, 21}, {"timm", 20, 21}, {"torchvision:223", 0, 0}} {
		p, err := ParsePreprocess(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Embedded, Options{TrainLimit: 10, TestLimit: 10, Preprocess: p, Height: c.h, Width: c.w})
		if _, usage := errors.AsType[*SpecError](err); !usage || !strings.Contains(err.Error(), c.spec) {
			t.Errorf("%s for %dx%d: set %v, error %v", c.spec, c.h, c.w, s, err)
		}
	}
	for spec, want := range map[string]int{"torchvision": 256, "torchvision:232": 232, "timm": 256, "timm:0.95": 235,
		"none": 224, "": 224} {
		p, _ := ParsePreprocess(spec)
		if got := p.shorter(224); got != want {
			t.Errorf("%q scales the shorter side to %d for 224, want %d", spec, got, want)
		}
	}
	p, _ := ParsePreprocess("torchvision")
	s := open(t, Embedded, Options{TrainLimit: 20, TestLimit: 10, Channels: 3, Preprocess: p})
	wantSize(t, s, 20, 10, 3, 224, 224, 10)
}
