package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/fault"
	"memprobe/internal/seal"
	"memprobe/internal/tensor"
)

func sample() map[string]*tensor.Tensor {
	long := tensor.New(tensor.Float32, 1<<16+3)
	long.F32()[1<<16+2] = 7
	return map[string]*tensor.Tensor{
		"w":      tensor.From([]float32{1, float32(math.Copysign(0, -1)), float32(math.Inf(1)), 4, 5, 6}, 2, 3),
		"scalar": tensor.From([]float64{math.Pi}),
		"empty":  tensor.New(tensor.Float32, 0, 4),
		"i64":    tensor.From([]int64{-1, 1 << 40}, 2), "i32": tensor.From([]int32{-7}, 1),
		"u8": tensor.From([]uint8{255}, 1), "bool": tensor.From([]bool{true, false}, 2),
		"long": long,
	}
}

func TestRoundTrip(t *testing.T) {
	var a, b bytes.Buffer
	meta := map[string]string{"step": "12"}
	if err := Write(&a, meta, sample()); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, meta, sample()); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the bytes of two writes differ (%v)", err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, a.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	gotMeta, got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(gotMeta, meta) {
		t.Errorf("metadata %v, want %v", gotMeta, meta)
	}
	for name, want := range sample() {
		if g := got[name]; g == nil || g.DType != want.DType || !slices.Equal(g.Shape, want.Shape) ||
			!bytes.Equal(g.Bytes(), want.Bytes()) {
			t.Errorf("%s: read back %v, want %v", name, g, want)
		}
	}
}

// The layout written by hand, as other readers expect it.
func TestLayout(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, nil, map[string]*tensor.Tensor{"a": tensor.From([]float32{1}, 1)}); err != nil {
		t.Fatal(err)
	}
	head := `{"__metadata__":{"checksum":"` + strings.Repeat("0", 64) +
		`"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	head += strings.Repeat(" ", -len(head)&7)
	want := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	want = append(want, 0, 0, 0x80, 0x3f)
	want = bytes.Replace(want, []byte(strings.Repeat("0", 64)), fmt.Appendf(nil, "%x", sha256.Sum256(want)), 1)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got %q, want %q", b.Bytes(), want)
	}
}

func TestDamage(t *testing.T) {
	file := func(head string, data int) []byte { // whose checksum fits
		head = strings.Replace(head, "{", `{"__metadata__":{"checksum":"`+seal.Blank()+`"},`, 1)
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
		if err := seal.Seal(b, func(h hash.Hash) error { h.Write(make([]byte, data)); return nil }); err != nil {
			t.Fatal(err)
		}
		return append(b, make([]byte, data)...)
	}
	for name, b := range map[string][]byte{
		"empty":    nil,
		"header":   file(`{"a":`, 0),
		"length":   binary.LittleEndian.AppendUint64(nil, 1<<62),
		"offsets":  file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"shape":    file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0),
		"negative": file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}}`, 8),
		"type":     file(`{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}`, 4),
	} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		os.WriteFile(path, b, 0o644)
		_, _, err := Read(path)
		if _, ok := errors.AsType[*fault.Error](err); !ok || strings.Contains(err.Error(), "checksum does not fit") {
			t.Errorf("%s: error %v, want a fault", name, err)
		}
	}
}

func TestEveryFlippedBitIsSeen(t *testing.T) {
	var b bytes.Buffer
	small := map[string]*tensor.Tensor{"w": tensor.From([]float32{1, 2, 3}, 3)}
	if err := Write(&b, map[string]string{"step": "12"}, small); err != nil {
		t.Fatal(err)
	}
	for i := range 8 * b.Len() {
		damaged := bytes.Clone(b.Bytes())
		damaged[i/8] ^= 1 << (i % 8)
		if _, _, err := read(bytes.NewReader(damaged), int64(len(damaged))); err == nil {
			t.Fatalf("bit %d is flipped and not seen", i)
		}
	}
}
