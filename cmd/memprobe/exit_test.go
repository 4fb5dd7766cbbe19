package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/absent"
)

// What the command line says wrong is 2, what the data or the model do not allow 3.
func TestWhatIsWrong(t *testing.T) {
	const model = "../../testdata/benign.onnx"
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	small := []string{"--quiet", "--train-limit", "50", "--test-limit", "20", "--out", filepath.Join(t.TempDir(), "out")}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "k [500], want between 1 and 49", append([]string{"analyze", model, "--k", "500"}, small...)},
		{2, "NaN is not finite", append([]string{"analyze", model, "--normalize", "NaN/1"}, small...)},
		{2, "Inf is not finite", append([]string{"train", "--normalize", "0/Inf"}, small...)},
		{2, "no run.json there", []string{"train", "--resume", file}},
		{2, "--out is empty", []string{"analyze", model, "--out", ""}},
		{2, "--out is empty", []string{"train", "--out="}},
		{2, "--out is empty", []string{"sweep", "benign", "--out", "", "--dry-run"}},
		{2, "--out is empty", []string{"compare", ".", "--out", ""}},
		{2, "--temperature goes with --vote softmax", append([]string{"analyze", model, "--temperature", "0.5"}, small...)},
		{2, "--view-images goes with --augment", append([]string{"analyze", model, "--view-images", "9"}, small...)},
		{2, "--untrained-statistics goes with --draws of 1 or more",
			append([]string{"analyze", model, "--draws", "0", "--untrained-statistics", "estimated"}, small...)},
		{2, "--store-limit goes with a store",
			append([]string{"analyze", model, "--store", "none", "--store-limit", "1GiB"}, small...)},
		{2, "--resume is empty", []string{"train", "--resume", ""}},
		{2, "--init is empty", []string{"train", "--init", ""}},
		{2, "--emit is empty", []string{"sweep", "benign", "--emit", "", "--dry-run"}},
		{2, "--against is empty", append([]string{"analyze", model, "--against", ""}, small...)},
		{2, "--assigned is empty", append([]string{"analyze", model, "--assigned", ""}, small...)},
		{2, "--input is empty", []string{"extract", model, "--input", "", "--out", "o.npz"}},
		{2, "--store is empty", append([]string{"analyze", model, "--store", ""}, small...)},
		{2, "want one of them", append([]string{"analyze", model, "--assigned", file, "--labels", "random"}, small...)},
		{2, "want one of them", append([]string{"analyze", model, "--assigned", file, "--label-seed", "3"}, small...)},
		{2, "--normalize is of images from --data",
			[]string{"extract", model, "--input", file, "--out", "o.npz", "--normalize", "imagenet"}},
		{2, "--image-size is of images from --data",
			[]string{"extract", model, "--input", file, "--out", "o.npz", "--image-size", "28"}},
		{2, "--split is of images from --data",
			[]string{"extract", model, "--input", file, "--out", "o.npz", "--split", "test"}},
		{2, "--pool is of images from --data",
			[]string{"extract", model, "--input", file, "--out", "o.npz", "--pool", "avg"}},
		{2, "--width does not go with init", []string{"train", "--init", model, "--width", "8"}},
		{2, "--arch does not go with init", []string{"train", "--init", model, "--arch", "mlp"}},
		{2, "--projector does not go with init", []string{"train", "--init", model, "--projector", "64"}},
		{2, "--logits names a tensor of init", []string{"train", "--logits", "y"}},
		{2, "--batch 100000000, want 1 to 1048576", []string{"train", "--batch", "100000000"}},
		{3, "images of 28x28 are too small", append([]string{"train", "--arch", "vgg16", "--stem", "imagenet"}, small...)},
	} {
		code, _, msg := runMemprobe(c.args...)
		if code != c.code || !strings.Contains(msg, c.want) || strings.Count(msg, "\n") != 1 {
			t.Errorf("%q: exit %d, %q; want %d, %q", c.args, code, msg, c.code, c.want)
		}
	}
}

// What cannot be written, or would take the place of what is read, is said before anything
// is computed.
func TestWhereResultsCannotGo(t *testing.T) {
	dir := t.TempDir()
	model, file := filepath.Join(dir, "model.npz"), filepath.Join(dir, "file")
	data, err := os.ReadFile("../../testdata/benign.onnx")
	if err == nil {
		err = errors.Join(os.WriteFile(model, data, 0o644), os.WriteFile(file, nil, 0o644),
			os.Mkdir(filepath.Join(dir, "folder.npz"), 0o755), os.Symlink(model, filepath.Join(dir, "link.npz")))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "model.npz is " + model + ", which is read", []string{"extract", model, "--out", model}},
		{2, "link.npz is " + model + ", which is read", []string{"extract", model, "--out", filepath.Join(dir, "link.npz")}},
		{1, "folder.npz: is a folder, want a file", []string{"extract", model, "--out", filepath.Join(dir, "folder.npz")}},
		{1, "file: is no folder", []string{"analyze", model, "--out", file}},
		{1, "sub: is no folder", []string{"analyze", model, "--out", filepath.Join(file, "sub")}},
		{1, "file: is no folder", []string{"rewind", dir, "--out", file}},
	} {
		code, _, msg := runMemprobe(c.args...)
		if code != c.code || !strings.Contains(msg, c.want) || strings.Contains(msg, "images") {
			t.Errorf("%q: exit %d, %q; want %d, %q, and no progress", c.args, code, msg, c.code, c.want)
		}
	}
	if now, err := os.ReadFile(model); err != nil || !bytes.Equal(now, data) {
		t.Errorf("the model has changed: %v", err)
	}
}

// A path of two lines makes no error of two.
func TestPathsOfTwoLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two\nlines")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		absent.Skip(t, "no such names here: %v", err)
	}
	const model = "../../testdata/benign.onnx"
	for _, args := range [][]string{
		{"analyze", model, "--out", file},
		{"analyze", model, "--out=" + filepath.Dir(file) + "//./two\nlines"},
		{"extract", model, "--out", file + "/x.npz", "--train-limit", "20"},
		{"train", "--out", file},
		{"sweep", "benign", "--out", file, "--quiet"},
	} {
		code, _, msg := runMemprobe(args...)
		if code == 0 || !strings.Contains(msg, `two\nlines`) || strings.Count(msg, "\n") != 1 {
			t.Errorf("%q: exit %d, %q, want one line", args, code, msg)
		}
	}
}
