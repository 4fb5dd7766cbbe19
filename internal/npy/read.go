package npy

import (
	"os"
	"strings"

	"github.com/sbinet/npyio"
	"github.com/sbinet/npyio/npz"

	"memprobe/internal/fault"
	"memprobe/internal/tensor"
)

// Read returns the float32 arrays of an .npz by name, or the lone one of an
// .npy under the empty name. Other element types, column-major order and sizes
// that the file does not hold are errors.
func Read(path string) (map[string]*tensor.Tensor, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &fault.Error{File: path, Err: err}
	}
	out := map[string]*tensor.Tensor{}
	if !strings.HasSuffix(path, ".npz") {
		f, err := os.Open(path)
		if err != nil {
			return nil, &fault.Error{File: path, Err: err}
		}
		defer f.Close()
		r, err := npyio.NewReader(f)
		if err != nil {
			return nil, fault.Errorf(path, "not an .npy file: %w", err)
		}
		out[""], err = array(path, "", info.Size(), &r.Header, func(p *[]float32) error { return r.Read(p) })
		return out, err
	}
	z, err := npz.Open(path)
	if err != nil {
		return nil, fault.Errorf(path, "not an .npz file: %w", err)
	}
	defer z.Close()
	for _, key := range z.Keys() {
		t, err := array(path, key, info.Size()*1100, z.Header(key), func(p *[]float32) error { return z.Read(key, p) })
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(key, ".npy")] = t
	}
	return out, nil
}

// array reads one array of at most limit bytes: deflate never packs tighter
// than 1 to 1032.
func array(path, name string, limit int64, h *npyio.Header, read func(*[]float32) error) (*tensor.Tensor, error) {
	if h.Descr.Type != "<f4" || h.Descr.Fortran {
		return nil, fault.Errorf(path, "array %q is of type %q (column-major: %v), want row-major <f4", name, h.Descr.Type, h.Descr.Fortran)
	}
	size := int64(1)
	for _, d := range h.Descr.Shape {
		if d < 0 || d > 0 && size > limit/4/int64(d) {
			return nil, fault.Errorf(path, "array %q claims shape %v, more than the file holds", name, h.Descr.Shape)
		}
		size *= int64(d)
	}
	var data []float32
	if err := read(&data); err != nil {
		return nil, fault.Errorf(path, "array %q: %w", name, err)
	}
	if int64(len(data)) != size {
		return nil, fault.Errorf(path, "array %q has %d elements for shape %v", name, len(data), h.Descr.Shape)
	}
	return tensor.From(data, h.Descr.Shape...), nil
}
