package dataset

import (
	"errors"
	"os"
	"syscall"

	"memprobe/internal/atomicfile"
	"memprobe/internal/mapped"
	"memprobe/internal/memory"
)

// An arena allocates so much at first, and twice as much each time up to chunk:
// what a file claims is paid for only as far as its data have arrived.
const (
	firstChunk = 64 << 10
	chunk      = 16 << 20
)

// arena hands out the memory of images: heap up to a limit, mapped temporary
// files beyond it.
type arena struct {
	loader *loader
	free   []byte
	last   int // bytes that were allocated last
}

// take returns n zero bytes, those of one image, aligned for float32. An image that does
// not fit into memory is refused: no network could run it.
func (a *arena) take(n int) ([]byte, error) {
	const align = 64
	need := (n + align - 1) / align * align
	if need > chunk {
		if err := memory.Need("one image", int64(need)); err != nil {
			return nil, err
		}
	}
	if need > len(a.free) {
		size := max(need, firstChunk, min(2*a.last, chunk))
		a.last = size
		a.loader.used += int64(size)
		if a.loader.used > a.loader.o.MaxMemory {
			mapped, err := a.loader.scratch(int64(size))
			if err != nil {
				return nil, err
			}
			a.free = mapped
		} else if err := memory.Need("the images", int64(size)); err != nil {
			return nil, err
		} else {
			a.free = memory.Bytes(size)
		}
	}
	b := a.free[:n:n]
	a.free = a.free[need:]
	return b, nil
}

// floats is take for n float32.
func (a *arena) floats(n int) ([]float32, error) {
	b, err := a.take(4 * n)
	if err != nil || n == 0 {
		return nil, err
	}
	return mapped.Floats(b), nil
}

// scratch maps a temporary file that vanishes with the process.
func (l *loader) scratch(size int64) ([]byte, error) {
	f, err := atomicfile.Temp(os.TempDir())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer atomicfile.Remove(f)
	if err := f.Truncate(size); err != nil {
		return nil, err
	}
	data, release, err := mapped.File(f, size, true)
	if errors.Is(err, syscall.ENOMEM) { // a file needs no memory, but room among the addresses
		return nil, &memory.Error{What: "the images, mapped from a file,", Need: size, Left: memory.Left()}
	}
	if err != nil {
		return nil, err
	}
	l.release = append(l.release, release)
	return data, nil
}
