package dataset

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"memprobe/internal/npy"
)

// column is an array of an archive, of which samples are read one after the other.
type column struct {
	Array
	entry string // what the archive calls it
	head  *npy.Head
	n     int // samples
	r     io.ReadCloser
}

// named is what the archive calls the arrays that samples are made of, by the names of the
// arrays, where they are not the images or vectors x: those that are wanted, if it has one
// of them; the integers x [N,T]; or, where nothing says what is wanted and there is no x, all but
// the labels. suffix is "_train" or "".
func (f *npzFile) named(inputs []Array, suffix string) (names map[string]string, err error) {
	named := map[string]string{}
	found := false
	for _, a := range inputs {
		named[a.Name] = a.Name + suffix
		found = found || a.Name != "x" && f.has(a.Name+suffix)
	}
	x := "x" + suffix
	switch {
	case found:
		return named, nil
	case f.has(x):
		h, r, err := f.open(x)
		if err != nil {
			return nil, err
		}
		r.Close()
		if h.Kind == 'f' || h.Type() == "uint8" || len(h.Shape) > 2 { // images or vectors
			return nil, nil
		}
		if len(inputs) == 1 {
			return map[string]string{inputs[0].Name: x}, nil
		}
		return map[string]string{"x": x}, nil
	case len(inputs) > 0 || !f.has("y"+suffix):
		return nil, nil
	}
	for name := range f.entries {
		if bare, ok := strings.CutSuffix(name, suffix); ok && bare != "y" {
			named[bare] = name
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	return named, nil
}

// arrays reads samples of several arrays, or of integers: each [N,…], by its name, and the
// labels.
func (f *npzFile) arrays(l *loader, s *source, named map[string]string, yName string) error {
	switch shape, err := f.labels(s, yName); {
	case err != nil:
		return err
	case len(shape) == 2 && shape[1] != 1:
		return f.fault(yName, "shape %v, want one label a sample: [%d]", shape, shape[0])
	}
	s.where = func(i int) (string, int) { return f.path + ": " + yName, i }
	var columns []*column
	defer func() {
		for _, c := range columns {
			c.r.Close()
		}
	}()
	for _, name := range inOrder(named, l.o.Inputs) {
		c, err := f.column(name, named[name])
		if err != nil {
			return err
		}
		columns = append(columns, c)
		if c.n != len(s.labels) {
			return f.fault(c.entry, "%d samples, %s has %d labels", c.n, yName, len(s.labels))
		}
		if err := l.fits(&c.Array); err != nil {
			return f.fault(c.entry, "%w", err)
		}
		s.arrays = append(s.arrays, c.Array)
	}
	if err := s.ofArrays(); err != nil {
		return f.fault(columns[0].entry, "%w", err)
	}
	if err := f.rows(l, s, columns); err != nil {
		return err
	}
	for _, c := range columns {
		if err := f.end(c.entry, c.r); err != nil {
			return err
		}
	}
	return nil
}

// inOrder are the names of arrays in the order of a model's inputs; without one, sorted.
func inOrder(named map[string]string, inputs []Array) []string {
	var names []string
	for _, a := range inputs {
		if named[a.Name] != "" {
			names = append(names, a.Name)
		}
	}
	if names == nil {
		names = slices.Sorted(maps.Keys(named))
	}
	return names
}

// column opens an array.
func (f *npzFile) column(name, entry string) (*column, error) {
	if !f.has(entry) {
		return nil, f.missing(entry, fmt.Sprintf("for the model's input %q", name))
	}
	h, r, err := f.open(entry)
	if err != nil {
		return nil, err
	}
	c := &column{entry: entry, r: r}
	switch {
	case h.Fortran:
		err = errFortran
	case h.Kind == 'U' || h.Kind == 'S':
		err = fmt.Errorf("values of type %s, want numbers", h.Type())
	case len(h.Shape) == 0:
		err = fmt.Errorf("a single number, want [N,…]")
	}
	if err != nil {
		r.Close()
		return nil, f.fault(entry, "%w", err)
	}
	c.n, c.Array = h.Shape[0], Array{Name: name, Shape: h.Shape[1:], Integer: h.Kind != 'f'}
	one := *h
	one.Shape, one.Len = []int{c.size()}, c.size()
	c.head = &one
	return c, nil
}

// rows reads the samples: the elements of all arrays, one after the other.
func (f *npzFile) rows(l *loader, s *source, columns []*column) error {
	mem, row := arena{loader: l}, make([]float32, s.w)
	for i := range s.labels {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		rest := row
		for _, c := range columns {
			if err := c.read(rest[:c.size()]); err != nil {
				return f.fault(c.entry, "%w", truncated(i, len(s.labels), err))
			}
			rest = rest[c.size():]
		}
		kept, err := mem.floats(s.w)
		if err != nil {
			return err
		}
		copy(kept, row)
		s.floats = append(s.floats, kept)
	}
	return nil
}

// read reads the array of the next sample.
func (c *column) read(dst []float32) error {
	if !c.Integer {
		values, err := c.head.Floats(c.r)
		if err != nil {
			return err
		}
		copy(dst, values)
		return checkFinite(dst)
	}
	values, err := c.head.Ints(c.r)
	if err != nil {
		return err
	}
	for i, v := range values {
		if dst[i], err = exactly(v); err != nil {
			return err
		}
	}
	return nil
}
