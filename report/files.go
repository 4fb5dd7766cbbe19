package report

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
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

// writePNGs writes a PNG of each figure, as many at a time as the machine computes.
func (f *folder) writePNGs(figures []figure) {
	parts := make([]folder, len(figures))
	var all sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, one := range figures {
		parts[i] = folder{dir: f.dir, err: f.err}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			parts[i].write(one.name+".png", one.png)
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
