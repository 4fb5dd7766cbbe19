package ops

import "testing"

// Rows of different images are never added: where it is not known which rows are one image's,
// there are no halves.
func TestSamples(t *testing.T) {
	for _, c := range []struct {
		images       int
		out          []int
		product      Product
		outer, inner int
	}{
		{2, []int{2, 197, 64}, Product{M: 394}, 2, 1},
		{2, []int{197, 2, 64}, Product{M: 394}, 1, 2},
		{2, []int{2, 14, 14, 64}, Product{M: 392}, 2, 1},
		{2, []int{14, 2, 14, 64}, Product{M: 392}, 1, 28},
		{2, []int{32, 49, 64}, Product{M: 32 * 49}, 32, 1}, // windows
		{1, []int{394, 64}, Product{M: 394}, 1, 1},
		{2, []int{2, 197, 64}, Product{M: 197, Batch: []int{2}}, 2, 1},
		{2, []int{2, 64, 14, 14}, Product{M: 196, Batch: []int{2}}, 2, 1},
		{2, []int{32, 64, 64}, Product{M: 32 * 64}, 0, 0},              // images may be in either axis
		{2, []int{4, 50, 64}, Product{M: 50, Batch: []int{4}}, 0, 0},   // or in the rows
		{0, []int{2, 197, 64}, Product{M: 394}, 0, 0},                  // the number of images is not known
		{2, []int{394, 64}, Product{M: 394}, 0, 0},                     // whose rows are whose is not
		{2, []int{2, 2, 64}, Product{M: 4}, 0, 0},                      // which axis is that of the images is not
		{5, []int{2, 197, 64}, Product{M: 394}, 0, 0},                  // none is
		{49, []int{64, 49, 8}, Product{M: 49, Batch: []int{64}}, 0, 0}, // the rows are the images
		{3, []int{64, 50, 8}, Product{M: 50, Batch: []int{64}}, 0, 0},  // what the matrices are is not known
	} {
		c.product.C = Matrices{Row: 64, Col: 1}
		n := &Node{Out: []*Value{{Shape: c.out}}}
		if outer, inner := samples(n, c.images, &c.product); outer != c.outer || inner != c.inner {
			t.Errorf("%d images, result %v of %d rows, batch %v: outer %d, inner %d, want %d and %d",
				c.images, c.out, c.product.M, c.product.Batch, outer, inner, c.outer, c.inner)
		}
	}
}
