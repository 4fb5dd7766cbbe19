package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
)

// Fingerprint identifies the content, whatever file it came from:
//
//	"sha256:" + hex(SHA-256(head, train, test))
//	head  = the bytes "memprobe.dataset/1\n", then C, H, W, number of classes
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
		s.Train.hash(h)
		s.Test.hash(h)
		s.content = "sha256:" + hex.EncodeToString(h.Sum(nil))
	})
	return s.content
}

func put(h hash.Hash, values ...int) {
	var b [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(b[:], uint32(v))
		h.Write(b[:])
	}
}

func (s *Split) hash(h hash.Hash) {
	if !s.IsFloat() {
		put(h, s.N(), 0)
		for i, p := range s.pixels {
			put(h, s.Label(i))
			h.Write(p)
		}
		return
	}
	put(h, s.N(), 1)
	var buf []byte
	for i, p := range s.floats {
		put(h, s.Label(i))
		buf = buf[:0]
		for _, v := range p {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
}
