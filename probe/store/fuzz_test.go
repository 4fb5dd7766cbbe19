package store

import "testing"

// Whatever a header says, it fits the size of its file, or is refused.
func FuzzHeader(f *testing.F) {
	h := header{Format: format, spec: spec{Key: Key{Batch: []int{4, 3, 8, 8}}, Rows: 70, Chunk: 32, Type: Float32,
		Order: byteOrder()}, Layer: Layer{Name: "/conv", Dim: 12}}
	line, err := h.encode()
	if err != nil {
		f.Fatal(err)
	}
	_, _, size := h.place(int64(len(line)))
	f.Add(line, size)
	f.Fuzz(func(t *testing.T, line []byte, size int64) {
		if size < 0 || size > 1<<32 {
			return
		}
		l := &file{}
		if l.decode(line, size) != nil {
			return
		}
		for c := range l.chunks() {
			if at, n := l.where(c); at < l.at || n < 1 || at+n > size {
				t.Fatalf("chunk %d has %d bytes at %d of %d", c, n, at, size)
			}
		}
	})
}
