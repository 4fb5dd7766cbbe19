package dataset

import (
	"archive/zip"
	"strings"
	"testing"
)

// What lies beside the images that are taken is told.
func TestWhatIsLeftOutIsTold(t *testing.T) {
	files := imageFiles()
	picture := files["train/cat/a.png"]
	files["train/loose.png"], files["train/.hidden.png"] = picture, picture
	files["train/cat/.ipynb_checkpoints/a.png"], files["train/dog/._b.png"], files["train/.emu/a.png"] = picture,
		picture, picture
	for _, class := range []string{"cat", "dog"} {
		files["test/"+class+"/x.png"], files["val/"+class+"/y.png"] = picture, picture
	}
	notes := strings.Join(open(t, "images:"+writeTree(t, files), Options{}).Notes, "; ")
	for _, want := range []string{"1 pictures in ", "lie in no folder of a class", "5 hidden pictures or folders in ",
		"val is left out: the test images are those of "} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	}
	shards := parquetFileSet()
	shards["data/test-00000-of-00001.parquet"] = shards["data/validation-00000-of-00001.parquet"]
	if notes := strings.Join(open(t, "parquet:"+writeTree(t, shards), Options{}).Notes, "; "); !strings.Contains(notes,
		"validation-00000-of-00001.parquet is left out: ") {
		t.Errorf("notes %q, want one about validation", notes)
	}
}

// A file of another name does not stand in for a shard that is missing.
func TestParquetShardsOfTwoKinds(t *testing.T) {
	files := parquetFileSet()
	files["data/train-extra.parquet"] = files["data/train-00001-of-00002.parquet"]
	wantFault(t, "parquet:"+writeTree(t, files), Options{}, "3 of the 2 files")
	delete(files, "data/train-00001-of-00002.parquet")
	wantFault(t, "parquet:"+writeTree(t, files), Options{}, "train-extra.parquet", "no shard of train")
}

// x and y have a test split as x_train and y_train do.
func TestNPZTestBesideX(t *testing.T) {
	arrays := npzArrays()
	arrays["x"], arrays["y"] = arrays["x_train"], arrays["y_train"]
	delete(arrays, "x_train")
	delete(arrays, "y_train")
	set := open(t, "npz:"+writeNPZ(t, arrays, zip.Store), Options{})
	wantSize(t, set, 6, 2, 3, 4, 5, 3)
	if len(set.Notes) != 0 {
		t.Errorf("notes %q, want none", set.Notes)
	}
}

// Arrays of an archive that are no part of the set are told, and samples that are missing
// are not taken to be vectors of nothing.
func TestNPZArraysLeftOut(t *testing.T) {
	arrays := npzArrays()
	arrays["x_val"], arrays["y_val"] = arrays["x_test"], arrays["y_test"]
	notes := strings.Join(open(t, "npz:"+writeNPZ(t, arrays, zip.Store), Options{}).Notes, "; ")
	if !strings.HasSuffix(notes, "set.npz that are left out: x_val, y_val") {
		t.Errorf("notes %q, want x_val, y_val", notes)
	}
	for _, name := range []string{"x_test", "y_test", "x_train", "y_train"} {
		arrays := npzArrays()
		delete(arrays, name)
		wantFault(t, "npz:"+writeNPZ(t, arrays, zip.Store), Options{}, "no array "+name)
	}
}
