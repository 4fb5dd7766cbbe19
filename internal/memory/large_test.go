package memory

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"memprobe/internal/absent"
)

// What make gives: zeros, also in memory that was used before.
func TestBytes(t *testing.T) {
	for _, n := range []int{0, 1, 100, largeFrom - 1, largeFrom, 5*largeFrom + 3} {
		for range 3 {
			b := Bytes(n)
			if len(b) != n || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
				t.Fatalf("%d bytes, some of them not 0, want %d", len(b), n)
			}
			for i := range b {
				b[i] = 0xff
			}
			b = nil
			runtime.GC()
		}
	}
	f := Floats(largeFrom)
	if len(f) != largeFrom || slices.ContainsFunc(f, func(x float32) bool { return x != 0 }) {
		t.Errorf("%d floats, some of them not 0", len(f))
	}
}

// Pieces do not overlap, begin on pages unless they are small, and outlive what hands them out.
func TestPieces(t *testing.T) {
	var p Pieces
	var all [][]float32
	for i, n := range []int{0, 3, 17, 1000, 1, largeFrom / 4, 5, pieceMost + 1, 9, largeFrom, 100} {
		f := p.Floats(n)
		if len(f) != n || cap(f) != n {
			t.Errorf("%d floats of room for %d, want %d", len(f), cap(f), n)
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(f))); n >= largeFrom/4 && at%4096 != 0 {
			t.Errorf("piece %d begins at %x", i, at)
		}
		for j := range f {
			f[j] = float32(i)
		}
		all = append(all, f)
	}
	p = Pieces{}
	runtime.GC()
	for i, f := range all {
		if slices.ContainsFunc(f, func(x float32) bool { return x != float32(i) }) {
			t.Errorf("piece %d was written to", i)
		}
	}
}

// Large memory is on huge pages where the system gives them to who asks.
func TestHugePages(t *testing.T) {
	if on, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || bytes.Contains(on, []byte("[never]")) {
		absent.Skip(t, "no huge pages here")
	}
	before := huge(t)
	b := Bytes(64 << 20)
	if got := huge(t) - before; got < 48<<20 {
		t.Errorf("%s of %s are on huge pages", String(got), String(int64(len(b))))
	}
	runtime.KeepAlive(b)
}

// Where there is a budget, what is given back is the system's again.
func TestGiveBack(t *testing.T) {
	defer SetLimit(0)
	SetLimit(8 << 30)
	resident := func() int64 {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			absent.Skip(t, "%v", err)
		}
		pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return pages * int64(os.Getpagesize())
	}
	const size = 256 << 20
	b := Bytes(size)
	with := resident()
	b[0] = 1
	GiveBack()
	if without := resident(); with-without < size/2 {
		t.Errorf("%s are resident, then %s, want %s fewer", String(with), String(without), String(size))
	}
}

// huge is how many bytes of the process lie on huge pages.
func huge(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		absent.Skip(t, "%v", err)
	}
	for l := range strings.Lines(string(text)) {
		if f := strings.Fields(l); f[0] == "AnonHugePages:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	absent.Skip(t, "the kernel does not count huge pages")
	return 0
}
