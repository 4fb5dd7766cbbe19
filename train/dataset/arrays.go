package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/tensor"
)

// Array is one of the arrays that a sample is made of, as tokens are of their numbers and
// the mask of those that are no padding. A sample is the row of their elements, one array
// after the other, as float32, in which integers up to 2^24 are exact.
type Array struct {
	Name    string // of the model's input that takes it
	Shape   []int  // of a sample; in Options, 0 for a size that the model leaves open
	Integer bool   // stored as integers or bools; in Options, that the model takes such alone
}

func (a Array) size() int { return tensor.Len(a.Shape) }

func (a Array) String() string {
	kind := "floats"
	if a.Integer {
		kind = "integers"
	}
	return fmt.Sprintf("%s %v of %s", a.Name, a.Shape, kind)
}

func sameArrays(a, b []Array) bool {
	return slices.EqualFunc(a, b, func(a, b Array) bool {
		return a.Name == b.Name && a.Integer == b.Integer && slices.Equal(a.Shape, b.Shape)
	})
}

// maxRow bounds the elements of a sample of arrays.
const maxRow = 1 << 24

// ofArrays makes the samples rows of the elements of their arrays.
func (s *source) ofArrays() error {
	total := 0
	for _, a := range s.arrays {
		for _, d := range a.Shape {
			if d < 1 || d > maxRow {
				return fmt.Errorf("an array of a sample is %v, want from 1 to 2^24 elements", a.Shape)
			}
		}
		if total += a.size(); total > maxRow || a.size() > maxRow {
			return fmt.Errorf("the arrays of a sample have more than 2^24 elements")
		}
	}
	s.vectors, s.c, s.h, s.w = true, 1, 1, total
	return nil
}

// fits holds an array to what the model's input of its name takes.
func (l *loader) fits(a *Array) error {
	i := slices.IndexFunc(l.o.Inputs, func(in Array) bool { return in.Name == a.Name })
	if i < 0 {
		return nil
	}
	if l.o.Inputs[i].Integer && !a.Integer {
		return fmt.Errorf("floats, the model's input %q takes integers", a.Name)
	}
	want := l.o.Inputs[i].Shape
	if want == nil {
		return nil
	}
	if !slices.EqualFunc(a.Shape, want, func(a, w int) bool { return a == w || w == 0 }) {
		return fmt.Errorf("%v a sample, the model's input %q takes %s", a.Shape, a.Name, openShape(want))
	}
	return nil
}

// openShape is a shape with ? for what is open.
func openShape(shape []int) string {
	words := make([]string, len(shape))
	for i, d := range shape {
		if words[i] = fmt.Sprint(d); d == 0 {
			words[i] = "?"
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}

// maxExact bounds the integers that a float32 holds exactly, whatever lies between.
const maxExact = 1 << 24

func exactly(v int64) (float32, error) {
	if v < -maxExact || v > maxExact {
		return 0, fmt.Errorf("holds %d, want integers from −2^24 to 2^24", v)
	}
	return float32(v), nil
}

func checkFinite(row []float32) error {
	for _, v := range row {
		if v-v != 0 {
			return fmt.Errorf("holds %v", v)
		}
	}
	return nil
}

var errFortran = errors.New("in Fortran order; save numpy.ascontiguousarray of it")

// textClasses makes classes of labels that are text, in their order: nil where labels are
// numbers.
func textClasses(path string, sources ...*source) ([]string, error) {
	var classes []string
	for _, s := range sources {
		if (s.texts == nil) != (sources[0].texts == nil) && len(s.labels) > 0 {
			return nil, fault.Errorf(path, "the labels of one split are text, those of the other are numbers")
		}
		classes = append(classes, s.texts...)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) > maxClasses {
		return nil, fault.Errorf(path, "%d labels of text differ, want at most %d", len(classes), maxClasses)
	}
	for _, s := range sources {
		for i, text := range s.texts {
			if text == "" {
				return nil, s.fault(i, "the label is empty")
			}
			s.labels[i], _ = slices.BinarySearch(classes, text)
		}
	}
	return classes, nil
}
