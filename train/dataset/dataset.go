package dataset

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"memprobe/internal/fault"
	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
)

// Set is an image classification set, opened.
type Set struct {
	Name    string   // the format's or the set's name: "cifar10", "npz"
	Spec    string   // what it was opened by
	Classes []string // class names by label
	C, H, W int      // size of every image
	Vectors bool     // samples are W floats each, no images; C and H are 1
	Arrays  []Array  // that the W floats of a sample are made of, where a model takes it so
	Train   Split
	Test    Split    // may be empty
	Notes   []string // what was done to the stored images, and what stands out

	print   sync.Once
	content string
	release []func() error
}

// Split is a sequence of labelled images.
type Split struct {
	labels []int32
	pixels [][]uint8   // of byte sets
	floats [][]float32 // of float sets
	places []int       // of the images among all that are stored
	stored int
	name   func(i int) string
}

// N is the number of images.
func (s *Split) N() int { return len(s.labels) }

// Label is the class of image i, in [0, len(Set.Classes)).
func (s *Split) Label(i int) int { return int(s.labels[i]) }

// Labels are the classes of all images. The caller must not write to it.
func (s *Split) Labels() []int32 { return s.labels }

// Places are where the images stand among all that are stored of the split, from
// 0. The caller must not write to it.
func (s *Split) Places() []int { return s.places }

// Stored is how many images are stored of the split, whether chosen or not.
func (s *Split) Stored() int { return s.stored }

// File is the name of image i's file within the set, with slashes; "" where an image is
// no file of its own.
func (s *Split) File(i int) string {
	if s.name == nil {
		return ""
	}
	return s.name(i)
}

// CheckUnit wants images, and the pixels of those for training in [0,1], the range that
// augmentations are defined on. Bytes always are.
func (s *Set) CheckUnit() error {
	if s.Arrays != nil {
		return fault.Errorf(s.Spec, "holds the arrays %v; augmentations want images", s.Arrays)
	}
	if s.Vectors {
		return fault.Errorf(s.Spec, "holds vectors of %d values; augmentations want images", s.W)
	}
	return s.outside("augmentations want pixels in [0,1], normalised by --normalize")
}

// CheckNormalization wants pixels in [0,1] where a normalisation is that of a published
// set, whose values are those of such pixels.
func (s *Set) CheckNormalization(spec string) error {
	if spec == NoNormalization || strings.Contains(spec, "/") {
		return nil
	}
	return s.outside(spec + " normalises pixels in [0,1]; MEAN/STD takes others")
}

// outside is an error about the first pixel for training that is not in [0,1].
func (s *Set) outside(want string) error {
	for i, image := range s.Train.floats {
		for _, v := range image {
			if !(v >= 0 && v <= 1) {
				return fault.Errorf(s.Spec, "training image %d has a pixel of %v; %s", i, v, want)
			}
		}
	}
	return nil
}

// IsFloat tells whether images are float32, as stored, rather than bytes.
func (s *Split) IsFloat() bool { return s.floats != nil }

// Pixels is image i [C,H,W] without a copy, or nil if the set is of floats. The
// caller must not write to it, nor use it after Set.Close.
func (s *Split) Pixels(i int) []uint8 {
	if s.pixels == nil {
		return nil
	}
	return s.pixels[i]
}

// Float32 writes image i [C,H,W] to dst: bytes as v/255, floats as they are.
// It panics if dst is shorter than the image.
func (s *Split) Float32(dst []float32, i int) {
	if s.floats != nil {
		copy(dst[:len(s.floats[i])], s.floats[i])
		return
	}
	Float32(dst, s.pixels[i])
}

// Fetch asks for the memory of image i, which Float32 reads soon. It changes nothing.
func (s *Split) Fetch(i int) {
	if s.floats != nil {
		nearest.Prefetch(s.floats[i])
		return
	}
	nearest.Prefetch(s.pixels[i])
}

// Float32 writes v/255 of each byte to dst. It panics if dst is shorter.
func Float32(dst []float32, pixels []uint8) {
	dst = dst[:len(pixels)]
	vec.FromUint8(dst, pixels)
}

// Options say how a set is opened. The zero value takes all of it as stored.
type Options struct {
	TrainLimit int    // class-balanced subset of that many training images; 0: all
	TestLimit  int    // the same for the test split
	Seed       uint64 // of the subsets
	TrainFirst int    // that many training images, the first ones; 0: all
	TrainIndex []int  // the places of the training images to take, in this order; nil: all

	// Inputs are those of the model that samples are for: where a set holds arrays of such
	// names, a sample is made of these, in this order; nil: of all that the set holds.
	Inputs []Array

	Channels      int // 1 or 3: grey or RGB; 0: as stored
	Height, Width int // size to resize to; 0: as stored, or 224 with a Preprocess
	Preprocess    Preprocess

	Roots     []string // folders where bare names are looked for; nil: DefaultRoots()
	Threads   int      // goroutines that decode; 0: one a CPU
	MaxMemory int64    // bytes beyond which images lie in mapped files; 0: 2 GiB
}

const defaultMaxMemory = 2 << 30

func (o Options) check() error {
	switch {
	case o.TrainLimit < 0 || o.TestLimit < 0:
		return fmt.Errorf("dataset: limits %d and %d, want 0 or more", o.TrainLimit, o.TestLimit)
	case o.TrainFirst < 0:
		return fmt.Errorf("dataset: the first %d training images wanted, want 0 or more", o.TrainFirst)
	case o.TrainLimit > 0 && (o.TrainFirst > 0 || o.TrainIndex != nil) || o.TrainFirst > 0 && o.TrainIndex != nil:
		return errors.New("dataset: a limit, the first ones and an index are three choices of training images, want one")
	case o.Channels != 0 && o.Channels != 1 && o.Channels != 3:
		return fmt.Errorf("dataset: %d channels wanted, can convert to 1 or 3", o.Channels)
	case o.Height < 0 || o.Width < 0 || (o.Height == 0) != (o.Width == 0):
		return fmt.Errorf("dataset: size %dx%d wanted, want both positive or both 0", o.Height, o.Width)
	}
	return nil
}

// Open opens the set that spec names: NAME or NAME:PATH (see [List]).
func Open(ctx context.Context, spec string, o Options) (*Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Preprocess.spec != "" && o.Height == 0 {
		o.Height, o.Width = presetSize, presetSize
	}
	if err := o.Preprocess.check(o.Height, o.Width); err != nil {
		return nil, &SpecError{spec, err.Error()}
	}
	f, path, err := resolve(spec, o.Roots)
	if err != nil {
		return nil, err
	}
	l := newLoader(ctx, o)
	set, err := l.open(f, path)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	set.Name, set.Spec, set.release = f.name, spec, l.release
	return set, nil
}

// Close releases mapped files. The images must not be used any more.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.release {
		errs = append(errs, f())
	}
	s.release = nil
	return errors.Join(errs...)
}
