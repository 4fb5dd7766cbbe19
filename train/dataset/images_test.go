package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// drawing is a w×h image whose pixels depend on seed.
func drawing(w, h, seed int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, color.RGBA{uint8(3*i + seed), uint8(i/w*5 + 2*seed), uint8(200 - i%w), 255})
	}
	return m
}

func pngBytes(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegBytes(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// imageFiles are two classes of three and two test pictures, with what a desktop
// leaves between them.
func imageFiles() map[string][]byte {
	files := map[string][]byte{"train/.DS_Store": {1}, "train/cat/notes.txt": {2}, "train/dog/.hidden.png": {3}}
	for i, name := range []string{"train/cat/a.png", "train/cat/b.PNG", "train/cat/deep/c.jpg", "train/dog/a.jpeg",
		"train/dog/b.png", "train/dog/c.png", "val/cat/x.png", "val/dog/y.png"} {
		if strings.Contains(name, ".j") {
			files[name] = jpegBytes(drawing(12, 8, i))
		} else {
			files[name] = pngBytes(drawing(12, 8, i))
		}
	}
	return files
}

func writeTree(t testing.TB, files map[string][]byte) string {
	dir := t.TempDir()
	for name, b := range files {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(name)), b)
	}
	return dir
}

// zipTree puts files into an archive, below one folder.
func zipTree(t testing.TB, files map[string][]byte) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create("set/" + name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(files[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set.zip")
	writeFile(t, path, b.Bytes())
	return path
}

func TestImages(t *testing.T) {
	dir := writeTree(t, imageFiles())
	s := open(t, "images:"+dir, Options{Threads: 1})
	wantSize(t, s, 6, 2, 3, 8, 12, 2)
	if !slices.Equal(s.Classes, []string{"cat", "dog"}) || !slices.Equal(s.Train.Labels(), []int32{0, 0, 0, 1, 1, 1}) {
		t.Errorf("classes %v, labels %v", s.Classes, s.Train.Labels())
	}
	want := make([]byte, 3*8*12)
	toPlanes(want, drawing(12, 8, 1), extent{3, 8, 12})
	if !bytes.Equal(s.Train.Pixels(1), want) {
		t.Error("a PNG's pixels differ")
	}
	if notes := strings.Join(s.Notes,
		"; "); notes != fmt.Sprintf("1 hidden pictures or folders in %[1]s are left out; 1 files of other kinds in "+
		"%[1]s are left out", filepath.Join(dir, "train")) {
		t.Errorf("notes %q", notes)
	}
	many := open(t, "images:"+dir, Options{Threads: 5, MaxMemory: 1})
	zipped := open(t, "images:"+zipTree(t, imageFiles()), Options{})
	for _, o := range []*Set{many, zipped} {
		if o.Fingerprint() != s.Fingerprint() {
			t.Error("threads, mapped memory or a zip archive change the content")
		}
	}
}

// A resized picture is the same whether it is decoded to that size or converted
// afterwards, and a subset is a part of the whole.
func TestImagesResized(t *testing.T) {
	spec := "images:" + writeTree(t, imageFiles())
	whole := open(t, spec, Options{})
	small := open(t, spec, Options{Channels: 1, Height: 5, Width: 5, TrainLimit: 4})
	wantSize(t, small, 4, 2, 1, 5, 5, 2)
	if len(small.Notes) != 4 || !strings.Contains(small.Notes[3], "8x12 to 5x5") {
		t.Errorf("notes %q", small.Notes)
	}
	px, want := whole.Test.Pixels(1), make([]byte, 25)
	resizeImage(want, px, extent{3, 8, 12}, extent{1, 5, 5}, newResizer(Preprocess{}, 8, 12, 5, 5),
		&resizeScratch[uint8]{}, bytePixels{})
	if !bytes.Equal(small.Test.Pixels(1), want) {
		t.Error("decoded and converted pictures differ")
	}
}

func TestImagesOfSeveralKinds(t *testing.T) {
	grey := map[string][]byte{}
	for _, name := range []string{"train/a/1.png", "train/b/2.png", "test/a/3.png"} {
		m := image.NewGray(image.Rect(0, 0, 6, 6))
		copy(m.Pix, ramp(36))
		grey[name] = pngBytes(m)
	}
	s := open(t, "images:"+writeTree(t, grey), Options{})
	wantSize(t, s, 2, 1, 1, 6, 6, 2)
	if !bytes.Equal(s.Train.Pixels(0), ramp(36)) {
		t.Error("grey pixels differ")
	}
	grey["train/b/4.png"] = pngBytes(drawing(6, 6, 1))
	mixed := open(t, "images:"+writeTree(t, grey), Options{TrainLimit: 2})
	wantSize(t, mixed, 2, 1, 3, 6, 6, 2)
	grey["train/b/5.png"] = pngBytes(drawing(9, 7, 1))
	dir := writeTree(t, grey)
	wantFault(t, "images:"+dir, Options{}, filepath.Join("b", "5.png"), "7x9", "6x6")
	sized := open(t, "images:"+dir, Options{Height: 4, Width: 4})
	wantSize(t, sized, 4, 1, 3, 4, 4, 2)
	if notes := strings.Join(sized.Notes, "; "); !strings.Contains(notes, "some grey images") ||
		!strings.Contains(notes, "6–7 x 6–9 to 4x4") {
		t.Errorf("notes %q", notes)
	}
}

func TestImagesFaults(t *testing.T) {
	whole := jpegBytes(drawing(12, 8, 0))
	bomb := pngBytes(drawing(1, 1, 0))
	copy(bomb[16:24], []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30}) // 30000 x 30000
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for _, c := range []struct {
		name, file string
		data       []byte // nil: the file goes
		words      []string
	}{
		{"corrupt JPEG", "train/dog/a.jpeg", append(bytes.Clone(whole[:200]), whole[260:]...), []string{"a.jpeg", "JPEG"}},
		{"truncated JPEG", "train/dog/a.jpeg", whole[:len(whole)-80], []string{"a.jpeg", "truncated JPEG"}},
		{"truncated PNG", "val/cat/x.png", pngBytes(drawing(12, 8, 0))[:60],
			[]string{"x.png", "corrupt PNG", "not enough pixel data"}},
		{"no picture", "train/cat/b.PNG", []byte("GIF89a..."), []string{"b.PNG", "neither PNG"}},
		{"empty file", "train/cat/b.PNG", []byte{}, []string{"b.PNG", "empty"}},
		{"bomb", "train/cat/b.PNG", bomb, []string{"b.PNG", "30000x30000"}},
		{"unknown class", "val/bird/x.png", pngBytes(drawing(12, 8, 0)),
			[]string{filepath.Join("val", "bird"), "none of the 2"}},
		{"empty class", "train/bird/readme.md", []byte("x"), []string{filepath.Join("train", "bird"), "empty class"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := imageFiles()
			files[c.file] = c.data
			wantFault(t, "images:"+writeTree(t, files), Options{}, c.words...)
			wantFault(t, "images:"+writeTree(t, files), Options{Channels: 3, Height: 8, Width: 8, Threads: 3}, c.words...)
			wantFault(t, "images:"+zipTree(t, files), Options{}, strings.ReplaceAll(c.words[0], `\`, "/"))
		})
	}
	wantFault(t, "images:"+t.TempDir(), Options{}, "no train in it")
	wantFault(t, "images:"+writeTree(t, map[string][]byte{"train/x.png": whole}), Options{}, "no folder of a class")
	wantFault(t, "images:"+filepath.Join(t.TempDir(), "none"), Options{}, "no such file")
	zip := readFile(t, zipTree(t, imageFiles()))
	cut := filepath.Join(t.TempDir(), "cut.zip")
	writeFile(t, cut, zip[:len(zip)/2])
	wantFault(t, "images:"+cut, Options{}, "cut.zip")
}

func TestImagesInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, "images:"+writeTree(t, imageFiles()), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// Every form of picture decodes to what PIL makes of it: exactly, but that the
// inverse transform of WebP rounds in its own way. A level of chroma shows as 1.8 of
// blue; with one of luma, a value in a thousand may differ by 3.
func TestPicturesAsPIL(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("testdata", "pictures", "*.*"))
	n := 0
	for _, file := range files {
		tolerance := 0
		switch filepath.Ext(file) {
		case ".py":
			continue
		case ".webp":
			tolerance = 2
		}
		n++
		got, e, err := decodePicture(readFile(t, file), nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want, we, err := decodePicture(readFile(t,
			filepath.Join("testdata", "pictures", "want", filepath.Base(file)+".png")), nil)
		if err != nil || e != we {
			t.Errorf("%s: %v, %v, want %v", file, err, e, we)
			continue
		}
		worst, beyond := 0, 0
		for i := range got {
			d := max(int(got[i])-int(want[i]), int(want[i])-int(got[i]))
			if worst = max(worst, d); d > tolerance {
				beyond++
			}
		}
		if worst > tolerance+1 || beyond*1000 > len(got) || tolerance == 0 && worst > 0 {
			t.Errorf("%s: %d of %d values differ by more than %d, one by %d", file, beyond, len(got), tolerance, worst)
		}
	}
	if n != 76 {
		t.Errorf("%d pictures compared, want 76", n)
	}
}

// What a decoder does not know is not called damaged.
func TestUnsupportedIsNotCorrupt(t *testing.T) {
	file := jpegBytes(drawing(12, 8, 0))
	sof := bytes.Index(file, []byte{0xff, 0xc0})
	change := func(at int, b byte) []byte {
		data := bytes.Clone(file)
		data[sof+at] = b
		return data
	}
	for name, data := range map[string][]byte{
		"12 bits":           change(4, 12),
		"arithmetic coding": change(1, 0xc9),
		"lossless":          change(1, 0xc3),
		"two thirds":        change(14, 0x31),
	} {
		if _, _, err := decodePicture(data, nil); err == nil || !strings.HasPrefix(err.Error(), "unsupported JPEG: ") {
			t.Errorf("%s: error %v, want one of what is unsupported", name, err)
		}
	}
	frame := readFile(t, filepath.Join("testdata", "pictures", "animated.webp"))
	at := bytes.Index(frame, []byte("ANMF"))
	for name, data := range map[string][]byte{"no frame": frame[:at], "half a frame": frame[:at+40]} {
		if _, _, err := decodePicture(data, nil); err == nil || !strings.Contains(err.Error(), "WebP") {
			t.Errorf("%s: error %v, want one of WebP", name, err)
		}
	}
	big := bytes.Clone(frame)
	copy(big[at+14:], []byte{0xff, 0, 0}) // the frame's place, beyond the canvas
	big[at+8] = 0xff
	if _, _, err := decodePicture(big, nil); err == nil || !strings.Contains(err.Error(), "beyond its canvas") {
		t.Errorf("a frame beyond the canvas: error %v", err)
	}
}

func tinyFiles() map[string][]byte {
	files := map[string][]byte{
		"wnids.txt":               []byte("n03\nn01\n"),
		"words.txt":               []byte("n01\tgoldfish, Carassius auratus\nn02\tbear\nn03\tplane\n"),
		"val/val_annotations.txt": []byte("val_0.JPEG\tn03\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n"),
	}
	for i := range 2 {
		files[fmt.Sprintf("val/images/val_%d.JPEG", i)] = jpegBytes(drawing(16, 16, i))
		for _, id := range []string{"n01", "n03"} {
			files["train/"+id+"/"+id+"_boxes.txt"] = []byte("x")
			files[fmt.Sprintf("train/%s/images/%s_%d.JPEG", id, id, i)] = jpegBytes(drawing(16, 16, 7*i))
		}
	}
	return files
}

func TestTinyImageNet(t *testing.T) {
	s := open(t, "tinyimagenet:"+writeTree(t, tinyFiles()), Options{})
	wantSize(t, s, 4, 2, 3, 16, 16, 2)
	if !slices.Equal(s.Classes, []string{"goldfish", "plane"}) || !slices.Equal(s.Test.Labels(), []int32{1, 0}) {
		t.Errorf("classes %q, test labels %v", s.Classes, s.Test.Labels())
	}
	if z := open(t, "tinyimagenet:"+zipTree(t, tinyFiles()), Options{}); z.Fingerprint() != s.Fingerprint() {
		t.Error("the archive differs from the folder")
	}
	sorted := map[string][]byte{}
	for name, data := range tinyFiles() {
		sorted[name] = data
	}
	delete(sorted, annotations)
	sorted["val/n03/val_0.JPEG"], sorted["val/n01/val_1.JPEG"] = sorted["val/images/val_0.JPEG"],
		sorted["val/images/val_1.JPEG"]
	delete(sorted, "val/images/val_0.JPEG")
	delete(sorted, "val/images/val_1.JPEG")
	wantSize(t, open(t, "tinyimagenet:"+writeTree(t, sorted), Options{}), 4, 2, 3, 16, 16, 2)
}

func TestTinyImageNetFaults(t *testing.T) {
	for _, c := range []struct {
		name, file, data string
		words            []string
	}{
		{"unknown class", annotations, "val_0.JPEG\tn03\nval_1.JPEG\tn77\n",
			[]string{"val_annotations.txt", "record 1", "n77"}},
		{"no class", annotations, "val_0.JPEG\n", []string{"val_annotations.txt", "record 0", "want a file and its class"}},
		{"no picture", annotations, "val_9.JPEG\tn03\n", []string{"val_9.JPEG"}},
		{"outside", annotations, "../../../../etc/passwd\tn03\n", []string{"passwd", "invalid"}},
		{"empty", "wnids.txt", "", []string{"wnids.txt", "no class"}},
		{"class without a folder", "wnids.txt", "n01\nn03\nn05", []string{"n05"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := tinyFiles()
			files[c.file] = []byte(c.data)
			wantFault(t, "tinyimagenet:"+writeTree(t, files), Options{}, c.words...)
		})
	}
}

// Damaged pictures decode, or the error says what is wrong.
func FuzzPicture(f *testing.F) {
	for _, pattern := range []string{"*.png", "*.jpg", "*.webp"} {
		files, _ := filepath.Glob(filepath.Join("testdata", "pictures", pattern))
		for _, file := range files {
			f.Add(readFile(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		planes, e, err := decodePicture(data, nil)
		if err == nil && len(planes) != e.size() {
			t.Fatalf("%d bytes for %v", len(planes), e)
		}
	})
}

// The text files of TinyImageNet may hold anything.
func FuzzTinyImageNet(f *testing.F) {
	f.Add(tinyFiles()["wnids.txt"], tinyFiles()["words.txt"], tinyFiles()[annotations])
	f.Fuzz(func(t *testing.T, ids, words, lines []byte) {
		files := tinyFiles()
		files["wnids.txt"], files["words.txt"], files[annotations] = ids, words, lines
		if s, err := Open(context.Background(), "tinyimagenet:"+writeTree(t, files), Options{}); err == nil {
			s.Close()
		}
	})
}
