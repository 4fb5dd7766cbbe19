package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

type parquetImage struct {
	Bytes []byte `parquet:"bytes,optional,snappy"`
	Path  string `parquet:"path,optional"`
}

type imageRow struct {
	Image parquetImage `parquet:"image,optional"`
	Label *int64       `parquet:"label,optional"`
}

type cifarRow struct {
	Img    parquetImage `parquet:"img,optional"`
	Fine   int64        `parquet:"fine_label,dict,snappy"`
	Coarse int64        `parquet:"coarse_label"`
}

const hfMeta = `{"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}}}`

// parquetBytes is a file of rows in row groups of two.
func parquetBytes[T any](rows []T, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	options = append(options, parquet.MaxRowsPerRowGroup(2), parquet.KeyValueMetadata("huggingface", hfMeta))
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func imageRows(lo, hi int) []imageRow {
	var rows []imageRow
	for i := lo; i < hi; i++ {
		rows = append(rows, imageRow{parquetImage{Bytes: pngBytes(drawing(12, 8, i)), Path: "x.png"}, new(int64(i % 2))})
	}
	return rows
}

func parquetFileSet() map[string][]byte {
	return map[string][]byte{
		"README.md":                              []byte("x"),
		"data/train-00000-of-00002.parquet":      parquetBytes(imageRows(0, 5)),
		"data/train-00001-of-00002.parquet":      parquetBytes(imageRows(5, 8)),
		"data/validation-00000-of-00001.parquet": parquetBytes(imageRows(2, 4)),
	}
}

func TestParquet(t *testing.T) {
	dir := writeTree(t, parquetFileSet())
	s := open(t, "parquet:"+dir, Options{})
	wantSize(t, s, 8, 2, 3, 8, 12, 2)
	if !slices.Equal(s.Classes, []string{"cat", "dog"}) ||
		!slices.Equal(s.Train.Labels(), []int32{0, 1, 0, 1, 0, 1, 0, 1}) {
		t.Errorf("classes %q, labels %v", s.Classes, s.Train.Labels())
	}
	want := make([]byte, 3*8*12)
	for i := range 8 {
		toPlanes(want, drawing(12, 8, i), extent{3, 8, 12})
		if !bytes.Equal(s.Train.Pixels(i), want) {
			t.Errorf("image %d differs", i)
		}
	}
	part := open(t, "parquet:"+filepath.Join(dir, "data"), Options{TrainLimit: 4, Threads: 3})
	if !within(&part.Train, &s.Train) || part.Train.N() != 4 {
		t.Error("a subset is no part of the whole")
	}
}

func TestParquetColumns(t *testing.T) {
	var rows []cifarRow
	for i := range 6 {
		rows = append(rows, cifarRow{parquetImage{Bytes: pngBytes(drawing(6, 6, i))}, int64(i % 3), 9})
	}
	hidden := imageRows(0, 2)
	for i := range hidden {
		hidden[i].Label = new(int64(-1))
	}
	s := open(t, "parquet:"+writeTree(t, map[string][]byte{
		"cifar100/train-00000-of-00001.parquet": parquetBytes(rows, parquet.DataPageVersion(1)),
		"cifar100/test-00000-of-00001.parquet":  parquetBytes(hidden),
		"cifar100/validation.parquet":           parquetBytes(rows[:3], parquet.PageBufferSize(1)),
	}), Options{})
	wantSize(t, s, 6, 3, 3, 6, 6, 3)
	if !slices.Equal(s.Train.Labels(), []int32{0, 1, 2, 0, 1, 2}) ||
		!strings.Contains(strings.Join(s.Notes, "; "), "has no labels") {
		t.Errorf("labels %v, notes %q", s.Train.Labels(), s.Notes)
	}
}

func TestParquetFaults(t *testing.T) {
	const file = "data/train-00001-of-00002.parquet"
	good := parquetFileSet()[file]
	rows := func(change func(r []imageRow)) []byte {
		r := imageRows(5, 8)
		change(r)
		return parquetBytes(r)
	}
	huge := bytes.Clone(good)
	binary.LittleEndian.PutUint32(huge[len(huge)-8:], 1<<31)
	for _, c := range []struct {
		name  string
		data  []byte
		words []string
	}{
		{"truncated", good[:len(good)-20], []string{"truncated"}},
		{"no parquet", []byte("PK\x03\x04 and more bytes"), []string{"no parquet file"}},
		{"empty", []byte{}, []string{"0 bytes"}},
		{"claims much", huge, []string{"metadata of 2147483648 bytes"}},
		{"corrupt picture", rows(func(r []imageRow) { r[2].Image.Bytes = []byte("GIF89a") }),
			[]string{"record 2", "neither PNG"}},
		{"label out of range", rows(func(r []imageRow) { r[1].Label = new(int64(7)) }),
			[]string{"record 1", "label 7, want 0 to 1"}},
		{"no label", rows(func(r []imageRow) { r[1].Label = nil }), []string{"record 1", "no label"}},
		{"no bytes", rows(func(r []imageRow) { r[1].Image.Bytes = nil }), []string{"record 1", "not in the file"}},
		{"other columns", parquetBytes([]struct{ A, B int64 }{{1, 2}}), []string{"[A]", "[B]", "want one [image bytes]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := parquetFileSet()
			files[file] = c.data
			wantFault(t, "parquet:"+writeTree(t, files), Options{}, append(c.words, "train-00001-of-00002.parquet")...)
		})
	}
	files := parquetFileSet()
	delete(files, file)
	wantFault(t, "parquet:"+writeTree(t, files), Options{}, "1 of the 2 files train")
	wantFault(t, "parquet:"+t.TempDir(), Options{}, "no train-*.parquet")
	wantFault(t, "parquet:"+writeTree(t, map[string][]byte{"a/train.parquet": good, "b/train.parquet": good}),
		Options{}, "several configurations")
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Whatever stands in a file, it opens, or the error says what is wrong; nothing
// that it merely claims is allocated.
func FuzzParquet(f *testing.F) {
	f.Add(parquetFileSet()["data/train-00001-of-00002.parquet"])
	f.Add(parquetBytes([]cifarRow{{Fine: 1}}, parquet.DataPageVersion(1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &shard{path: "x.parquet", file: inMemory{bytes.NewReader(data)}}
		defer s.close()
		if s.open(int64(len(data)), nil) != nil {
			return
		}
		for i := range s.labels {
			s.row(i)
		}
	})
}

// Files with flipped bytes and cut ends.
func TestParquetMutations(t *testing.T) {
	good := parquetFileSet()["data/train-00001-of-00002.parquet"]
	var before, after runtime.MemStats
	n, opened := 400, 0
	if testing.Short() {
		n = 50
	}
	r := newMutator(1)
	for range n {
		dir := writeTree(t, map[string][]byte{"train.parquet": r.mutate(good)})
		runtime.ReadMemStats(&before)
		s, err := Open(context.Background(), "parquet:"+dir, Options{Channels: 3, Height: 8, Width: 8})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 256<<20 {
			t.Errorf("%d bytes allocated for a file of %d", got, len(good))
		}
		if err == nil {
			opened++
			s.Close()
		}
	}
	t.Logf("%d of %d opened", opened, n)
}
