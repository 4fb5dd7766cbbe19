package dataset

import (
	"context"
	"slices"

	"memprobe/internal/fault"
)

// Images are labelled images in memory: the bytes of each, [C,H,W], and its class.
type Images struct {
	Pixels [][]uint8
	Labels []int
}

// New makes a set of images in memory, which it does not copy; test may be empty. name is
// what records and errors call the set. The error is a fault.Error that names the split and
// the image whose number of bytes or label does not fit, or a class without images where
// there are enough for one of each.
func New(name string, classes []string, c, h, w int, train, test Images) (*Set, error) {
	if min(c, h, w) < 1 {
		return nil, fault.Errorf(name, "images of [%d,%d,%d], want at least one of each", c, h, w)
	}
	var both content
	both.classes = classes
	for _, s := range []struct {
		what   string
		images Images
		into   *source
	}{{"training", train, &both.train}, {"test", test, &both.test}} {
		file := name + ": " + s.what + " images"
		if len(s.images.Pixels) != len(s.images.Labels) {
			return nil, fault.Errorf(file, "%d labels for %d images", len(s.images.Labels), len(s.images.Pixels))
		}
		if i := slices.IndexFunc(s.images.Pixels, func(p []uint8) bool { return len(p) != c*h*w }); i >= 0 {
			return nil, fault.Errorf(file, "record %d: %d bytes, want %d·%d·%d", i, len(s.images.Pixels[i]), c, h, w)
		}
		*s.into = source{labels: s.images.Labels, pixels: s.images.Pixels, c: c, h: h, w: w,
			where: func(i int) (string, int) { return file, i }}
	}
	memory := &format{name: name, load: func(*loader, string) (*content, error) { return &both, nil }}
	set, err := newLoader(context.Background(), Options{}).open(memory, name)
	if err != nil {
		return nil, err
	}
	set.Name, set.Spec = name, name
	return set, nil
}
