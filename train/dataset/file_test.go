package dataset

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file that several threads read is all there, and one that became shorter is an error.
func TestBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := make([]byte, 2*readBytes+12345)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, threads := range []int{1, 3} {
		l := newLoader(context.Background(), Options{Threads: threads})
		for _, size := range []int{0, 1, readBytes, len(want)} {
			if got, err := l.bytes(f, int64(size)); err != nil || !bytes.Equal(got, want[:size]) {
				t.Errorf("%d bytes by %d threads: %d bytes that differ, %v", size, threads, len(got), err)
			}
		}
		if _, err := l.bytes(f, int64(len(want)+1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a byte too few: %v", err)
		}
	}
}
