// Package infile opens what a program reads: regular files alone. Opening a pipe
// would wait for its writer, and a device may never end.
package infile

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"memprobe/internal/memory"
)

// Why a path is refused.
var (
	errFolder  = errors.New("is a folder, want a file")
	errSpecial = errors.New("is not a regular file")
)

// Check returns an fs.PathError where info, that of the file at path, is not a
// regular file's.
func Check(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: errFolder}
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "open", Path: path, Err: errSpecial}
	}
	return nil
}

// Open opens a regular file and returns its size. The error is an fs.PathError.
func Open(path string) (f *os.File, size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if err := Check(path, info); err != nil {
		return nil, 0, err
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Read returns the content of a regular file, if the budget of memory holds it.
func Read(path string) ([]byte, error) {
	f, size, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := memory.Need("its content", size); err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	data := make([]byte, size)
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it has become shorter
		err = nil
	}
	return data[:n], err
}
