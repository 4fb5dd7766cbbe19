package probe

import (
	"cmp"

	"memprobe/train/dataset"
)

// Split is a sequence of labelled samples, as a dataset holds them: images, vectors or
// rows of arrays. Its methods are called from several goroutines at once.
type Split interface {
	N() int
	Label(i int) int
	// Float32 writes image i [C,H,W], its pixels in [0,1], to dst; of samples of arrays
	// their elements, one array after the other. Where a split has a method Pixels(i int) []uint8
	// that does not return nil, they are its bytes divided by 255.
	Float32(dst []float32, i int)
}

// fetch asks for the memory of sample i, which is read soon, of a split that has it as it is.
func fetch(s Split, i int) {
	if f, ok := s.(interface{ Fetch(i int) }); ok {
		f.Fetch(i)
	}
}

// bytesOf are the bytes of which sample i is a 255th, of a split that has them; else nil.
func bytesOf(s Split, i int) []uint8 {
	if p, ok := s.(interface{ Pixels(i int) []uint8 }); ok {
		return p.Pixels(i)
	}
	return nil
}

// Data is what a model is probed on.
type Data struct {
	Train    Split // the images that the model was trained on
	Rest     Split // the other training images of the set; nil if there are none
	Test     Split // the queries; nil or empty: the bank's own, each left out once
	Assigned []int // labels of Train that the model was trained on; nil if not known
	Classes  []string
	// AssignedClasses is how many classes the assigned labels have, where they are not
	// those of Classes; the network tells these apart. 0: those of Classes.
	AssignedClasses int
	Shape           []int // of one image: [C,H,W]; of a sample of arrays, the number of its elements
	// Arrays are what a sample is made of, called as the model's inputs; nil: images, or
	// vectors, for the model's lone input.
	Arrays []dataset.Array
	// Vectors says that samples are vectors or arrays, no images: for the words of reports.
	Vectors bool
	// Identity says of image i of Train where it stands in the set, and its file's name
	// where each image is one; nil: i and none.
	Identity func(i int) (index int, file string)
	// QueryIdentity says the same of a query: of image i of Test, or, without test images,
	// of Train and Rest, one after the other; nil: i and none.
	QueryIdentity func(i int) (index int, file string)
}

// assignedClasses is how many classes the network tells apart.
func (d *Data) assignedClasses() int { return cmp.Or(d.AssignedClasses, len(d.Classes)) }

// foreign reports whether these are other classes than the true ones.
func (d *Data) foreign() bool { return d.assignedClasses() != len(d.Classes) }

// sample is what inputsOf takes.
func (d *Data) sample() []dataset.Array {
	if d.Arrays != nil {
		return d.Arrays
	}
	return Image(d.Shape)
}
