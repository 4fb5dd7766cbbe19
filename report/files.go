package report

import (
	"io"
	"os"
	"path/filepath"

	"memprobe/internal/atomicfile"
)

// folder is where a report is written, with the paths of what is there so far. After
// an error nothing more is written.
type folder struct {
	dir   string
	files []string
	err   error
}

// write makes the file of that name, whole or not at all.
func (f *folder) write(name string, fill func(io.Writer) error) {
	path := filepath.Join(f.dir, name)
	if f.err == nil {
		f.err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if f.err == nil {
		f.err = atomicfile.Write(path, fill)
	}
	if f.err == nil {
		f.files = append(f.files, path)
	}
}
