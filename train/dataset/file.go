package dataset

import (
	"io"
	"os"
	"strings"

	"memprobe/internal/mapped"
	"memprobe/internal/memory"
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
	_, err := io.ReadFull(io.NewSectionReader(f, 0, size), data)
	return data, err
}

// escapeGlob makes a path match only itself in filepath.Glob.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
