package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"memprobe/internal/meta"
	"memprobe/internal/npy"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/probe/result"
)

// openData opens the data of a model as analyze does.
func openData(t *testing.T, model string, args ...string) (*openedData, error) {
	t.Helper()
	m, err := loadSubject(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	var o dataOptions
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.flags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	d, err := o.open(context.Background(), m)
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

func tempInts(t *testing.T, values []int64, shape ...int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ints.npy")
	if err := npy.Write(file, tensor.From(values, shape...)); err != nil {
		t.Fatal(err)
	}
	return file
}

// Whatever part of the set is looked at, an image keeps the label that the network
// was trained on.
func TestAssignedLabelsFollowTheirImages(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	mustTrain(t, trainArgs(run, "--epochs", "1")...)
	own, _, err := npy.ReadInts(filepath.Join(run, "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(damaged, os.DirFS(run)); err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(filepath.Join(damaged, "labels.npy"),
		tensor.From(append(own[1:len(own):len(own)], own[0]), len(own))); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(t, damaged); err == nil || !strings.Contains(err.Error(), "labels.npy: is damaged") {
		t.Errorf("labels that the run was not trained on: error %v", err)
	}
	whole, err := openData(t, run)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]int{} // by place
	for i, place := range whole.Train.Places() {
		want[place] = int(own[i])
	}
	all := make([]int64, whole.Train.Stored())
	for i := range all {
		all[i] = int64(i*i) % 10
	}
	full := tempInts(t, all, len(all))
	places := whole.Train.Places()[:40]
	index := make([]int64, len(places))
	for i, p := range places {
		index[i] = int64(p)
	}
	slices.Reverse(index)
	byIndex := tempInts(t, index, len(index))
	model := filepath.Join(run, "model.onnx")
	for _, c := range []struct {
		model string
		args  []string
		n     int
		full  bool
	}{
		{run, nil, 300, false},
		{run, []string{"--train-limit", "100"}, 100, false},
		{run, []string{"--train-index", byIndex}, 40, false},
		{run, []string{"--test-limit", "20"}, 300, false},
		{run, []string{"--assigned", filepath.Join(run, "labels.npy"), "--train-limit", "100"}, 100, false},
		{model, []string{"--train-limit", "100"}, 100, false},
		{model, []string{"--train-index", byIndex}, 40, false},
		{model, []string{"--assigned", full}, 300, true},
		{model, []string{"--assigned", full, "--train-limit", "77", "--subset-seed", "5"}, 77, true},
		{model, []string{"--assigned", full, "--train-first", "50"}, 50, true},
		{model, []string{"--assigned", tempInts(t, all[:50], 50, 1), "--train-first", "50"}, 50, true},
	} {
		d, err := openData(t, c.model, c.args...)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		if len(d.assigned) != c.n || d.Train.N() != c.n {
			t.Errorf("%v: %d labels for %d images, want %d", c.args, len(d.assigned), d.Train.N(), c.n)
		}
		for i, place := range d.Train.Places() {
			y, ok := want[place]
			if c.full {
				y, ok = int(all[place]), true
			}
			if !ok || d.assigned[i] != y {
				t.Fatalf("%v: the image at place %d has label %d, want %d", c.args, place, d.assigned[i], y)
			}
		}
	}
	if d, err := openData(t, model, "--train-first", "4000"); err != nil || d.assigned != nil || len(d.warnings) != 1 {
		t.Errorf("images that the model was not trained on: %v, warnings %q", err, d.warnings)
	}
	d, err := openData(t, model, "--train-first", "4000", "--labels", "true")
	if err != nil || !slices.EqualFunc(d.assigned, d.Train.Labels(), func(y int, label int32) bool { return y == int(label) }) {
		t.Errorf("true labels of images that the model was not trained on: %v", err)
	}
	hot := make([]int64, len(all)*10)
	for i, y := range all {
		hot[i*10+int(y)] = 1
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"77 labels for the 5000 training images", []string{"--assigned", tempInts(t, all[:77], 77)}},
		{"--train-first 77", []string{"--assigned", tempInts(t, all[:77], 77), "--train-limit", "77"}},
		{"look one-hot", []string{"--assigned", tempInts(t, hot, len(all), 10)}},
		{"labels of shape [2500 2], want [5000]", []string{"--assigned", tempInts(t, all, 2500, 2)}},
		{"record 0: label 10, want 0 to 9", []string{"--assigned", tempInts(t, []int64{10}, 1), "--train-first", "1"}},
		{"--train-limit 5: want one of them", []string{"--train-first", "5", "--train-limit", "5"}},
		{"fewer than the first 6000", []string{"--train-first", "6000"}},
		{"none at place 5000, which record 1", []string{"--train-index", tempInts(t, []int64{3, 5000}, 2)}},
		{"names place 3 twice", []string{"--train-index", tempInts(t, []int64{3, 3}, 2)}},
		{"want [N]", []string{"--train-index", tempInts(t, []int64{3}, 1, 1)}},
		{"which the model was not trained on", []string{"--train-first", "4000", "--labels", "random"}},
	} {
		if _, err := openData(t, model, c.args...); err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: error %v, want %q", c.args, err, c.want)
		}
	}
}

// A run is not analysed on other data than its own without being told to.
func TestAnalyzeOtherData(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	mustTrain(t, trainArgs(run, "--epochs", "1")...)
	file := filepath.Join(run, "run.json")
	record, err := result.ReadRun(file)
	if err != nil {
		t.Fatal(err)
	}
	record.Data.Fingerprint = "sha256:0123"
	if err := record.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"analyze", run, "--out", filepath.Join(dir, "report")},
		{"extract", run, "--out", filepath.Join(dir, "acts.npz")},
	} {
		code, out, msg := runMemprobe(append(args, "--quiet")...)
		if code != exitInput || out != "" || strings.Count(msg, "\n") != 1 || strings.Count(msg, file) > 1 ||
			!strings.Contains(msg, "--allow-other-data") || !strings.Contains(msg, "sha256:0123") {
			t.Errorf("%v: exit %d, %q; want %d and the fingerprints", args, code, msg, exitInput)
		}
	}
	code, out, msg := runMemprobe("analyze", run, "--allow-other-data", "--json", "--quiet", "--format", "html",
		"--out", filepath.Join(dir, "report"))
	if code != 0 {
		t.Fatal(msg)
	}
	p, err := result.DecodeProbe(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 2 || !strings.Contains(p.Warnings[0], "not those that") || p.Fit.AssignedClean != nil {
		t.Errorf("warnings %q, fit %v", p.Warnings, p.Fit.AssignedClean)
	}
}

// A model of no run knows the images that it was trained on by their content: others have
// no labels of its own, though they are called alike.
func TestModelOnOtherImages(t *testing.T) {
	dir := t.TempDir()
	own, other := filepath.Join(dir, "own.npz"), filepath.Join(dir, "other.npz")
	writeImages(t, own, 40, 1, 6)
	writeImages(t, other, 30, 1, 6)
	run := filepath.Join(dir, "run")
	mustTrain(t, "train", "--data", "npz:"+own, "--arch", "mlp", "--width", "4", "--labels", "random", "--epochs", "1",
		"--quiet", "--out", run)
	model := filepath.Join(run, "model.onnx")
	if d, err := openData(t, model, "--data", "npz:"+own); err != nil || len(d.assigned) != 40 || len(d.warnings) != 0 {
		t.Errorf("its own images: %v, warnings %q", err, d.warnings)
	}
	if d, err := openData(t, model, "--data", "npz:"+own, "--label-seed", "5"); err != nil || len(d.assigned) != 40 ||
		*d.labelSeed != 5 {
		t.Errorf("labels of another seed: %v", err)
	}
	if d, err := openData(t, run, "--label-seed", "5"); err != nil || *d.labelSeed != 5 {
		t.Errorf("labels of another seed than a run's: %v", err)
	}
	d, err := openData(t, model, "--data", "npz:"+other)
	if err != nil || d.assigned != nil || len(d.warnings) != 2 ||
		!strings.Contains(d.warnings[0], "not those that "+model) {
		t.Errorf("other images: %v, warnings %q", err, d.warnings)
	}
	m, err := onnx.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	for key := range m.MetadataAll() {
		m.RemoveMetadata(key)
	}
	silent := filepath.Join(dir, "silent.onnx")
	if err := m.Save(silent); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(t, silent, "--data", "npz:"+own, "--label-seed", "5"); err == nil ||
		!strings.Contains(err.Error(), "neither given nor recorded") {
		t.Errorf("a seed of no labels: error %v", err)
	}
}

// What --init records of its own training is not taken for the new run's, and where a
// model and its run contradict each other, that is told.
func TestRecordsThatContradict(t *testing.T) {
	dir := t.TempDir()
	data, first, second := filepath.Join(dir, "set.npz"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	writeImages(t, data, 40, 1, 6)
	args := []string{"train", "--data", "npz:" + data, "--epochs", "1", "--quiet"}
	mustTrain(t, append(args, "--arch", "mlp", "--width", "4", "--image-size", "8", "--preprocess", "torchvision:8",
		"--normalize", "0.5/0.5", "--out", first)...)
	mustTrain(t, append(args, "--init", filepath.Join(first, "model.onnx"), "--image-size", "8", "--normalize", "none",
		"--out", second)...)
	m, err := loadSubject(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := m.Metadata(meta.Preprocess); ok || m.record["preprocess"] != "" || m.record["normalize"] != "none" ||
		len(m.notes) != 0 {
		t.Errorf("preprocess %q %q, normalize %q, notes %q; want none of the first run's", v, m.record["preprocess"],
			m.record["normalize"], m.notes)
	}
	m.SetMetadata(meta.Normalize, "0.5/0.5")
	m.fromMetadata()
	if len(m.notes) != 1 ||
		!strings.Contains(m.notes[0], `run.json says normalize "none", the model's metadata say "0.5/0.5"`) ||
		m.record["normalize"] != "none" {
		t.Errorf("notes %q, normalize %q; want run.json's, and a note", m.notes, m.record["normalize"])
	}
}

// A network whose scores are not one a class has no fit, and the report says so.
func TestFitThatIsNotMeasured(t *testing.T) {
	dir := t.TempDir()
	data, run := filepath.Join(dir, "set.npz"), filepath.Join(dir, "run")
	writeImages(t, data, 40, 1, 6)
	mustTrain(t, "train", "--data", "npz:"+data, "--arch", "mlp", "--width", "4", "--epochs", "1", "--quiet", "--out", run)
	fewer := filepath.Join(dir, "fewer.npz")
	y := make([]int64, 40)
	for i := range y {
		y[i] = int64(i % 3)
	}
	write(t, fewer, map[string]*tensor.Tensor{"x": arrays(t, data)["x_train"], "y": tensor.From(y, 40)})
	_, out, _ := runMemprobe("analyze", filepath.Join(run, "model.onnx"), "--data", "npz:"+fewer, "--draws", "1",
		"--k", "3", "--quiet", "--format", "html", "--out", filepath.Join(dir, "r"))
	if !strings.Contains(out, "the fit is not measured: the logits logits [N,10] are not one for each of 3 classes") {
		t.Errorf("analyze says %s", out)
	}
}

func TestWarnOfChance(t *testing.T) {
	assigned := make([]int, 100)
	for i := range assigned {
		assigned[i] = i % 5
	}
	for fit, want := range map[float64]int{0.21: 1, 0.05: 1, 0.9: 0, 0.4: 0} {
		p := &result.Probe{Data: result.Data{NumClasses: 5, LabelSource: "labels.npy"},
			Fit: result.Fit{AssignedClean: result.Some(fit)}}
		warnOfChance(p, assigned)
		if len(p.Warnings) != want || want == 1 && !strings.Contains(p.Warnings[0], "--normalize") {
			t.Errorf("fit %v: warnings %q, want %d", fit, p.Warnings, want)
		}
	}
}

// Augmentations are defined on pixels in [0,1]: floats outside are refused where
// one would meet them, and else taken as they are.
func TestFloatsOutsideTheUnitRange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "set.npz")
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 24*16)
	for i := range x {
		x[i] = float32(i%7)/3 - 1
	}
	y := make([]int64, 8)
	for i := range y {
		y[i] = int64(i % 2)
	}
	a, err := w.Array("x", tensor.Float32, 8, 3, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Append(tensor.From(x, len(x))); err != nil {
		t.Fatal(err)
	}
	if err := writeArray(w, "y", y); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	spec, run := "npz:"+file, filepath.Join(dir, "run")
	train := []string{"train", "--data", spec, "--arch", "mlp", "--width", "4", "--epochs", "1", "--quiet", "--out", run}
	mustTrain(t, train...)
	for _, args := range [][]string{
		append(train, "--normalize", "cifar10", "--out", filepath.Join(dir, "never")),
		{"analyze", run, "--normalize", "imagenet", "--k", "3"},
		append(train, "--augment", "crop-flip", "--out", filepath.Join(dir, "never")),
		{"analyze", run, "--augment", "hflip(p=0.5)", "--k", "3"},
		{"data", "preview", "--data", spec, "--out", filepath.Join(dir, "grid.png")},
	} {
		code, out, msg := runMemprobe(args...)
		if code != exitInput || out != "" || strings.Count(msg, "\n") != 1 || !strings.Contains(msg, "has a pixel of -1") {
			t.Errorf("%v: exit %d, %q; want %d and the pixel", args, code, msg, exitInput)
		}
	}
}
