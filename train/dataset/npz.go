package dataset

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/npy"
	"memprobe/internal/show"
)

var npzFormats = []format{
	{name: "npz", title: "NumPy archive of x_train, y_train, x_test, y_test, or x, y: images, vectors [N,D], or " +
		"arrays named after a model's inputs", path: "FILE", load: (*loader).npz},
}

// npzFile is an open .npz file.
type npzFile struct {
	path    string
	entries map[string]*zip.File
	opened  map[string]bool
}

// npz reads x_train, y_train, x_test, y_test, or x and y, from a NumPy archive.
// Images are uint8 NHWC or NCHW, or float32 NCHW; a leading axis of steps, in
// both x and y, is flattened. Floats [N,D] are vectors, kept as [N,1,1,D]. Samples of
// several arrays, or of integers, are arrays [N,…] that are called as the model's inputs
// in the place of x. Labels are integers, or text.
func (l *loader) npz(path string) (*content, error) {
	opened, size, err := infile.Open(path)
	if err != nil {
		return nil, wrap(path, plain(err))
	}
	defer opened.Close()
	return l.archive(path, opened, size)
}

// archive reads the set in the archive of a file that is open.
func (l *loader) archive(path string, file io.ReaderAt, size int64) (*content, error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return nil, wrap(path, fault.Plain(err))
	}
	f, err := newNPZ(path, z)
	if err != nil {
		return nil, err
	}
	var c content
	suffix := "_train"
	if !f.has("x_train") && !f.has("y_train") && (f.has("x") || f.has("y")) {
		suffix = ""
	}
	if err := f.split(l, &c.train, suffix); err != nil {
		return nil, err
	}
	if !f.has("x_test") && !f.has("y_test") {
		l.note("no test split in %s", path)
	} else if err := f.split(l, &c.test, "_test"); err != nil {
		return nil, err
	}
	if err := sameKind(path, &c); err != nil {
		return nil, err
	}
	if left := f.unread(); len(left) > 0 {
		l.note("arrays of %s that are left out: %s", path, strings.Join(left, ", "))
	}
	if c.classes, err = textClasses(path, &c.train, &c.test); err != nil {
		return nil, err
	}
	if c.classes == nil {
		c.classes = numbered(1 + maxLabel(&c.train, &c.test))
	}
	return &c, nil
}

// split reads the samples and labels of one split.
func (f *npzFile) split(l *loader, s *source, suffix string) error {
	named, err := f.named(l.o.Inputs, suffix)
	switch {
	case err != nil:
		return err
	case named != nil:
		return f.arrays(l, s, named, "y"+suffix)
	}
	return f.images(l, s, "x"+suffix, "y"+suffix)
}

// sameKind wants the images of both splits to be of one size and type.
func sameKind(path string, c *content) error {
	a, b := &c.train, &c.test
	if len(b.labels) > 0 && (a.c != b.c || a.h != b.h || a.w != b.w || a.vectors != b.vectors ||
		!sameArrays(a.arrays, b.arrays) || (a.floats == nil) != (b.floats == nil)) {
		return fault.Errorf(path, "test images are %s, those for training %s", b.kind(), a.kind())
	}
	return nil
}

func (s *source) kind() string {
	t := "uint8"
	if s.floats != nil {
		t = "float32"
	}
	if s.arrays != nil {
		return fmt.Sprint(s.arrays)
	}
	if s.vectors {
		return fmt.Sprintf("%s vectors of %d", t, s.w)
	}
	return fmt.Sprintf("%s %dx%dx%d", t, s.c, s.h, s.w)
}

// plain drops what an error of the file system says about the path.
func plain(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func newNPZ(path string, z *zip.Reader) (*npzFile, error) {
	entries, err := npy.Entries(z)
	return &npzFile{path, entries, map[string]bool{}}, wrap(path, err)
}

func (f *npzFile) has(name string) bool { return f.entries[name] != nil }

// unread are the arrays that nothing was read of, sorted.
func (f *npzFile) unread() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.entries)), func(name string) bool { return f.opened[name] })
}

func (f *npzFile) fault(name, format string, args ...any) error {
	return fault.Errorf(f.path, "%s: %w", name, fmt.Errorf(format, args...))
}

// open returns the head of an array and what follows it.
func (f *npzFile) open(name string) (*npy.Head, io.ReadCloser, error) {
	e := f.entries[name]
	if e == nil {
		return nil, nil, f.missing(name, "")
	}
	f.opened[name] = true
	r, err := e.Open()
	if err != nil {
		return nil, nil, f.fault(name, "%w", err)
	}
	b := bufio.NewReaderSize(r, int(min(1<<16, max(1<<10, e.UncompressedSize64))))
	h, err := npy.ReadHead(b)
	if err != nil {
		r.Close()
		return nil, nil, f.fault(name, "%w", err)
	}
	return h, struct {
		io.Reader
		io.Closer
	}{b, r}, nil
}

// missing is the error about an array that is not there.
func (f *npzFile) missing(name, what string) error {
	names := show.List(slices.Sorted(maps.Keys(f.entries)))
	if what != "" {
		return fault.Errorf(f.path, "no array %s %s; it has %s", name, what, names)
	}
	return fault.Errorf(f.path, "no array %s; it has %s, want x_train, y_train, x_test, y_test, or x, y, or the "+
		"names of a model's inputs in the place of x", name, names)
}

// images reads images or vectors.
func (f *npzFile) images(l *loader, s *source, xName, yName string) error {
	yShape, err := f.labels(s, yName)
	if err != nil {
		return err
	}
	h, r, err := f.open(xName)
	if err != nil {
		return err
	}
	defer r.Close()
	shape := h.Shape
	steps := len(shape) == 5 && len(yShape) == 2 && shape[0] == yShape[0] && shape[1] == yShape[1]
	if steps {
		l.note("%s: %d batches of %d images, one after another", xName, shape[0], shape[1])
		shape = append([]int{shape[0] * shape[1]}, shape[2:]...)
	}
	last, err := s.layout(h, shape)
	if err != nil {
		return f.fault(xName, "%w", err)
	}
	if !steps && len(yShape) == 2 && yShape[1] != 1 {
		return f.fault(yName, "shape %v, want one label an image: [%d]", yShape, shape[0])
	}
	if len(s.labels) != shape[0] {
		return f.fault(yName, "%d labels for the %d images of %s", len(s.labels), shape[0], xName)
	}
	s.where = func(i int) (string, int) { return f.path + ": " + yName, i }
	if h.Kind == 'u' {
		err = s.readBytes(l, r, last)
	} else {
		err = s.readFloats(l, r, h)
	}
	if err != nil {
		return f.fault(xName, "%w", err)
	}
	return f.end(xName, r)
}

// end wants an array to end where its shape says, with the right checksum.
func (f *npzFile) end(name string, r io.Reader) error {
	if err := npy.End(r); err != nil {
		return f.fault(name, "%w", err)
	}
	return nil
}

// labels reads an array of labels.
func (f *npzFile) labels(s *source, name string) (shape []int, err error) {
	h, r, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if len(h.Shape) != 1 && len(h.Shape) != 2 {
		return nil, f.fault(name, "shape %v, want [images]", h.Shape)
	}
	if h.Type() == "text" {
		if s.texts, err = h.Texts(r); err != nil {
			return nil, f.fault(name, "%w", err)
		}
		s.labels = make([]int, len(s.texts))
		return h.Shape, f.end(name, r)
	}
	ints, err := h.Ints(r)
	if err != nil {
		return nil, f.fault(name, "%w", err)
	}
	s.labels = make([]int, len(ints))
	for i, y := range ints {
		if y < 0 || y > maxClasses {
			return nil, f.fault(name, "record %d: label %d, want 0 to %d", i, y, maxClasses)
		}
		s.labels[i] = int(y)
	}
	return h.Shape, f.end(name, r)
}

// maxClasses bounds what a label may say where nothing else does.
const maxClasses = 1 << 20

// layout tells NCHW from NHWC and says how many channels come last (0: NCHW).
func (s *source) layout(h *npy.Head, shape []int) (last int, err error) {
	if h.Fortran {
		return 0, errFortran
	}
	float := h.Kind == 'f' && (h.Size == 4 || h.Size == 8)
	if t := h.Type(); t != "uint8" && !float {
		return 0, fmt.Errorf("values of type %s, want uint8 or float32", t)
	}
	if s.vectors = float && len(shape) == 2; s.vectors {
		shape = []int{shape[0], 1, 1, shape[1]}
	}
	grey := len(shape) == 3
	if grey {
		shape = []int{shape[0], 1, shape[1], shape[2]}
	}
	if len(shape) != 4 {
		return 0, fmt.Errorf("shape %v, want [N,C,H,W], [N,H,W,C] of uint8, [N,H,W], [N,D] of floats, or "+
			"[steps,batch,C,H,W] with labels [steps,batch]", shape)
	}
	a, b, c := shape[1], shape[2], shape[3]
	if min(a, b, c) < 1 || float64(a)*float64(b)*float64(c) > 1<<26 {
		return 0, fmt.Errorf("shape %v: an image has no pixel, or too many", shape)
	}
	image := func(n int) bool { return n == 1 || n == 3 }
	s.c, s.h, s.w = a, b, c
	switch {
	case s.vectors:
		return 0, nil
	case float && image(c) && !image(a):
		return 0, fmt.Errorf("float32 of shape %v looks like [N,H,W,C], want [N,C,H,W]", shape)
	case float || grey || image(a) && !image(c):
		return 0, nil
	case image(a) && image(c):
		return 0, fmt.Errorf("shape %v may be [N,C,H,W] as well as [N,H,W,C]", shape)
	case image(c):
		s.c, s.h, s.w = c, a, b
		return c, nil
	}
	return 0, fmt.Errorf("shape %v has 1 or 3 channels neither in the second place nor in the last", shape)
}

func (s *source) readBytes(l *loader, r io.Reader, last int) error {
	mem, size := arena{loader: l}, s.c*s.h*s.w
	buf := make([]byte, size)
	for i := range s.labels {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, buf); err != nil {
			return truncated(i, len(s.labels), err)
		}
		image, err := mem.take(size)
		if err != nil {
			return err
		}
		if last > 1 {
			planar(image, buf, last)
		} else {
			copy(image, buf)
		}
		s.pixels = append(s.pixels, image)
	}
	return nil
}

// planar turns interleaved pixels [H,W,c] into planes [c,H,W].
func planar(dst, src []byte, c int) {
	n := len(src) / c
	for k := range c {
		plane := dst[k*n : (k+1)*n]
		for i := range plane {
			plane[i] = src[i*c+k]
		}
	}
}

func (s *source) readFloats(l *loader, r io.Reader, h *npy.Head) error {
	mem, size := arena{loader: l}, s.c*s.h*s.w
	one := *h
	one.Shape, one.Len = []int{size}, size
	for i := range s.labels {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		values, err := one.Floats(r)
		if err != nil {
			return truncated(i, len(s.labels), err)
		}
		if err := checkFinite(values); err != nil {
			return fmt.Errorf("record %d %w", i, err)
		}
		image, err := mem.floats(size)
		if err != nil {
			return err
		}
		copy(image, values)
		s.floats = append(s.floats, image)
	}
	return nil
}

func truncated(i, n int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("truncated")
	}
	return fmt.Errorf("record %d of %d: %w", i, n, err)
}
