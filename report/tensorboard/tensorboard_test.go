package tensorboard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// crc32c is the checksum bit by bit, by its reversed polynomial (RFC 3720, appendix B.4).
func crc32c(b []byte) uint32 {
	c := ^uint32(0)
	for _, v := range b {
		c ^= uint32(v)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0x82f63b78
			} else {
				c >>= 1
			}
		}
	}
	return ^c
}

// fields reads protobuf's encoding by its specification: of each field what it holds,
// a varint or fixed number as uint64, a length-delimited one as bytes.
func fields(b []byte) (out map[int][]any, err error) {
	varint := func() (v uint64) {
		for shift := 0; ; shift += 7 {
			if len(b) == 0 || shift > 63 {
				err = fmt.Errorf("a varint that does not end")
				return 0
			}
			c := b[0]
			b, v = b[1:], v|uint64(c&0x7f)<<shift
			if c < 0x80 {
				return v
			}
		}
	}
	out = map[int][]any{}
	for len(b) > 0 && err == nil {
		key := varint()
		size := map[uint64]int{1: 8, 5: 4}[key&7]
		if key&7 == 2 {
			size = int(varint())
		}
		if size > len(b) {
			return nil, fmt.Errorf("field %d of %d bytes, %d are left", key>>3, size, len(b))
		}
		var v any
		switch key & 7 {
		case 0:
			v = varint()
		case 1:
			v = binary.LittleEndian.Uint64(b)
		case 5:
			v = uint64(binary.LittleEndian.Uint32(b))
		case 2:
			v = b[:size]
		default:
			return nil, fmt.Errorf("wire type %d", key&7)
		}
		b = b[size:]
		out[int(key>>3)] = append(out[int(key>>3)], v)
	}
	return out, err
}

// events reads an event file: the fields of each record, whose checksums must fit.
func events(t *testing.T, b []byte) []map[int][]any {
	t.Helper()
	unmask := func(m uint32) uint32 { m -= 0xa282ead8; return m>>17 | m<<15 }
	var out []map[int][]any
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		if unmask(binary.LittleEndian.Uint32(b[8:])) != crc32c(b[:8]) || n > uint64(len(b)-16) {
			t.Fatalf("record %d: a length of %d with a wrong checksum, or beyond the file", len(out), n)
		}
		data := b[12 : 12+n]
		if unmask(binary.LittleEndian.Uint32(b[12+n:])) != crc32c(data) {
			t.Fatalf("record %d: a wrong checksum", len(out))
		}
		e, err := fields(data)
		if err != nil {
			t.Fatalf("record %d: %v", len(out), err)
		}
		b, out = b[16+n:], append(out, e)
	}
	return out
}

// The checksum of RFC 3720 for 32 zeros, and the first record of every file that
// TensorFlow writes (its length, 24 = 0x18, and that number's checksum).
func TestChecksum(t *testing.T) {
	if c := crc32c(make([]byte, 32)); c != 0x8a9136aa {
		t.Fatalf("the test's own checksum is %08x", c)
	}
	if got := hex.EncodeToString(record(make([]byte, 24))[:12]); got != "1800000000000000a37f4b22" {
		t.Errorf("a record of 24 bytes begins %s", got)
	}
}

func TestLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "board")
	l, err := Create(dir, time.Unix(100, 0))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	at := time.Unix(1_700_000_000, 250_000_000)
	if l, err = Create(dir, at); err != nil {
		t.Fatal(err)
	}
	if err := l.Scalars(at, 7, Scalar{"loss", 0.25}, Scalar{"test", math.NaN()}, Scalar{"fit/clean", 1}); err != nil {
		t.Fatal(err)
	}
	if err := l.Scalars(at, 8, Scalar{"test", math.Inf(1)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Image(at, 300, "layers", []byte("\x89PNG"), 640, 480); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 || !strings.Contains(files[0], "tfevents.1700000000") {
		t.Fatalf("the folder holds %v, want the second log alone", files)
	}
	b, err := os.ReadFile(files[0]) // before it is closed: a run that is killed leaves what it wrote
	if err != nil {
		t.Fatal(err)
	}
	got := events(t, b)
	if len(got) != 4 {
		t.Fatalf("%d events, want the version, the start, scalars and an image", len(got))
	}
	if v := got[0][3]; len(v) != 1 || string(v[0].([]byte)) != "brain.Event:2" {
		t.Errorf("the first event is %v", got[0])
	}
	if wall := math.Float64frombits(got[2][1][0].(uint64)); wall != 1_700_000_000.25 || got[2][2][0] != uint64(7) {
		t.Errorf("scalars at %v, step %v", wall, got[2][2])
	}
	summary, err := fields(got[2][5][0].([]byte))
	if err != nil || len(summary[1]) != 2 {
		t.Fatalf("summary %v: %v", summary, err)
	}
	for i, want := range []Scalar{{"loss", 0.25}, {"fit/clean", 1}} {
		v, err := fields(summary[1][i].([]byte))
		if err != nil || string(v[1][0].([]byte)) != want.Tag ||
			math.Float32frombits(uint32(v[2][0].(uint64))) != float32(want.Value) {
			t.Errorf("value %d is %v (%v), want %v", i, v, err, want)
		}
	}
	summary, err = fields(got[3][5][0].([]byte))
	if err != nil {
		t.Fatal(err)
	}
	v, _ := fields(summary[1][0].([]byte))
	m, err := fields(v[4][0].([]byte))
	if err != nil || m[1][0] != uint64(480) || m[2][0] != uint64(640) || string(m[4][0].([]byte)) != "\x89PNG" ||
		got[3][2][0] != uint64(300) {
		t.Errorf("the image is %v (%v)", m, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestEmbedding(t *testing.T) {
	dir := t.TempDir()
	e := &Embedding{Name: `the "embedding"`, Dim: 2, Columns: []string{"index", "true"}}
	for i := range 5 {
		e.Rows = append(e.Rows, float32(i), -0.5)
		e.Words = append(e.Words, []string{fmt.Sprint(i), "a\tclass\n"})
		m := image.NewGray(image.Rect(0, 0, 4, 3))
		for j := range m.Pix {
			m.Pix[j] = uint8(40 * i)
		}
		e.Pictures = append(e.Pictures, m)
	}
	if err := e.Write(dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := read("embedding.tsv"); got != "0\t-0.5\n1\t-0.5\n2\t-0.5\n3\t-0.5\n4\t-0.5\n" {
		t.Errorf("vectors %q", got)
	}
	if got := read("metadata.tsv"); !strings.HasPrefix(got, "index\ttrue\n0\ta class \n") ||
		strings.Count(got, "\n") != 6 {
		t.Errorf("words %q", got)
	}
	want := `embeddings {
  tensor_name: "the \"embedding\""
  tensor_path: "embedding.tsv"
  metadata_path: "metadata.tsv"
  sprite {
    image_path: "sprite.png"
    single_image_dim: 4
    single_image_dim: 3
  }
}
`
	if got := read("projector_config.pbtxt"); got != want {
		t.Errorf("configuration %s", got)
	}
	m, err := png.Decode(bytes.NewReader([]byte(read("sprite.png"))))
	if err != nil || m.Bounds().Dx() != 12 || m.Bounds().Dy() != 9 {
		t.Fatalf("sprite %v (%v), want three by three pictures", m.Bounds(), err)
	}
	if got := color.GrayModel.Convert(m.At(5, 4)); got != (color.Gray{160}) {
		t.Errorf("the fifth picture is %v", got)
	}
	e.Pictures = nil
	if err := e.Write(dir); err != nil || strings.Contains(read("projector_config.pbtxt"), "sprite") {
		t.Error("without pictures the configuration names some")
	}
}
