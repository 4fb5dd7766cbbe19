package store

import (
	"path/filepath"

	"memprobe/internal/filelock"
)

// adopt copies chunks that are missing from entries of the same network on images that
// begin with the same parts. Those that such an entry does not have are computed.
func (e *Entry) adopt(missing []int) {
	names, err := e.store.entries()
	if err != nil {
		return
	}
	for _, name := range names {
		dir := filepath.Join(e.store.dir, name)
		if dir == e.dir {
			continue
		}
		lock, err := filelock.TryShare(filepath.Join(dir, "used"))
		if err != nil || lock == nil {
			continue
		}
		for _, l := range e.files {
			l.adopt(filepath.Join(dir, filepath.Base(l.path)), missing)
		}
		lock.Unlock()
	}
}

// adopt copies missing chunks from the file of the same layer in another entry.
func (l *file) adopt(path string, missing []int) {
	from, err := openFile(path)
	if err != nil {
		return
	}
	defer from.f.Close()
	common := l.common(&from.header)
	for _, c := range missing {
		lo, hi := l.span(c)
		if hi > common {
			return
		}
		if _, other := from.span(c); other != hi || l.has(c) || !from.has(c) {
			continue // the last chunk of one is a part of the other's
		}
		rows := make([]float32, (hi-lo)*l.Layer.Dim)
		if from.read(rows, c) != nil || l.write(c, rows) != nil {
			return
		}
	}
}

// common is the number of rows with which both begin, of the same images and made in the
// same way.
func (s spec) common(other *header) int {
	a, b := s, other.spec
	a.Key.Images, b.Key.Images, a.Rows, b.Rows = nil, nil, 0, 0
	left, errLeft := hash(a)
	right, errRight := hash(b)
	if errLeft != nil || errRight != nil || left != right || a.Key.Views != "" {
		return 0
	}
	rows := 0
	for i, part := range s.Key.Images {
		if i >= len(other.Key.Images) || other.Key.Images[i] != part {
			break
		}
		rows += part.N
	}
	return rows
}
