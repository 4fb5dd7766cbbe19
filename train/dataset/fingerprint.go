package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// Fingerprint identifies the content, whatever file it came from:
//
//	"sha256:" + hex(SHA-256(head, train, test))
//	head  = the bytes "memprobe.dataset/1\n", then C, H, W, number of classes; of
//	        arrays, the name of each, its sizes and a line's end
//	split = N, 0 for bytes or 1 for floats; then for each image its label and
//	        its pixels [C,H,W]
//
// Numbers are uint32, little-endian; float pixels are little-endian float32. It
// is that of the set as opened: chosen, converted and resized.
func (s *Set) Fingerprint() string {
	s.print.Do(func() {
		h := sha256.New()
		h.Write([]byte("memprobe.dataset/1\n"))
		put(h, s.C, s.H, s.W, len(s.Classes))
		for _, a := range s.Arrays {
			fmt.Fprintln(h, a)
		}
		s.Train.hash(h, s.Train.Label)
		s.Test.hash(h, s.Test.Label)
		s.content = "sha256:" + hex.EncodeToString(h.Sum(nil))
	})
	return s.content
}

// Fingerprint identifies the pixels of a split as it is opened, in the order of its
// images: "sha256:" + hex(SHA-256(split)), split as in Set.Fingerprint but with labels 0.
func (s *Split) Fingerprint() string {
	h := sha256.New()
	s.hash(h, func(int) int { return 0 })
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func put(h hash.Hash, values ...int) {
	var b [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(b[:], uint32(v))
		h.Write(b[:])
	}
}

func (s *Split) hash(h hash.Hash, label func(i int) int) {
	if !s.IsFloat() {
		put(h, s.N(), 0)
		for i, p := range s.pixels {
			put(h, label(i))
			h.Write(p)
		}
		return
	}
	put(h, s.N(), 1)
	var buf []byte
	for i, p := range s.floats {
		put(h, label(i))
		buf = buf[:0]
		for _, v := range p {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
}
