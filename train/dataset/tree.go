package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"memprobe/internal/fault"
)

// tree is a folder of pictures, or a zip archive of one.
type tree struct {
	fs.FS
	path string
	zip  bool
}

// openTree opens the folder or archive at path. Where it holds no entry of the
// given name but a single folder, as unpacked archives do, that folder is meant.
func (l *loader) openTree(at, holds string) (*tree, error) {
	info, err := os.Stat(at)
	if err != nil {
		return nil, fault.Wrap(at, err)
	}
	t := &tree{path: at}
	if info.IsDir() {
		t.FS = os.DirFS(at)
	} else {
		z, err := zip.OpenReader(at)
		if err != nil {
			return nil, fault.Wrap(at, err)
		}
		l.release = append(l.release, z.Close)
		t.FS, t.zip = z, true
	}
	if t.has(holds) {
		return t, nil
	}
	dirs, err := t.folders(".")
	if err != nil {
		return nil, err
	}
	if dirs = slices.DeleteFunc(dirs, func(d string) bool { return d == "__MACOSX" }); len(dirs) == 1 {
		if sub, err := fs.Sub(t.FS, dirs[0]); err == nil {
			t.FS, t.path = sub, t.name(dirs[0])
		}
	}
	if !t.has(holds) {
		return nil, fault.Errorf(at, "no %s in it", holds)
	}
	return t, nil
}

// name is what errors call an entry.
func (t *tree) name(entry string) string {
	if t.zip {
		return t.path + ": " + entry
	}
	return filepath.Join(t.path, filepath.FromSlash(entry))
}

func (t *tree) has(entry string) bool {
	_, err := fs.Stat(t.FS, entry)
	return err == nil
}

// fault is an error about an entry.
func (t *tree) fault(entry string, err error) error { return wrap(t.name(entry), plain(err)) }

// folders are the names of the folders in dir, sorted, hidden ones left out.
func (t *tree) folders(dir string) ([]string, error) {
	entries, err := fs.ReadDir(t.FS, dir)
	if err != nil {
		return nil, t.fault(dir, err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := fs.Stat(t.FS, path.Join(dir, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// pictures are the files below dir whose names say that they are pictures, in
// lexical order; other is how many do not, hidden ones left out.
func (t *tree) pictures(dir string) (files []string, other int, err error) {
	err = fs.WalkDir(t.FS, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return t.fault(name, err)
		case e.IsDir() || strings.HasPrefix(e.Name(), "."):
			return nil
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".png", ".jpg", ".jpeg", ".webp":
			files = append(files, name)
		default:
			other++
		}
		return nil
	})
	return files, other, err
}

// read returns the content of an entry of at most limit bytes.
func (t *tree) read(entry string, limit int64) ([]byte, error) {
	f, err := t.Open(entry)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errTruncated
		}
		return nil, plain(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return data, nil
}

// source is a split of the pictures files.
func (t *tree) source(files []string, labels []int) source {
	return source{
		labels:  labels,
		encoded: func(i int) ([]byte, error) { return t.read(files[i], maxEncoded) },
		where:   func(i int) (string, int) { return t.name(files[i]), -1 },
	}
}
