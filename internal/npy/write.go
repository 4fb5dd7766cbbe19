// Package npy writes float32 arrays in NumPy's format, alone (.npy) or in an
// archive (.npz), and reads arrays of numbers. Both are here because
// github.com/sbinet/npyio, the oracle of the tests, writes no shape beyond two
// dimensions, and trusts the head of what it reads.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package npy

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
)

// Header writes the header of a little-endian float32 array in row-major order.
func Header(w io.Writer, shape []int) error {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", tuple)
	// The data begin at a multiple of 64 bytes; the dictionary ends in a newline.
	const prefix = 10
	pad := (64 - (prefix+len(dict)+1)%64) % 64
	dict += strings.Repeat(" ", pad) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(head[8:], uint16(len(dict)))
	_, err := w.Write(append(head, dict...))
	return err
}

// Write writes one array.
func Write(w io.Writer, data []float32, shape []int) error {
	if err := Header(w, shape); err != nil {
		return err
	}
	return Data(w, data)
}

// Data writes elements, without a header.
func Data(w io.Writer, data []float32) error {
	buf := make([]byte, 0, 64<<10)
	for len(data) > 0 {
		n := min(len(data), cap(buf)/4)
		buf = buf[:0]
		for _, v := range data[:n] {
			buf, _ = binary.Append(buf, binary.LittleEndian, v)
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// Archive is an .npz under construction.
type Archive struct{ z *zip.Writer }

// NewArchive begins an .npz.
func NewArchive(w io.Writer) *Archive { return &Archive{zip.NewWriter(w)} }

// Create begins the next array; its elements are written to the result.
func (a *Archive) Create(name string, shape []int) (io.Writer, error) {
	// A fixed time keeps the bytes the same from run to run.
	w, err := a.z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, err
	}
	return w, Header(w, shape)
}

// Close ends the archive.
func (a *Archive) Close() error { return a.z.Close() }
