package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/shared"
)

// unzipped is a gzipped file of testdata.
func unzipped(t testing.TB, elem ...string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(readFile(t, filepath.Join(append([]string{"testdata"}, elem...)...))))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cifarImages are the pixels of testdata/pickle, and their labels.
func cifarImages() ([]byte, []byte) {
	b := make([]byte, 3*cifarPixels)
	for i := range b {
		b[i] = byte(i / 7)
	}
	return b, []byte{0, 9, 4}
}

// binaryBatch is a binary batch of the same images.
func binaryBatch(head ...byte) []byte {
	pixels, labels := cifarImages()
	var b []byte
	for i, y := range labels {
		b = append(append(append(b, head...), y), pixels[i*cifarPixels:(i+1)*cifarPixels]...)
	}
	return b
}

func writeFiles(t testing.TB, files map[string][]byte) string {
	dir := t.TempDir()
	for name, b := range files {
		writeFile(t, filepath.Join(dir, name), b)
	}
	return dir
}

func tarGz(t testing.TB, files map[string][]byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644,
			Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func TestCIFARFormatsAgree(t *testing.T) {
	b := binaryBatch()
	bin := open(t, "cifar10:"+writeFiles(t,
		map[string][]byte{"data_batch_1.bin": b, "data_batch_3.bin": b, "test_batch.bin": b}), Options{})
	wantSize(t, bin, 6, 3, 3, 32, 32, 10)
	if len(bin.Notes) != 2 || !strings.Contains(bin.Notes[0], "2 of 5") {
		t.Errorf("notes %q, want one about batches and one about classes", bin.Notes)
	}
	if pixels, _ := cifarImages(); !bytes.Equal(bin.Train.Pixels(4), pixels[cifarPixels:2*cifarPixels]) ||
		bin.Train.Label(4) != 9 {
		t.Error("wrong image or label")
	}
	for _, name := range []string{"protocol2", "protocol3", "protocol4", "protocol5", "python2", "labels-array",
		"labels-scalars", "bytes-keys"} {
		p := unzipped(t, "pickle", name+".gz")
		dir := writeFiles(t, map[string][]byte{"cifar-10-batches-py/data_batch_1": p,
			"cifar-10-batches-py/data_batch_2": p, "cifar-10-batches-py/test_batch": p})
		if s := open(t, "cifar10:"+dir, Options{}); s.Fingerprint() != bin.Fingerprint() {
			t.Errorf("%s differs from the binary batch", name)
		}
	}
	for _, archive := range []map[string][]byte{
		{"cifar-10-batches-bin/data_batch_1.bin": b, "cifar-10-batches-bin/data_batch_2.bin": b, "x/test_batch.bin": b,
			"x/readme.html": b},
		{"py/data_batch_1": unzipped(t, "pickle", "python2.gz"), "py/data_batch_5": unzipped(t, "pickle", "python2.gz"),
			"py/test_batch": unzipped(t, "pickle", "python2.gz")},
	} {
		root := writeFiles(t, map[string][]byte{"cifar-10-python.tar.gz": tarGz(t, archive)})
		if s := open(t, "cifar10", Options{Roots: []string{root}}); s.Fingerprint() != bin.Fingerprint() {
			t.Error("an archive differs from its folder")
		}
	}
	mapped := open(t, "cifar10:"+writeFiles(t,
		map[string][]byte{"data_batch_1.bin": b, "data_batch_3.bin": b, "test_batch.bin": b}), Options{MaxMemory: 1})
	if mapped.Fingerprint() != bin.Fingerprint() {
		t.Error("mapped files differ")
	}
}

func TestCIFAR100(t *testing.T) {
	if names := cifar100Names(); len(names) != 100 || !slices.IsSorted(names) {
		t.Fatalf("%d class names", len(names))
	}
	b := binaryBatch(19)
	s := open(t, "cifar100:"+writeFiles(t, map[string][]byte{"train.bin": b, "test.bin": b}), Options{})
	wantSize(t, s, 3, 3, 3, 32, 32, 100)
	if got := []int{s.Train.Label(0), s.Train.Label(1), s.Train.Label(2)}; !slices.Equal(got, []int{0, 9, 4}) {
		t.Errorf("fine labels %v", got)
	}
}

func TestCIFARReal(t *testing.T) {
	s := open(t, "cifar10:"+shared.Path(t, "data", "cifar-10-batches-bin"), Options{})
	wantSize(t, s, 10000, 2000, 3, 32, 32, 10)
	if n := counts(&s.Train, 10); slices.Min(n) < 900 {
		t.Errorf("images a class: %v", n)
	}
}

func TestCIFARFaults(t *testing.T) {
	b := binaryBatch()
	mislabelled := bytes.Clone(b)
	mislabelled[3073] = 10
	for _, c := range []struct {
		name  string
		data  []byte
		words []string
	}{
		{"truncated", b[:len(b)-1], []string{"data_batch_1.bin", "record 2", "3072 bytes, want 3073"}},
		{"oversized", append(bytes.Clone(b), 7), []string{"data_batch_1.bin", "record 3"}},
		{"empty", nil, []string{"data_batch_1.bin", "empty"}},
		{"too many", make([]byte, 10001*3073), []string{"10001 records"}},
		{"label", mislabelled, []string{"data_batch_1.bin", "record 1", "label 10", "0 to 9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFault(t, "cifar10:"+writeFiles(t, map[string][]byte{"data_batch_1.bin": c.data, "test_batch.bin": b}),
				Options{}, c.words...)
		})
	}
	wantFault(t, "cifar10:"+writeFiles(t, map[string][]byte{"data_batch_1.bin": b}), Options{}, "no test_batch.bin")
	wantFault(t, "cifar10:"+t.TempDir(), Options{}, "no batch of CIFAR")
	wantFault(t, "cifar10:/nowhere", Options{}, "/nowhere", "no such file")
	z := tarGz(t, map[string][]byte{"data_batch_1.bin": b, "test_batch.bin": b})
	for name, c := range map[string]struct {
		data []byte
		say  string
	}{"cut": {z[:len(z)/2], "truncated"}, "not gzip": {b, "gzip"}, "nothing in it": {tarGz(t, nil), "no batch"}} {
		dir := writeFiles(t, map[string][]byte{"a.tar.gz": c.data})
		t.Run(name, func(t *testing.T) { wantFault(t, "cifar10:"+dir+"/a.tar.gz", Options{}, "a.tar.gz", c.say) })
	}
}

func TestPickleRefused(t *testing.T) {
	for name, word := range map[string]string{
		"evil-system": "system", "evil-eval": "eval", "evil-getattr": "getattr", "evil-inst": "'i'",
		"evil-persistent": "'Q'", "evil-claim": "truncated",
	} {
		p := unzipped(t, "pickle", name+".gz")
		dir := writeFiles(t, map[string][]byte{"data_batch_1": p, "test_batch": p})
		wantFault(t, "cifar10:"+dir, Options{}, "data_batch_1", word)
	}
	good := unzipped(t, "pickle", "protocol4.gz")
	for _, cut := range []int{0, 1, 40, len(good) / 2, len(good) - 1} {
		dir := writeFiles(t, map[string][]byte{"data_batch_1": good[:cut], "test_batch": good})
		wantFault(t, "cifar10:"+dir, Options{}, "data_batch_1", "truncated")
	}
	dir := writeFiles(t, map[string][]byte{"train": good, "test": good}) // no fine_labels
	wantFault(t, "cifar100:"+dir, Options{}, "train", "fine_labels")
}

func FuzzPickle(f *testing.F) {
	for _, name := range []string{"protocol2", "protocol4", "protocol5", "python2", "evil-system", "evil-claim"} {
		f.Add(unzipped(f, "pickle", name+".gz"))
	}
	f.Add([]byte("\x80\x02}(U\x06labels](K\x00K\x09eU\x04dataNu."))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s source
		if cifar10().pickled(b, &s) == nil && len(s.pixels) != len(s.labels) {
			t.Error("images and labels differ in number")
		}
	})
}

func FuzzCIFAR(f *testing.F) {
	f.Add(binaryBatch())
	f.Add(binaryBatch(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []cifar{cifar10(), cifar100()} {
			var s source
			if c.records(b, &s) == nil && (len(s.pixels) == 0 || len(s.pixels) != len(s.labels)) {
				t.Error("images and labels differ in number")
			}
		}
	})
}
