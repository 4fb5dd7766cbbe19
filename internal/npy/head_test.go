package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	oracle "github.com/sbinet/npyio/npy"

	"memprobe/internal/tensor"
)

// file is an array as NumPy writes it, version 1.
func file(descr, fortran, shape string, values ...any) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)))
	b.WriteString(head)
	for _, v := range values {
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func read[T any](t *testing.T, b []byte, values func(*Head, io.Reader) ([]T, error)) ([]int, []T) {
	t.Helper()
	r := bytes.NewReader(b)
	h, err := ReadHead(r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := values(h, r)
	if err != nil {
		t.Fatal(err)
	}
	return h.Shape, v
}

func TestAgainstNpyio(t *testing.T) {
	var b bytes.Buffer
	want := []float32{1, -2.5, 3e-40}
	if err := oracle.Write(&b, want); err != nil {
		t.Fatal(err)
	}
	if shape, got := read(t, b.Bytes(), (*Head).Floats); !slices.Equal(got, want) || !slices.Equal(shape, []int{3}) {
		t.Errorf("%v %v", shape, got)
	}
	b.Reset()
	ints := []int64{-1, 1 << 40, 7}
	if err := oracle.Write(&b, ints); err != nil {
		t.Fatal(err)
	}
	if _, got := read(t, b.Bytes(), (*Head).Ints); !slices.Equal(got, ints) {
		t.Errorf("%v", got)
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		descr string
		value any
		want  int64
	}{
		{"|i1", int8(-5), -5}, {"|u1", uint8(250), 250}, {"<i2", int16(-300), -300}, {"<u2", uint16(65000), 65000},
		{"<i4", int32(-70000), -70000}, {"<u4", uint32(4e9), 4e9}, {"<u8", uint64(1 << 63), 1<<63 - 1}, {"|b1", true, 1},
	} {
		if _, got := read(t, file(c.descr, "False", "(1,)", c.value), (*Head).Ints); got[0] != c.want {
			t.Errorf("%s: %v, want %v", c.descr, got, c.want)
		}
	}
	for _, c := range []struct {
		descr string
		value any
	}{{"<f2", uint16(0xc100)}, {"<f4", float32(-2.5)}, {"<f8", -2.5}} {
		if _, got := read(t, file(c.descr, "False", "()", c.value), (*Head).Floats); got[0] != -2.5 {
			t.Errorf("%s: %v", c.descr, got)
		}
	}
	if _, got := read(t, file(">i2", "False", "(1,)", uint16(0x0102)), (*Head).Ints); got[0] != 0x0201 {
		t.Errorf("big-endian: %#x", got)
	}
}

// Every integer type is read as it is, also beyond what the signed type of its size holds.
func TestTensorsOfIntegers(t *testing.T) {
	for _, c := range []struct {
		descr       string
		value, same any
		want        tensor.DType
	}{
		{"|i1", int8(-128), int8(-128), tensor.Int8}, {"<i2", int16(-300), int16(-300), tensor.Int16},
		{"<i4", int32(-70000), int32(-70000), tensor.Int32},
		{"<i8", int64(-1 << 63), int64(-1 << 63), tensor.Int64}, {"|u1", uint8(255), uint8(255), tensor.Uint8},
		{"<u2", uint16(65000), uint16(65000), tensor.Uint16},
		{"<u4", uint32(4e9), uint32(4e9), tensor.Uint32}, {"<u8", uint64(1<<64 - 2), uint64(1<<64 - 2), tensor.Uint64},
		{"|b1", true, true, tensor.Bool},
		{">u2", uint16(0x0102), uint16(0x0201), tensor.Uint16}, {">u4", uint32(1), uint32(1 << 24), tensor.Uint32},
	} {
		_, got := read(t, file(c.descr, "False", "(1,)", c.value), func(h *Head, r io.Reader) ([]*tensor.Tensor, error) {
			x, err := h.Tensor(r)
			return []*tensor.Tensor{x}, err
		})
		var want bytes.Buffer
		binary.Write(&want, binary.LittleEndian, c.same)
		if b := got[0].AppendLE(nil, 0, 1); got[0].DType != c.want || !bytes.Equal(b, want.Bytes()) {
			t.Errorf("%s: %v %x, want %v %x", c.descr, got[0].DType, b, c.want, want.Bytes())
		}
	}
}

func TestTexts(t *testing.T) {
	letters := []uint32{'n', 0xe9, 'e', 0, 'x', 0, 0, 0}
	if _, got := read(t, file("<U4", "False", "(2,)", letters), (*Head).Texts); !slices.Equal(got, []string{"née", "x"}) {
		t.Errorf("letters %q", got)
	}
	if _, got := read(t, file("|S3", "False", "(2,)", []byte("ab\x00cde")), (*Head).Texts); !slices.Equal(got,
		[]string{"ab", "cde"}) {
		t.Errorf("bytes %q", got)
	}
	b := file("<U4", "False", "(2,)", letters)
	h, err := ReadHead(bytes.NewReader(b))
	if err != nil || h.Type() != "text" {
		t.Fatal(h, err)
	}
	if _, err := h.Ints(bytes.NewReader(b[len(b)-32:])); err == nil {
		t.Error("text was read as integers")
	}
	if _, err := h.Floats(bytes.NewReader(b[len(b)-32:])); err == nil {
		t.Error("text was read as floats")
	}
}

func TestFortran(t *testing.T) {
	// [[1 2 3] [4 5 6]] by columns.
	b := file("<i4", "True", "(2, 3)", []int32{1, 4, 2, 5, 3, 6})
	if _, got := read(t, b, (*Head).Ints); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v", got)
	}
}

func TestFaults(t *testing.T) {
	good := file("<i4", "False", "(3,)", []int32{1, 2, 3})
	for name, c := range map[string]struct {
		data []byte
		say  string
	}{
		"empty":     {nil, "truncated"},
		"magic":     {[]byte("PK\x03\x04 and more"), "not a NumPy array"},
		"version":   {append([]byte("\x93NUMPY\x09\x00"), good[8:]...), "version 9"},
		"head":      {good[:40], "truncated"},
		"values":    {good[:len(good)-1], "2 of 3 values"},
		"object":    {file("|O", "False", "(1,)"), "Python objects"},
		"complex":   {file("<c16", "False", "(1,)"), "<c16"},
		"overflow":  {file("<f8", "False", "(4294967296, 4294967296)"), "beyond reason"},
		"long head": {[]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "head of 4294967295 bytes"},
		"claim":     {file("<f8", "False", "(1000000000000,)", 1.0), "1 of 1000000000000"},
	} {
		r := bytes.NewReader(c.data)
		h, err := ReadHead(r)
		if err == nil {
			_, err = h.Floats(r)
		}
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: error %v, want %q", name, err, c.say)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("<i4", "False", "(3,)", []int32{1, 2, 3}))
	f.Add(file("<f2", "True", "(2, 2)", []uint16{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := ReadHead(r)
		if err != nil {
			return
		}
		v, err := h.Floats(r)
		if err == nil && len(v) != h.Len {
			t.Errorf("%d values, want %d", len(v), h.Len)
		}
	})
}
