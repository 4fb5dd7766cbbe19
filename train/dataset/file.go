package dataset

import (
	"cmp"
	"io"
	"os"
	"strings"

	"memprobe/internal/mapped"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

// bytes returns the content of a file: on the heap, or mapped where it is larger
// than the set may be in memory.
func (l *loader) bytes(f *os.File, size int64) ([]byte, error) {
	l.used += size
	if l.used > l.o.MaxMemory {
		data, release, err := mapped.File(f, size, false)
		if err != nil {
			return nil, err
		}
		l.release = append(l.release, release)
		return data, nil
	}
	if err := memory.Need("its content", size); err != nil {
		return nil, err
	}
	data := memory.Uncleared[uint8](int(size))
	errs := make([]error, parallel.Chunks(len(data), readBytes))
	pool := parallel.New(l.o.Threads)
	defer pool.Close()
	pool.For(len(errs), func(_, i int) {
		lo, hi := parallel.Range(i, readBytes, len(data))
		_, errs[i] = io.ReadFull(io.NewSectionReader(f, int64(lo), int64(hi-lo)), data[lo:hi])
	})
	return data, cmp.Or(errs...)
}

// readBytes of a file are read by a thread at a time: what takes the time are the first touches of
// the memory that they are read into.
const readBytes = 4 << 20

// escapeGlob makes a path match only itself in filepath.Glob.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
