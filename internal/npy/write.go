// Package npy writes tensors in NumPy's format, alone (.npy) or in an archive
// (.npz), rows as they come, and reads arrays of numbers. Both are here because
// github.com/sbinet/npyio, the oracle of the tests, writes no shape beyond two
// dimensions, and trusts the head of what it reads.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"memprobe/internal/atomicfile"
	"memprobe/internal/tensor"
)

// Writer makes a .npy or .npz file. Rows of several arrays may be appended in
// any order, of any names (see NamesFile): they wait in one unnamed temporary file beside the target, each at
// the place that its shape reserves, until Close writes the file itself. It is
// not safe for concurrent use.
type Writer struct {
	path   string
	spool  *os.File
	end    int64
	arrays []*Array
}

// Create starts a file, .npz or .npy by the path's extension. It must be ended
// with Close or Abort.
func Create(path string) (*Writer, error) {
	if ext := filepath.Ext(path); ext != ".npz" && ext != ".npy" {
		return nil, fmt.Errorf("%s: extension is %q, want .npz or .npy", path, ext)
	}
	if err := atomicfile.Check(path); err != nil {
		return nil, err
	}
	f, err := atomicfile.Temp(filepath.Dir(path))
	if err != nil {
		return nil, atomicfile.Named(path, err)
	}
	atomicfile.Remove(f) // where the system allows it, so that a kill leaves nothing; else Abort does
	return &Writer{path: path, spool: f}, nil
}

// Array is one array of a Writer.
type Array struct {
	w      *Writer
	name   string
	dtype  tensor.DType
	shape  []int
	start  int64 // in the spool
	filled int64 // bytes
	size   int64 // bytes
	buf    []byte
}

// Array adds an array of the given final shape. A .npy file has one, whose name
// is not written.
func (w *Writer) Array(name string, d tensor.DType, shape ...int) (*Array, error) {
	if filepath.Ext(w.path) == ".npy" && len(w.arrays) == 1 {
		return nil, fmt.Errorf("%s: a .npy file holds one array; want .npz for %q and %q", w.path, w.arrays[0].name, name)
	}
	if !Holds(d) {
		return nil, fmt.Errorf("%s: array %q is %v, which NumPy has no type for", w.path, name, d)
	}
	for _, a := range w.arrays {
		if a.name == name {
			return nil, fmt.Errorf("%s: two arrays are called %q", w.path, name)
		}
	}
	a := &Array{w: w, name: name, dtype: d, shape: shape, start: w.end, size: int64(tensor.Len(shape)) * int64(d.Size())}
	w.end += a.size
	w.arrays = append(w.arrays, a)
	return a, nil
}

// Append adds the elements of t, rows of the array.
func (a *Array) Append(t *tensor.Tensor) error {
	if t.DType != a.dtype {
		return fmt.Errorf("%s: array %q is %v, rows are %v", a.w.path, a.name, a.dtype, t.DType)
	}
	if more := int64(t.Len()) * int64(t.DType.Size()); more > a.size-a.filled {
		return fmt.Errorf("%s: array %q of shape %v has no room for %d more elements", a.w.path, a.name, a.shape, t.Len())
	}
	for lo := 0; lo < t.Len(); lo += step {
		a.buf = t.AppendLE(a.buf[:0], lo, min(lo+step, t.Len()))
		if _, err := a.w.spool.WriteAt(a.buf, a.start+a.filled); err != nil {
			return atomicfile.Named(a.w.path, err)
		}
		a.filled += int64(len(a.buf))
	}
	return nil
}

// Close writes the file, whole or not at all. An array that is not full is an
// error.
func (w *Writer) Close() error {
	defer w.Abort()
	for _, a := range w.arrays {
		if a.filled != a.size {
			return fmt.Errorf("%s: array %q of shape %v has %d of %d bytes", w.path, a.name, a.shape, a.filled, a.size)
		}
	}
	if filepath.Ext(w.path) == ".npz" {
		return atomicfile.Write(w.path, w.archive)
	}
	if len(w.arrays) != 1 {
		return fmt.Errorf("%s: a .npy file holds one array", w.path)
	}
	return atomicfile.Write(w.path, w.arrays[0].writeTo)
}

// epoch dates every entry, so that the bytes are the same from run to run. It is
// the first day that the format knows.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *Writer) archive(out io.Writer) error {
	z := zip.NewWriter(out)
	create := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: epoch})
	}
	own := make([]string, len(w.arrays))
	for i, a := range w.arrays {
		own[i] = a.name
	}
	names, changed := safeNames(own)
	for i, a := range w.arrays {
		item, err := create(names[i] + ".npy")
		if err != nil {
			return err
		}
		if err := a.writeTo(item); err != nil {
			return err
		}
	}
	if len(changed) > 0 {
		item, err := create(NamesFile)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(item).Encode(changed); err != nil {
			return err
		}
	}
	return z.Close()
}

func (a *Array) writeTo(out io.Writer) error {
	if _, err := out.Write(header(a.dtype, a.shape)); err != nil {
		return err
	}
	_, err := io.Copy(out, io.NewSectionReader(a.w.spool, a.start, a.size))
	return err
}

// Abort drops what was written; the target stays as it was. After Close it does
// nothing.
func (w *Writer) Abort() {
	w.spool.Close()
	atomicfile.Remove(w.spool)
}

// Write writes one tensor as a .npy file.
func Write(path string, t *tensor.Tensor) error {
	if !strings.HasSuffix(path, ".npy") {
		return fmt.Errorf("%s: extension is %q, want .npy", path, filepath.Ext(path))
	}
	w, err := Create(path)
	if err != nil {
		return err
	}
	a, err := w.Array("", t.DType, t.Shape...)
	if err == nil {
		err = a.Append(t)
	}
	if err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

// codes are NumPy's names of the element types.
var codes = map[tensor.DType]string{
	tensor.Float32: "<f4", tensor.Float64: "<f8", tensor.Int8: "|i1", tensor.Int16: "<i2", tensor.Int32: "<i4",
	tensor.Int64: "<i8",
	tensor.Uint8: "|u1", tensor.Uint16: "<u2", tensor.Uint32: "<u4", tensor.Uint64: "<u8", tensor.Bool: "|b1",
}

// Holds reports whether NumPy has an element type.
func Holds(d tensor.DType) bool { return codes[d] != "" }

// header returns the bytes before the first element of an array in row-major
// order, padded so that the elements start at a multiple of 64.
func header(d tensor.DType, shape []int) []byte {
	sizes := make([]string, len(shape))
	for i, s := range shape {
		sizes[i] = strconv.Itoa(s)
	}
	list := strings.Join(sizes, ", ")
	if len(shape) == 1 {
		list += ","
	}
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00\x00\x00")
	fmt.Fprintf(&b, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", codes[d], list)
	for b.Len()%64 != 63 {
		b.WriteByte(' ')
	}
	b.WriteByte('\n')
	binary.LittleEndian.PutUint16(b.Bytes()[8:], uint16(b.Len()-10))
	return b.Bytes()
}
