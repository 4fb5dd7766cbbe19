package npy

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/tensor"
)

// Values are an array of a file.
type Values struct {
	Type string // of the file's elements, as Head.Type: float16 is read as float32
	*tensor.Tensor
}

// Read returns the wanted arrays of an .npz by name, as far as there are such, all of them
// for nil, or the lone one of an .npy under the empty name. names are those of all that the
// file has, of which the others are not read. Element types that the engine does not compute
// with, and sizes that the file does not hold, are errors.
func Read(path string, wanted []string) (arrays map[string]*Values, names []string, err error) {
	f, size, err := infile.Open(path)
	if err != nil {
		return nil, nil, fault.Wrap(path, err)
	}
	defer f.Close()
	arrays = map[string]*Values{}
	if !strings.HasSuffix(path, ".npz") {
		arrays[""], err = array(path, "", f)
		return arrays, []string{""}, err
	}
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, nil, fault.Errorf(path, "not an .npz file: %w", err)
	}
	entries, err := Entries(z)
	if err != nil {
		return nil, nil, fault.Wrap(path, err)
	}
	names = slices.Sorted(maps.Keys(entries))
	for _, name := range names {
		if wanted != nil && !slices.Contains(wanted, name) {
			continue
		}
		r, err := entries[name].Open()
		if err != nil {
			return nil, nil, fault.Errorf(path, "array %q: %w", name, err)
		}
		arrays[name], err = array(path, name, r)
		r.Close()
		if err != nil {
			return nil, nil, err
		}
	}
	return arrays, names, nil
}

// Entries returns the entries of an .npz by the names of their arrays, but for NamesFile.
// One without a name, or with another's, is an error.
func Entries(z *zip.Reader) (map[string]*zip.File, error) {
	entries := map[string]*zip.File{}
	for i, e := range z.File {
		if e.Name == NamesFile {
			continue
		}
		name := strings.TrimSuffix(e.Name, ".npy")
		if name == "" {
			return nil, fmt.Errorf("entry %d of %d has no name", i+1, len(z.File))
		}
		if entries[name] != nil {
			return nil, fmt.Errorf("two entries are called %q", name)
		}
		entries[name] = e
	}
	return entries, nil
}

// ReadInts returns the integers of an .npy file and their shape.
func ReadInts(path string) (values []int64, shape []int, err error) {
	f, _, err := infile.Open(path)
	if err != nil {
		return nil, nil, fault.Wrap(path, err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	h, err := ReadHead(r)
	if err != nil {
		return nil, nil, fault.Wrap(path, err)
	}
	if values, err = h.Ints(r); err == nil {
		err = End(r)
	}
	if err != nil {
		return nil, nil, fault.Wrap(path, err)
	}
	return values, h.Shape, nil
}

// array reads one array, which must be all that is in r.
func array(path, name string, in io.Reader) (*Values, error) {
	r := bufio.NewReader(in)
	h, err := ReadHead(r)
	if err != nil {
		return nil, fault.Errorf(path, "array %q: %w", name, err)
	}
	t, err := h.Tensor(r)
	if err != nil {
		return nil, fault.Errorf(path, "array %q: %w", name, err)
	}
	if err := End(r); err != nil {
		return nil, fault.Errorf(path, "array %q: %w", name, err)
	}
	return &Values{h.Type(), t}, nil
}

// End wants nothing more in r. Of an archive's entry, that also checks the sum
// that was stored with it.
func End(r io.Reader) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	switch {
	case n > 0:
		return errors.New("npy: more values than the shape says")
	case err != io.EOF:
		return err
	}
	return nil
}
