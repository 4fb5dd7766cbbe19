package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"memprobe/internal/onnxpb"
	"memprobe/internal/rng"
)

// damage is a sequence of draws by which bytes are damaged.
type damage struct{ rng.Stream }

// file returns a damaged copy of a file's bytes, and how it was damaged: as the
// format has it in half of all cases, so that what lies behind checksums and
// lengths is reached too, else as mere bytes.
func (d *damage) file(name string, data []byte) (out []byte, what string) {
	if d.IntN(2) == 0 {
		switch filepath.Ext(name) {
		case ".gz", ".tgz":
			out, what = d.gzipped(data)
		case ".npz", ".zip":
			out, what = d.zipped(data)
		case ".onnx":
			out, what = d.model(data)
		case ".json", ".csv", ".yaml":
			out, what = d.text(data)
		case ".safetensors", ".npy", ".features":
			out, what = d.head(data)
		}
	}
	if out == nil {
		out, what = d.bytes(data)
	}
	return out, what
}

// bytes flips, overwrites, removes, repeats or inserts bytes, or cuts the end off.
func (d *damage) bytes(data []byte) ([]byte, string) {
	out := bytes.Clone(data)
	if len(out) < 2 {
		return []byte{byte(d.IntN(256))}, "another byte"
	}
	at := d.IntN(len(out))
	length := 1 + d.IntN(min(64, len(out)-at))
	switch d.IntN(8) {
	case 0:
		return out[:at], fmt.Sprintf("cut at %d", at)
	case 1:
		out[at] ^= 1 << d.IntN(8)
		return out, fmt.Sprintf("a bit of byte %d", at)
	case 2:
		for range 1 + d.IntN(16) {
			out[d.IntN(len(out))] = byte(d.IntN(256))
		}
		return out, "some bytes"
	case 3:
		return append(out[:at], out[at+length:]...), fmt.Sprintf("%d bytes at %d removed", length, at)
	case 4:
		return append(out[:at+length], data[at:]...), fmt.Sprintf("%d bytes at %d repeated", length, at)
	case 5:
		clear(out[at : at+length])
		return out, fmt.Sprintf("%d zeros at %d", length, at)
	case 6:
		head := heads[d.IntN(len(heads))]
		return append([]byte(head), out[min(at, len(head)):]...), fmt.Sprintf("begins with %.20q", head)
	}
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(d.extreme()))
	size := 1 << d.IntN(4)
	copy(out[at:], number[:size])
	return out, fmt.Sprintf("a number of %d bytes at %d", size, at)
}

// heads are the beginnings of files of other formats.
var heads = []string{"GIF89a\x01\x00\x01\x00\x80\x00\x00", "BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00",
	"RIFF\x24\x00\x00\x00WAVEfmt ", "RIFF\xff\xff\xff\xffWEBPVP8L",
	"\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe0", "PK\x03\x04", "\x1f\x8b\x08", "PAR1", "\x93NUMPY\x01\x00", "SIMPLE  =",
	"%PDF-1.7\n", "\x80\x04\x95", "ustar", "II*\x00", "{", "\ufeff"}

// extreme is an integer at which programs err.
func (d *damage) extreme() int64 {
	list := []int64{0, 1, -1, 2, 7, 255, 256, 65535, 65537, 1 << 20, math.MaxInt32, math.MinInt32, math.MaxUint32,
		1 << 33, 1 << 40, 1 << 53, math.MaxInt64, math.MinInt64}
	return list[d.IntN(len(list))]
}

// literal is a value that a text should not have.
func (d *damage) literal() string {
	list := []string{"NaN", "-Inf", "1e18", "1e308", "1e999", "-0", "null", "[]", "{}", `""`, "true", "0x7f", "999999999999999999999", `"\u0000\u001b[31m"`,
		strings.Repeat("9", 400), "../../etc/passwd", "=1+1", "&a [*a]", strings.Repeat("[", 3000)}
	if i := d.IntN(len(list) + 6); i < len(list) {
		return list[i]
	}
	return fmt.Sprint(d.extreme())
}

var value = regexp.MustCompile(`-?[0-9][0-9.e+-]*|"[^"\n]*"|[A-Za-z_/.-]+`)

// text replaces a value, or removes or repeats a line.
func (d *damage) text(data []byte) ([]byte, string) {
	if d.IntN(4) == 0 {
		lines := bytes.SplitAfter(data, []byte("\n"))
		i := d.IntN(len(lines))
		times := []int{0, 2, 2000}[d.IntN(3)]
		lines[i] = bytes.Repeat(lines[i], times)
		return bytes.Join(lines, nil), fmt.Sprintf("line %d, %d times", i+1, times)
	}
	all := value.FindAllIndex(data, -1)
	if len(all) == 0 {
		return nil, ""
	}
	at, to := all[d.IntN(len(all))], d.literal()
	return append(append(bytes.Clone(data[:at[0]]), to...), data[at[1]:]...),
		fmt.Sprintf("%.40q becomes %.40q", data[at[0]:at[1]], to)
}

// head damages the text at the beginning of a binary file.
func (d *damage) head(data []byte) ([]byte, string) {
	n := min(len(data), 400)
	out, what := d.text(data[:n])
	return append(out, data[n:]...), what
}

// gzipped damages what is compressed.
func (d *damage) gzipped(data []byte) ([]byte, string) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, ""
	}
	inner, err := io.ReadAll(r)
	if err != nil {
		return nil, ""
	}
	inner, what := d.bytes(inner)
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(inner)
	w.Close()
	return out.Bytes(), "inside, " + what
}

// zipped damages an entry of an archive.
func (d *damage) zipped(data []byte) ([]byte, string) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(z.File) == 0 {
		return nil, ""
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	which, what := d.IntN(len(z.File)), ""
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, ""
		}
		inner, err := io.ReadAll(r)
		if err != nil {
			return nil, ""
		}
		if i == which {
			inner, what = d.file(f.Name, inner)
			what = f.Name + ", " + what
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: f.Method})
		if err != nil {
			return nil, ""
		}
		e.Write(inner)
	}
	w.Close()
	return out.Bytes(), what
}

// model changes a field of an ONNX model.
func (d *damage) model(data []byte) ([]byte, string) {
	m := new(onnxpb.ModelProto)
	if proto.Unmarshal(data, m) != nil {
		return nil, ""
	}
	var fields []field
	collect(m.ProtoReflect(), &fields)
	if len(fields) == 0 {
		return nil, ""
	}
	f := fields[d.IntN(len(fields))]
	what := f.change(d)
	out, err := proto.Marshal(m)
	if err != nil {
		return nil, ""
	}
	return out, fmt.Sprintf("%s %s", f.is.FullName(), what)
}

// field is one that is set in a message.
type field struct {
	of protoreflect.Message
	is protoreflect.FieldDescriptor
}

// collect lists the fields of a message and of those that it holds.
func collect(m protoreflect.Message, out *[]field) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		*out = append(*out, field{m, f})
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				collect(v.List().Get(i).Message(), out)
			}
		default:
			collect(v.Message(), out)
		}
		return true
	})
}

// change clears a field, gives it or one of its elements another value, or repeats an
// element.
func (f field) change(d *damage) string {
	if d.IntN(5) == 0 {
		f.of.Clear(f.is)
		return "is cleared"
	}
	if !f.is.IsList() {
		if f.is.Kind() == protoreflect.MessageKind {
			f.of.Clear(f.is)
			return "is cleared"
		}
		v := d.scalar(f.is, f.of.Get(f.is))
		f.of.Set(f.is, v)
		return fmt.Sprintf("becomes %.60q", v.String())
	}
	list := f.of.Mutable(f.is).List()
	i := d.IntN(list.Len())
	if f.is.Kind() == protoreflect.MessageKind || d.IntN(3) == 0 {
		list.Append(list.Get(i))
		return fmt.Sprintf("has element %d twice", i)
	}
	v := d.scalar(f.is, list.Get(i))
	list.Set(i, v)
	return fmt.Sprintf("has %.60q at %d", v.String(), i)
}

func (d *damage) scalar(f protoreflect.FieldDescriptor, was protoreflect.Value) protoreflect.Value {
	n := d.extreme()
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.ToValidUTF8(d.literal(), "?"))
	case protoreflect.BytesKind:
		b, _ := d.bytes(was.Bytes())
		return protoreflect.ValueOfBytes(b)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32([]float32{0, float32(math.NaN()), float32(math.Inf(1)), 1e38, -1}[d.IntN(5)])
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(d.IntN(30)))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	}
	return protoreflect.ValueOfInt64(n)
}
