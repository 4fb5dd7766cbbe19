package dataset

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"memprobe/internal/absent"
)

// An archive made with backslashes between folders is the same set, and so is one
// whose names are not UTF-8.
func TestZipNames(t *testing.T) {
	files := imageFiles()
	want := open(t, "images:"+writeTree(t, files), Options{}).Fingerprint()
	for name, change := range map[string]func(string) string{
		"backslashes": func(s string) string { return `set\` + strings.ReplaceAll(s, "/", `\`) },
		"latin":       func(s string) string { return "set/" + strings.Replace(s, "a.", "\xe4.", 1) },
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, file := range slices.Sorted(maps.Keys(files)) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: change(file), NonUTF8: true})
			if err != nil {
				t.Fatal(err)
			}
			w.Write(files[file])
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "set.zip")
		writeFile(t, path, b.Bytes())
		s := open(t, "images:"+path, Options{})
		wantSize(t, s, 6, 2, 3, 8, 12, 2)
		if name == "backslashes" && s.Fingerprint() != want {
			t.Error("backslashes change the content")
		}
	}
}

// An entry without a name is no picture that may be lost in silence.
func TestZipWithoutAName(t *testing.T) {
	files := imageFiles()
	for _, name := range []string{"", ".", "a/.."} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, file := range append(slices.Sorted(maps.Keys(files)), name) {
			w, err := z.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(files[file])
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "set.zip")
		writeFile(t, path, b.Bytes())
		wantFault(t, "images:"+path, Options{}, "want a file's name")
	}
}

// Hidden folders in a class are left out; links to files and folders are followed,
// and those that lead nowhere or in a circle are told, as are names that are not
// UTF-8 read.
func TestFolderEntries(t *testing.T) {
	files := imageFiles()
	files["train/cat/.ipynb_checkpoints/a-checkpoint.png"] = files["train/cat/a.png"]
	files["train/dog/\xff.png"] = files["train/dog/b.png"]
	files["train/\xe9mu/a.png"] = files["train/dog/b.png"]
	dir := writeTree(t, files)
	wantSize(t, open(t, "images:"+dir, Options{}), 8, 2, 3, 8, 12, 3)
	link := func(to, name string) func() {
		t.Helper()
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.Symlink(to, at); err != nil {
			absent.Skip(t, "no links here: %v", err)
		}
		return func() { os.Remove(at) }
	}
	link(filepath.Join(dir, "train", "cat"), "train/dog/more")
	wantSize(t, open(t, "images:"+dir, Options{}), 11, 2, 3, 8, 12, 3)
	for name, words := range map[string]string{"train/gnu": "gnu", "train/dog/z": "leads nowhere",
		"train/dog/z.png": "leads nowhere"} {
		undo := link(filepath.Join(dir, "gone"), name)
		wantFault(t, "images:"+dir, Options{}, filepath.Base(name), words)
		undo()
	}
	link("..", "train/dog/up")
	wantFault(t, "images:"+dir, Options{}, "a link to a folder that it lies in")
}

func TestIDXLayouts(t *testing.T) {
	files := idxFiles()
	want := open(t, "idx:"+writeTree(t, files), Options{}).Fingerprint()
	nested, tails := map[string][]byte{}, map[string][]byte{}
	for name, b := range files {
		nested[name+"/"+name] = b
		tails[name+".gz"] = slices.Concat(gzipped(b[:10]), gzipped(b[10:]), make([]byte, 512))
	}
	for _, other := range []map[string][]byte{nested, tails} {
		if got := open(t, "idx:"+writeTree(t, other), Options{}).Fingerprint(); got != want {
			t.Errorf("%v: other content", slices.Sorted(maps.Keys(other)))
		}
	}
	const labels = "train-labels-idx1-ubyte.gz"
	tails[labels] = append(tails[labels], "tail"...)
	dir := writeTree(t, tails)
	wantFault(t, "idx:"+dir, Options{}, labels, "behind the gzip data")
	wantFault(t, "idx:"+filepath.Join(dir, labels), Options{}, "a file, want the folder")
	wantFault(t, "idx:"+writeTree(t, map[string][]byte{"digits.csv": {1}}), Options{}, "no IDX file train-images",
		`"digits.csv"`)
}

// A lone column of integers may be an index or an identifier: it is the label only
// where the metadata name its classes.
func TestParquetLabelIsNotGuessed(t *testing.T) {
	type indexed struct {
		Image parquetImage `parquet:"image"`
		Label string       `parquet:"label"`
		Index int64        `parquet:"__index_level_0__"`
	}
	type digits struct {
		Image parquetImage `parquet:"image"`
		Digit int64        `parquet:"digit"`
		ID    int64        `parquet:"id"`
	}
	picture := parquetImage{Bytes: pngBytes(drawing(6, 6, 1))}
	set := func(data []byte) string { return "parquet:" + writeTree(t, map[string][]byte{"train.parquet": data}) }
	if s := open(t, set(parquetBytes([]indexed{{picture, "dog", 0}, {picture, "cat", 1}})),
		Options{}); !slices.Equal(s.Classes, []string{"cat", "dog"}) || s.Train.Label(0) != 1 {
		t.Errorf("labels of text: classes %q, labels %v", s.Classes, s.Train.Labels())
	}
	rows := []digits{{picture, 1, 7}, {picture, 0, 8}}
	wantFault(t, set(parquetBytes(rows)), Options{}, "want one [image bytes], or lists of numbers, and one [label]")
	named := parquet.KeyValueMetadata("huggingface", `{"info": {"features": {"digit": {"names": ["zero", "one"]}}}}`)
	var b bytes.Buffer
	w := parquet.NewGenericWriter[digits](&b, named)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, set(b.Bytes()), Options{})
	if !slices.Equal(s.Train.Labels(), []int32{1, 0}) || s.Classes[0] != "zero" {
		t.Errorf("labels %v, classes %q", s.Train.Labels(), s.Classes)
	}
}

func TestParquetShardNames(t *testing.T) {
	first, second := parquetBytes(imageRows(0, 4)), parquetBytes(imageRows(4, 8))
	const one, two = "train-00000-of-00002-a09b74b3ef9c3b56.parquet", "train-00001-of-00002-0123456789abcdef.parquet"
	wantSize(t, open(t, "parquet:"+writeTree(t, map[string][]byte{one: first, two: second}), Options{}), 8, 0, 3, 8, 12, 2)
	wantFault(t, "parquet:"+writeTree(t, map[string][]byte{one: first}), Options{}, "1 of the 2 files")
	wantFault(t, "parquet:"+writeTree(t, map[string][]byte{one: first, "train-00000-of-00002.parquet": first}),
		Options{}, "shard 0 of train is there twice")
	wantFault(t, "parquet:"+writeTree(t, map[string][]byte{one: first, "train-00001-of-00003.parquet": first}),
		Options{}, "no shard of train that goes with the others")
	wantFault(t, "parquet:"+writeTree(t, map[string][]byte{one: first, two: second, "train-more.parquet": first}),
		Options{}, "3 of the 2 files")
}
