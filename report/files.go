package report

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

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

// file is one of a folder and what fills it.
type file struct {
	name string
	fill func(io.Writer) error
}

// pngs are the figures' files.
func pngs(figures []figure) []file {
	var out []file
	for _, f := range figures {
		out = append(out, file{f.name + ".png", f.png})
	}
	return out
}

// writeAll makes files, as many at a time as the machine computes. The last ones, documents of many
// figures, take longest and are begun first.
func (f *folder) writeAll(files []file) {
	parts := make([]folder, len(files))
	var all sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, one := range slices.Backward(files) {
		parts[i] = folder{dir: f.dir, err: f.err}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			parts[i].write(one.name, one.fill)
		})
	}
	all.Wait()
	for _, p := range parts {
		f.files = append(f.files, p.files...)
		if f.err == nil {
			f.err = p.err
		}
	}
}
