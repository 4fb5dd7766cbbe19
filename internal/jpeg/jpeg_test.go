package jpeg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(data []byte) ([]byte, Size, error) {
	s, err := Head(data)
	if err != nil {
		return nil, s, err
	}
	dst := make([]byte, s.Channels*s.Height*s.Width)
	return dst, s, Decode(dst, data)
}

// Pixels are those of PIL, to the bit: samplings that exist and such that hardly do,
// sequential and progressive scans of every kind, restarts, inks.
func TestAsPIL(t *testing.T) {
	n := 0
	for line := range strings.Lines(string(read(t, "want.txt"))) {
		var name, hash string
		var want Size
		if _, err := fmt.Sscan(line, &name, &want.Channels, &want.Height, &want.Width, &hash); err != nil {
			t.Fatal(err)
		}
		used := bytes.Repeat([]byte{0xa5}, 1<<20) // by another picture
		lent.Put(&used)
		pixels, s, err := decode(read(t, name))
		if sum := sha256.Sum256(pixels); err != nil || s != want || hex.EncodeToString(sum[:]) != hash {
			t.Errorf("%s: %v, %v, want %v; pixels %x, want %s", name, err, s, want, sum, hash)
		}
		n++
	}
	if n != 20 {
		t.Errorf("%d pictures compared, want 20", n)
	}
}

// The transform is the cosine transform in real numbers, rounded, but for one level.
func TestInverse(t *testing.T) {
	for seed := range uint64(200) {
		var b [64]int32
		r := rand.New(rand.NewPCG(seed, 0))
		n := r.IntN(64)
		for k := range n + 1 {
			b[zigzag[k]] = r.Int32N(400) - 200
		}
		var want [64]float64
		for at := range want {
			y, x := at/8, at%8
			for k, c := range b {
				v, u := k/8, k%8
				f := float64(c) / 4
				if u == 0 {
					f /= math.Sqrt2
				}
				if v == 0 {
					f /= math.Sqrt2
				}
				want[at] += f * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) * math.Cos(float64(2*y+1)*float64(v)*math.Pi/16)
			}
		}
		var got [64]byte
		inverse(got[:], 8, &b, n)
		for at := range got {
			if w := min(max(want[at]+128, 0), 255); !(math.Abs(float64(got[at])-w) < 1) {
				t.Fatalf("seed %d, %d coefficients: sample %d is %d, want %.2f", seed, n+1, at, got[at], w)
			}
		}
	}
}

// change returns a copy with bytes set that lie so far behind a marker.
func change(data []byte, marker byte, at int, b ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[bytes.Index(data, []byte{0xff, marker})+at:], b)
	return data
}

func TestFaults(t *testing.T) {
	plain, bits := read(t, "2x2.jpg"), read(t, "bits.jpg")
	restarts := read(t, "restart.jpg")
	three := append([]byte{0xff, dht, 0, 22, 0, 3}, make([]byte, 18)...) // codes of 1 bit
	second := bytes.LastIndex(plain, []byte{0xff, sos})
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, errTruncated},
		{"text", []byte("text"), FormatError("does not begin as a JPEG")},
		{"no picture", []byte{0xff, soi, 0xff, eoi}, FormatError("no picture in it")},
		{"no end", plain[:len(plain)-2], errTruncated},
		{"half", plain[:len(plain)/2], errTruncated},
		{"half progressive", bits[:len(bits)/2], errTruncated},
		{"scan cut short", append(bytes.Clone(plain[:len(plain)-40]), 0xff, eoi), FormatError("a scan ends early")},
		{"12 bits", change(plain, sof0, 4, 12), UnsupportedError("12 bits a sample, want 8")},
		{"arithmetic", read(t, "arithmetic.jpg"), UnsupportedError("arithmetic coding")},
		{"lossless", change(plain, sof0, 1, sof3), UnsupportedError("a lossless picture")},
		{"hierarchical", change(plain, sof0, 1, sof6), UnsupportedError("a hierarchical picture")},
		{"two thirds", change(plain, sof0, 14, 0x31), UnsupportedError("component 1 has 2x2 of 3x2 samples")},
		{"no rows", change(plain, sof0, 5, 0, 0), UnsupportedError("0x37 pixels in its head")},
		{"unfinished", read(t, "unfinished.jpg"), UnsupportedError("scans that leave coefficients unfinished")},
		{"two scans of one", append(bytes.Clone(plain[:len(plain)-2]), plain[second:]...),
			FormatError(`a scan of component 1 does not go on where the last one ended`)},
		{"no scan", change(plain, sos, 1, app0), FormatError("no scan of component 1")},
		{"lost restart", bytes.Replace(restarts, []byte{0xff, rst0 + 1}, []byte{0xff, rst0 + 2}, 1),
			FormatError("a restart is missing")},
		{"no table", change(plain, dqt, 1, app0), FormatError("no table of quantisation 0")},
		{"no codes", change(plain, dht, 1, app0), FormatError(`no table of codes for component 1`)},
		{"codes that are none", slices.Concat(plain[:2], three, plain[2:]), FormatError("a table of codes that is none")},
		{"sampling of 0", change(plain, sof0, 11, 0x02), FormatError("component 1 has sampling factors 0x2 and table 0")},
	} {
		if _, _, err := decode(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
}

// What lies between segments, behind the end, or in front of a marker does not matter.
func TestRubbish(t *testing.T) {
	data := read(t, "restart.jpg")
	want, _, _ := decode(data)
	end := bytes.LastIndex(data, []byte{0xff, eoi})
	for name, odd := range map[string][]byte{
		"behind the end":      append(bytes.Clone(data), "rubbish"...),
		"in front of the end": append(append(bytes.Clone(data[:end]), "rubbish"...), data[end:]...),
		"fill bytes":          bytes.Replace(data, []byte{0xff, dqt}, []byte{0xff, 0xff, 0xff, dqt}, 1),
		"before a restart":    bytes.Replace(data, []byte{0xff, rst0}, []byte{1, 2, 3, 0xff, rst0}, 1),
	} {
		if got, _, err := decode(odd); err != nil || !bytes.Equal(got, want) {
			t.Errorf("rubbish %s: %v, or other pixels", name, err)
		}
	}
}

// Damaged files decode, or end in an error; a scan of a few bytes does not stand for
// more passes over the picture than the standard has.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.jpg"))
	for _, name := range files {
		f.Add(read(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Head(data)
		if err != nil || s.Height*s.Width > 1<<16 {
			return
		}
		_, _, err = decode(data)
		var format FormatError
		var unsupported UnsupportedError
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &format) && !errors.As(err, &unsupported) {
			t.Fatalf("error %v of another kind", err)
		}
	})
}

// BenchmarkDecode is beside the standard library's decoder, which leaves colours as
// they are stored.
func BenchmarkDecode(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	m := image.NewYCbCr(image.Rect(0, 0, 500, 375), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		y, x := i/m.YStride, i%m.YStride
		m.Y[i] = byte(128 + 60*math.Sin(float64(x*y)/9000) + float64(r.IntN(24)))
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(128+i%m.CStride/4), byte(100+i/m.CStride/4)
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 3*500*375)
	b.Run("jpeg", func(b *testing.B) {
		b.SetBytes(int64(len(dst)))
		for b.Loop() {
			if err := Decode(dst, file.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image", func(b *testing.B) {
		b.SetBytes(int64(len(dst)))
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(file.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}
