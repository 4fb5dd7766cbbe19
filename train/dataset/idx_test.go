package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"memprobe/internal/absent"
)

// idxBytes is an IDX file.
func idxBytes(data []byte, dims ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func gzipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ramp is n bytes that all differ from their neighbours.
func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// idxFiles are four good files of 6 + 3 images 4x5 in three classes.
func idxFiles() map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte": idxBytes(ramp(6*20), 6, 4, 5),
		"train-labels-idx1-ubyte": idxBytes([]byte{0, 1, 2, 0, 1, 2}, 6),
		"t10k-images-idx3-ubyte":  idxBytes(ramp(3*20), 3, 4, 5),
		"t10k-labels-idx1-ubyte":  idxBytes([]byte{2, 1, 0}, 3),
	}
}

func writeIDX(t testing.TB, files map[string][]byte) string {
	dir := t.TempDir()
	for name, b := range files {
		writeFile(t, filepath.Join(dir, name), b)
	}
	return dir
}

func TestIDX(t *testing.T) {
	plain := open(t, "idx:"+writeIDX(t, idxFiles()), Options{})
	wantSize(t, plain, 6, 3, 1, 4, 5, 3)
	if !bytes.Equal(plain.Train.Pixels(2), ramp(120)[40:60]) || plain.Test.Label(0) != 2 {
		t.Error("wrong pixels or labels")
	}
	zipped := map[string][]byte{}
	for name, b := range idxFiles() {
		zipped[name+".gz"] = gzipped(b)
	}
	mapped := open(t, "idx:"+writeIDX(t, idxFiles()), Options{MaxMemory: 1})
	packed := open(t, "idx:"+writeIDX(t, zipped), Options{})
	for _, s := range []*Set{mapped, packed} {
		if s.Fingerprint() != plain.Fingerprint() {
			t.Error("plain, gzipped and mapped files differ")
		}
	}
}

func TestIDXFaults(t *testing.T) {
	const images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	x, y := idxFiles()[images], idxFiles()[labels]
	float := bytes.Clone(x)
	float[2] = 0x0d
	for _, c := range []struct {
		name, file string
		data       []byte
		words      []string
	}{
		{"truncated", images, x[:len(x)-25], []string{images, "truncated", "record 4"}},
		{"truncated head", images, x[:7], []string{images, "truncated"}},
		{"too long", images, append(bytes.Clone(x), 1), []string{images, "too long"}},
		{"empty", labels, nil, []string{labels, "truncated"}},
		{"swapped", images, y, []string{images, "1 dimensions, want 3"}},
		{"fewer labels", labels, idxBytes([]byte{0, 1, 2}, 3), []string{labels, "3 labels for the 6 images"}},
		{"other type", images, float, []string{images, "0x0d"}},
		{"not IDX", images, []byte("PNG and more"), []string{images, "not an IDX file"}},
		{"claims much", images, idxBytes(nil, 1<<31, 1<<16, 1<<16), []string{images, "beyond reason"}},
		{"claims 1 TB", images, idxBytes(ramp(20), 1<<30, 32, 32), []string{images, "truncated"}},
		{"no images", images, idxBytes(nil, 0, 4, 5), []string{labels, "6 labels for the 0 images"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := idxFiles()
			files[c.file] = c.data
			wantFault(t, "idx:"+writeIDX(t, files), Options{}, c.words...)
			delete(files, c.file)
			files[c.file+".gz"] = gzipped(c.data)
			wantFault(t, "idx:"+writeIDX(t, files), Options{}, c.words...)
		})
	}
	t.Run("broken gzip", func(t *testing.T) {
		files := idxFiles()
		delete(files, images)
		z := gzipped(x)
		z[len(z)-6] ^= 1 // of the checksum
		files[images+".gz"] = z
		wantFault(t, "idx:"+writeIDX(t, files), Options{}, images, "checksum")
	})
	t.Run("missing file", func(t *testing.T) {
		files := idxFiles()
		delete(files, labels)
		wantFault(t, "idx:"+writeIDX(t, files), Options{}, labels)
	})
	t.Run("missing folder", func(t *testing.T) {
		wantFault(t, "idx:/nowhere/at/all", Options{}, "/nowhere/at/all", "no such file")
	})
	t.Run("label out of range", func(t *testing.T) {
		files := idxFiles()
		files[labels] = idxBytes([]byte{0, 1, 2, 10, 1, 2}, 6)
		wantFault(t, "mnist:"+writeIDX(t, files), Options{}, labels, "record 3", "label 10", "0 to 9")
	})
	t.Run("empty class", func(t *testing.T) {
		files := idxFiles()
		files[images] = idxBytes(ramp(80*20), 80, 4, 5)
		files[labels] = idxBytes(bytes.Repeat([]byte{0, 2}, 40), 80)
		wantFault(t, "idx:"+writeIDX(t, files), Options{}, labels, "class 1", "no training image")
	})
}

func TestIDXSmallSetWithoutAClass(t *testing.T) {
	files := idxFiles()
	files["train-labels-idx1-ubyte"] = idxBytes([]byte{0, 2, 2, 0, 0, 2}, 6)
	s := open(t, "idx:"+writeIDX(t, files), Options{})
	if len(s.Notes) != 1 {
		t.Errorf("notes %q, want one about class 1", s.Notes)
	}
}

func TestFashionMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 70,000 images as other tests read some")
	}
	const dir = "/usr/share/datasets/fashion-mnist"
	if _, err := os.Stat(dir); err != nil {
		absent.Skip(t, "Debian's dataset-fashion-mnist is not installed")
	}
	s := open(t, "fashion-mnist", Options{Roots: []string{filepath.Dir(dir)}})
	wantSize(t, s, 60000, 10000, 1, 28, 28, 10)
	for c, n := range counts(&s.Train, 10) {
		if n != 6000 {
			t.Errorf("class %d has %d images, want 6000", c, n)
		}
	}
	mini := open(t, Embedded, Options{})
	if !within(&mini.Train, &s.Train) || !within(&mini.Test, &s.Test) {
		t.Error("the embedded set is no subset")
	}
	drawn := open(t, "fashion-mnist",
		Options{Roots: []string{filepath.Dir(dir)}, TrainLimit: 5000, TestLimit: 1000, Seed: 2017})
	if drawn.Fingerprint() != mini.Fingerprint() {
		t.Error("the generator's draw is not the embedded set")
	}
}

// FuzzIDX: no input makes the reader panic, or hold more than the data pay for.
func FuzzIDX(f *testing.F) {
	for _, b := range idxFiles() {
		f.Add(b)
		f.Add(gzipped(b))
	}
	f.Add(idxBytes(nil, 1<<31, 1<<16))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		writeFile(t, path, b)
		l := newLoader(t.Context(), Options{})
		a, err := l.openIDX(path)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.dims {
			n *= d
		}
		if n != len(a.data) {
			t.Errorf("%d values for dimensions %v", len(a.data), a.dims)
		}
	})
}
