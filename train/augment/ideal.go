package augment

import "memprobe/internal/rng"

// Ideal groups images so that the views of an image are other images of its
// class: the ideal augmentation. Each class, in an order drawn from the seed, is
// cut into groups of a number of views; the last group of a class may be smaller.
// All images of a group carry the label that is assigned to its first, the base.
// No image is in two groups, so none carries two labels.
type Ideal struct {
	group []int   // of each image
	views [][]int // the images of each group, the base first
}

// NewIdeal groups images by their true labels, views at a time; views < 1 is 1.
func NewIdeal(seed uint64, labels []int32, views int) *Ideal {
	views = max(views, 1)
	members := map[int32][]int{}
	var classes []int32 // in order of first appearance
	for i, y := range labels {
		if members[y] == nil {
			classes = append(classes, y)
		}
		members[y] = append(members[y], i)
	}
	d := &Ideal{group: make([]int, len(labels))}
	for _, y := range classes {
		all := members[y]
		order := make([]int, len(all))
		s := rng.New(seed, rng.Ideal, uint64(y))
		s.Perm(order)
		for i, j := range order {
			order[i] = all[j]
		}
		for len(order) > 0 {
			n := min(views, len(order))
			for _, i := range order[:n] {
				d.group[i] = len(d.views)
			}
			d.views = append(d.views, order[:n])
			order = order[n:]
		}
	}
	return d
}

// Base is the image whose assigned label an image carries.
func (d *Ideal) Base(image int) int { return d.views[d.group[image]][0] }

// Source is the image that stands for a view of an image; view 0 is its base.
// Where the group is smaller than the number of views, they repeat.
func (d *Ideal) Source(image, view int) int {
	g := d.views[d.group[image]]
	return g[view%len(g)]
}

// Groups is the number of groups, of labels that are assigned.
func (d *Ideal) Groups() int { return len(d.views) }
