package dataset

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"memprobe/internal/fault"
	"memprobe/internal/memory"
)

// source is one split as its format stores it, before images are chosen,
// decoded, converted and resized.
type source struct {
	labels []int
	texts  []string                              // of the labels, where they are no numbers
	where  func(i int) (file string, record int) // record −1: the file is the record

	name func(i int) string // of the file within the set, where each image is one; else nil

	// One of these has the images.
	pixels  [][]uint8                                // planar [c,h,w]
	floats  [][]float32                              // planar [c,h,w]
	encoded func(i int, room []byte) ([]byte, error) // files of pictures, in room if they like; safe for concurrent use

	c, h, w int     // not of encoded pictures
	vectors bool    // of w floats, no images
	arrays  []Array // that these are the elements of; nil: one

	places []int // of the images among all that are stored, once they are chosen
	stored int
}

// content is what a format's reader makes of a path.
type content struct {
	classes     []string
	train, test source
}

// loader carries what the readers of a set share.
type loader struct {
	ctx     context.Context
	o       Options
	notes   []string
	used    int64 // bytes of images so far
	release []func() error
}

func newLoader(ctx context.Context, o Options) *loader {
	if o.MaxMemory == 0 {
		o.MaxMemory = min(defaultMaxMemory, memory.Left()/2)
	}
	return &loader{ctx: ctx, o: o}
}

func (l *loader) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

func (l *loader) close() error {
	var errs []error
	for _, f := range l.release {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

func (l *loader) open(f *format, path string) (*Set, error) {
	c, err := f.load(l, path)
	if err != nil {
		return nil, err
	}
	if err := l.checkLabels(c, path); err != nil {
		return nil, err
	}
	train, test := &c.train, &c.test
	var to extent
	if train.encoded != nil {
		if to, err = l.survey(train, test); err != nil {
			return nil, err
		}
	}
	if err := l.choose(c, path); err != nil {
		return nil, err
	}
	if train.encoded != nil {
		err = l.decode(to, train, test)
	} else {
		err = l.convert(train, test)
	}
	if err != nil {
		return nil, err
	}
	set := &Set{Classes: c.classes, C: train.c, H: train.h, W: train.w, Vectors: train.vectors, Arrays: train.arrays}
	set.Train, set.Test = train.split(), test.split()
	set.Notes = l.notes
	return set, nil
}

// crowd is how many images a class must have on average for a class without any
// to be a fault: were labels drawn at random, that would happen by chance with
// probability e^−20.
const crowd = 20

// checkLabels holds every label to the list of classes, and every class to
// having a training image. In a small set, where chance may leave a class out,
// that is a note.
func (l *loader) checkLabels(c *content, path string) error {
	if len(c.train.labels) == 0 {
		return fault.Errorf(path, "no training image")
	}
	k := len(c.classes)
	count := make([]int, k)
	for _, s := range []*source{&c.test, &c.train} {
		clear(count)
		for i, y := range s.labels {
			if y < 0 || y >= k {
				return s.fault(i, "label %d, want 0 to %d", y, k-1)
			}
			count[y]++
		}
	}
	var empty []int
	for y, n := range count {
		if n == 0 {
			empty = append(empty, y)
		}
	}
	if len(empty) == 0 {
		return nil
	}
	file, _ := c.train.where(0)
	text := fmt.Sprintf("class %d (%s) has no training image", empty[0], c.classes[empty[0]])
	if len(empty) > 1 {
		text = fmt.Sprintf("%s, nor have %d others", text, len(empty)-1)
	}
	if len(c.train.labels) >= crowd*k {
		return fault.Errorf(file, "%s", text)
	}
	l.note("%s", text)
	return nil
}

// fault is an error about record i.
func (s *source) fault(i int, format string, args ...any) error {
	file, record := s.where(i)
	err := fmt.Errorf(format, args...)
	if record >= 0 {
		err = fmt.Errorf("record %d: %w", record, err)
	}
	return &fault.Error{File: file, Err: err}
}

func (s *source) split() Split {
	labels := make([]int32, len(s.labels))
	for i, y := range s.labels {
		labels[i] = int32(y)
	}
	return Split{labels: labels, pixels: s.pixels, floats: s.floats, places: s.places, stored: s.stored, name: s.name}
}

// numbered returns class names "0" to "k−1".
func numbered(k int) []string {
	names := make([]string, k)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
