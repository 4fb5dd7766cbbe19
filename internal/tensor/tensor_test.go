package tensor

import (
	"bytes"
	"slices"
	"testing"
)

func TestElementsInOneMemory(t *testing.T) {
	x := From([]float32{1, -2}, 2)
	if got := Words[uint32](x); !slices.Equal(got, []uint32{0x3f800000, 0xc0000000}) {
		t.Errorf("words %#x", got)
	}
	if raw := x.AppendLE(nil, 0, 2); !bytes.Equal(raw, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}) {
		t.Errorf("bytes %x", raw)
	}
	for d := Float32; d <= Float8E8M0; d++ {
		a := New(d, 3)
		for i := range a.Bytes() {
			a.Bytes()[i] = byte(i) & 1
		}
		b := New(d, 3)
		b.SetLE(a.AppendLE(nil, 1, 3), 0)
		if !bytes.Equal(b.AppendLE(nil, 0, 2), a.AppendLE(nil, 1, 3)) || !a.Filled() || len(a.Bytes()) != 3*d.Size() {
			t.Errorf("%v: %x, want %x", d, b.Bytes(), a.Bytes())
		}
	}
	b := New(Bool, 1)
	if b.SetLE([]byte{7}, 0); b.Bytes()[0] != 1 || !b.Bool()[0] {
		t.Errorf("true is %d", b.Bytes()[0])
	}
}

func TestElementsOfAnotherType(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("int64 elements are shown as float32")
		}
	}()
	New(Int64, 2).F32()
}
