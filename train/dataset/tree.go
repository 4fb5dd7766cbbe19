package dataset

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/memory"
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
		t.FS = folder(at)
	} else {
		f, size, err := infile.Open(at)
		if err != nil {
			return nil, fault.Wrap(at, err)
		}
		l.release = append(l.release, f.Close)
		z, err := zip.NewReader(f, size)
		if err != nil {
			return nil, fault.Errorf(at, "neither a folder nor a zip archive: %w", err)
		}
		for i, e := range z.File {
			e.Name = slashed(e.Name)
			if base := path.Base(e.Name); !strings.HasSuffix(e.Name, "/") && (base == "." || base == "..") {
				return nil, fault.Errorf(at, "entry %d of %d is called %q, want a file's name", i+1, len(z.File), e.Name)
			}
		}
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
		t.FS, t.path = below{t.FS, dirs[0]}, t.name(dirs[0])
	}
	if !t.has(holds) {
		return nil, fault.Errorf(at, "no %s in it", holds)
	}
	return t, nil
}

// folder is a file system of a folder, in which names need not be UTF-8.
type folder string

func (f folder) Open(name string) (fs.File, error) {
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return os.Open(filepath.Join(string(f), filepath.FromSlash(name)))
}

// Stat opens nothing: that of a pipe would wait for its writer.
func (f folder) Stat(name string) (fs.FileInfo, error) {
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return os.Stat(filepath.Join(string(f), filepath.FromSlash(name)))
}

// below is the file system of a folder in another one.
type below struct {
	fs.FS
	dir string
}

func (b below) Open(name string) (fs.File, error) {
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return b.FS.Open(path.Join(b.dir, name))
}

// Stat opens nothing where the file system does not.
func (b below) Stat(name string) (fs.FileInfo, error) {
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return fs.Stat(b.FS, path.Join(b.dir, name))
}

// slashed makes a path of an archive's entry: some programs put backslashes
// between folders. Names that are not UTF-8, which cannot be opened, are read as
// Latin-1.
func slashed(name string) string {
	if !utf8.ValidString(name) {
		runes := make([]rune, len(name))
		for i := range runes {
			runes[i] = rune(name[i])
		}
		name = string(runes)
	}
	return strings.ReplaceAll(name, `\`, "/")
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
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := fs.Stat(t.FS, path.Join(dir, e.Name()))
			if err != nil {
				return nil, t.fault(path.Join(dir, e.Name()), err)
			}
			isDir = info.IsDir()
		}
		if isDir {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// listing is what lies in a folder of pictures.
type listing struct {
	pictures []string // by their names, in lexical order
	other    int      // files of other kinds
	hidden   int      // pictures and folders whose names begin with a dot, which are left out
}

// pictures lists the files below dir. Links are followed.
func (t *tree) pictures(dir string) (listing, error) {
	var l listing
	err := t.walk(dir, nil, &l)
	return l, err
}

// loose lists the pictures in dir itself.
func (t *tree) loose(dir string) (l listing, err error) {
	entries, err := fs.ReadDir(t.FS, dir)
	if err != nil {
		return l, t.fault(dir, err)
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
			l.hide(e)
		case !e.IsDir() && isPicture(e.Name()):
			l.pictures = append(l.pictures, e.Name())
		}
	}
	return l, nil
}

// hide counts an entry that is hidden.
func (l *listing) hide(e fs.DirEntry) {
	if e.IsDir() || isPicture(e.Name()) {
		l.hidden++
	}
}

// isPicture tells from a file's name whether it is a picture.
func isPicture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".webp":
		return true
	}
	return false
}

// walk lists all files below dir, which lies in the folders above.
func (t *tree) walk(dir string, above []fs.FileInfo, l *listing) error {
	here, err := fs.Stat(t.FS, dir)
	if err != nil {
		return t.fault(dir, err)
	}
	if slices.ContainsFunc(above, func(i fs.FileInfo) bool { return os.SameFile(i, here) }) {
		return t.fault(dir, errors.New("a link to a folder that it lies in"))
	}
	entries, err := fs.ReadDir(t.FS, dir)
	if err != nil {
		return t.fault(dir, err)
	}
	above = append(slices.Clip(above), here)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			l.hide(e)
			continue
		}
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := fs.Stat(t.FS, name)
			if err != nil {
				return t.fault(name, fmt.Errorf("a link that leads nowhere: %w", plain(err)))
			}
			isDir = info.IsDir()
		}
		switch {
		case isDir:
			if err := t.walk(name, above, l); err != nil {
				return err
			}
		case isPicture(name):
			l.pictures = append(l.pictures, name)
		default:
			l.other++
		}
	}
	return nil
}

// firstRoom is how much of the size that a file system claims is believed at once.
const firstRoom = 1 << 20

// read returns the content of an entry of at most limit bytes, in room where that is enough.
func (t *tree) read(entry string, limit int64, room []byte) ([]byte, error) {
	info, err := fs.Stat(t.FS, entry) // before opening: opening a pipe would wait for its writer
	if err == nil {
		err = infile.Check(entry, info)
	}
	if err != nil {
		return nil, plain(err)
	}
	f, err := t.Open(entry)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	const what = "the picture's file"
	if room, err = memory.Grow(what, room[:0], int(min(info.Size(), firstRoom))+bytes.MinRead); err != nil {
		return nil, err
	}
	data, err := memory.ReadAll(what, io.LimitReader(f, limit+1), room)
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
		encoded: func(i int, room []byte) ([]byte, error) { return t.read(files[i], maxEncoded, room) },
		where:   func(i int) (string, int) { return t.name(files[i]), -1 },
		name:    func(i int) string { return files[i] },
	}
}
