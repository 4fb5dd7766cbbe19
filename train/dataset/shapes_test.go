package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func openShapes(t *testing.T, parameters string, o Options) *Set {
	t.Helper()
	set, err := Open(t.Context(), Shapes+":"+parameters, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// The pixels are part of what a published number means, so they are pinned.
func TestShapesStayTheSame(t *testing.T) {
	for parameters, want := range map[string]string{
		"train=20,test=10,size=16":              "sha256:83708f1428ee228053fc470957519013a0adf7294469397c62122f80bd105615",
		"train=20,test=10,size=16,all=1,seed=3": "sha256:9a744067f3736c5d21dcef124a4af70e0b36f85444d4eb8a9100d167551f8eed",
	} {
		if got := openShapes(t, parameters, Options{}).Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, want %s", parameters, got, want)
		}
	}
}

func TestShapesDoNotDependOnThreadsOrLength(t *testing.T) {
	short := openShapes(t, "train=50,test=20", Options{Threads: 1})
	long := openShapes(t, "train=90,test=40", Options{Threads: 3})
	for i := range 50 {
		if !bytes.Equal(short.Train.Pixels(i), long.Train.Pixels(i)) {
			t.Fatalf("training image %d differs", i)
		}
	}
	for i := range 20 {
		if !bytes.Equal(short.Test.Pixels(i), long.Test.Pixels(i)) ||
			bytes.Equal(short.Test.Pixels(i), short.Train.Pixels(i)) {
			t.Fatalf("test image %d differs, or is a training image", i)
		}
	}
}

// Without nuisances all images of a class are one; each nuisance alone makes them
// differ; and no two classes share an image.
func TestShapesNuisances(t *testing.T) {
	plain := openShapes(t, "train=40,test=0,all=0", Options{})
	seen := map[string]int{}
	for i := range 40 {
		if !bytes.Equal(plain.Train.Pixels(i), plain.Train.Pixels(i%10)) {
			t.Errorf("images %d and %d of a class differ without nuisances", i, i%10)
		}
		if y, ok := seen[string(plain.Train.Pixels(i))]; ok && y != plain.Train.Label(i) {
			t.Errorf("classes %d and %d have the same image", y, plain.Train.Label(i))
		}
		seen[string(plain.Train.Pixels(i))] = plain.Train.Label(i)
	}
	var c shapesConfig
	for _, n := range c.nuisances() {
		one := openShapes(t, fmt.Sprintf("train=40,test=0,all=0,%s=1", n.name), Options{})
		for i := 1; i < 40; i += 10 { // squares, which a turn changes
			if bytes.Equal(one.Train.Pixels(i), plain.Train.Pixels(i)) {
				t.Errorf("%s=1: image %d is as without", n.name, i)
			}
		}
	}
}

func TestShapesErrors(t *testing.T) {
	for parameters, want := range map[string]string{
		"colour=2":        `colour is "2", want a strength in [0,1]`,
		"noise=NaN":       `noise is "NaN", want a strength in [0,1]`,
		"size=x":          `size is "x", want an integer`,
		"size=4":          "size is 4, want 8 to 512",
		"classes=11":      "classes is 11, want 2 to 10",
		"train=3":         "train is 3, want 10 to 10000000",
		"hue=1":           `"hue=1", want KEY=VALUE,… of train, test, size`,
		"colour=1,colour": `"colour", want KEY=VALUE`,
		"seed=1,seed=2":   "seed is given twice",
	} {
		_, err := Open(t.Context(), Shapes+":"+parameters, Options{})
		var wrong *SpecError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", parameters, err, want)
		}
	}
}

func TestShapesByName(t *testing.T) {
	set, err := Open(t.Context(), Shapes, Options{TrainLimit: 20, TestLimit: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if set.C != 3 || set.H != 32 || set.Train.N() != 20 || len(set.Classes) != 10 {
		t.Errorf("%dx%dx%d, %d images of %d classes", set.C, set.H, set.W, set.Train.N(), len(set.Classes))
	}
}
