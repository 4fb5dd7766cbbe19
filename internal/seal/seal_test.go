package seal

import (
	"hash"
	"testing"
)

func TestEveryBit(t *testing.T) {
	rest := []byte("what follows")
	add := func(h hash.Hash) error { h.Write(rest); return nil }
	json := []byte(`{"a": 1, "checksum": "` + Blank() + `"}`)
	if err := Seal(json, add); err != nil {
		t.Fatal(err)
	}
	if err := Verify(json, add); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{json, rest} {
		for i := range 8 * len(part) {
			part[i/8] ^= 1 << (i % 8)
			if Verify(json, add) == nil {
				t.Errorf("bit %d of %q is flipped and not seen", i, part)
			}
			part[i/8] ^= 1 << (i % 8)
		}
	}
	if Seal([]byte(`{"a": 1}`), nil) == nil {
		t.Error("JSON without a place is sealed")
	}
}
