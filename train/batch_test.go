package train

import (
	"slices"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tol"
	"memprobe/train/augment"
	"memprobe/train/dataset"
)

func batcherOf(t *testing.T, c Config) (*batcher, *dataset.Set) {
	t.Helper()
	set := open(t, c)
	b, err := newBatcher(&c, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, set
}

// batchOf fills one batch of the given samples.
func batchOf(b *batcher, rows []int, epoch, step int) (x, target []float32) {
	x = make([]float32, len(rows)*b.set.C*b.set.H*b.set.W)
	target = make([]float32, len(rows)*len(b.set.Classes))
	b.fill(x, target, rows, epoch, step)
	return x, target
}

func TestPlainBatch(t *testing.T) {
	c := small()
	c.Augment, c.Mixup, c.CutMix, c.Normalize, c.LabelSmoothing = "none", 0, 0, "0.5/0.25", 0.1
	b, set := batcherOf(t, c)
	x, target := batchOf(b, []int{7, 3}, 1, 0)
	want := make([]float32, set.H*set.W)
	set.Train.Float32(want, 3)
	for i := range want {
		want[i] = (want[i] - 0.5) / 0.25
	}
	if err := tol.Close(x[len(want):], want, 1e-6, 0); err != nil { // one rounding more than the formula
		t.Error(err)
	}
	for j := range 10 {
		w := float32(0.01)
		if j == int(b.assigned[3]) {
			w += 0.9
		}
		if err := tol.Close(target[10+j:11+j], []float32{w}, 1e-7, 0); err != nil {
			t.Errorf("target of class %d: %v", j, err)
		}
	}
}

// A batch is a function of (seed, epoch, step), whatever the number of threads.
func TestBatchIsAFunction(t *testing.T) {
	c := small()
	c.Mixup, c.CutMix = 0.5, 0.5
	rows := []int{4, 9, 1, 30, 22, 17}
	a, set := batcherOf(t, c)
	pool := parallel.New(3)
	defer pool.Close()
	b, err := newBatcher(&c, set, pool)
	if err != nil {
		t.Fatal(err)
	}
	x1, t1 := batchOf(a, rows, 2, 5)
	batchOf(b, rows, 1, 1)
	x2, t2 := batchOf(b, rows, 2, 5)
	if !slices.Equal(x1, x2) || !slices.Equal(t1, t2) {
		t.Error("the same step gives another batch")
	}
	if x3, _ := batchOf(b, rows, 3, 5); slices.Equal(x1, x3) {
		t.Error("another epoch gives the same batch")
	}
	for i := range rows {
		sum := float32(0)
		for _, v := range t1[i*10 : (i+1)*10] {
			sum += v
		}
		if err := tol.Close([]float32{sum}, []float32{1}, 1e-6, 0); err != nil {
			t.Errorf("targets of row %d: %v", i, err)
		}
	}
}

// With views, an image has that many pictures over all epochs, each with a label of
// its own if labels are drawn per view.
func TestViews(t *testing.T) {
	c := small()
	c.Views, c.Labels, c.Mixup, c.CutMix = 3, "per-view", 0, 0
	b, _ := batcherOf(t, c)
	pictures := map[string]int{}
	for epoch := 1; epoch <= 40; epoch++ {
		x, target := batchOf(b, []int{11}, epoch, 0)
		key := make([]byte, 0, len(x))
		for _, v := range x {
			key = append(key, byte(v*255))
		}
		label := slices.Index(target, 1)
		if old, ok := pictures[string(key)]; ok && old != label {
			t.Errorf("epoch %d: a view has label %d, had %d", epoch, label, old)
		}
		pictures[string(key)] = label
	}
	if len(pictures) != 3 {
		t.Errorf("%d pictures of one image, want 3", len(pictures))
	}
	table := b.table()
	if !slices.Equal(table.Shape, []int{50, 3}) {
		t.Fatalf("labels.npy has shape %v", table.Shape)
	}
	for _, label := range pictures {
		if !slices.Contains(table.I64()[33:36], int64(label)) {
			t.Errorf("label %d is not among %v", label, table.I64()[33:36])
		}
	}
}

// With ideal views, a sample is shown as images of its group, under the label of
// its base.
func TestIdealViews(t *testing.T) {
	c := small()
	c.IdealViews = 5
	b, set := batcherOf(t, c)
	if b.samples != 10 {
		t.Fatalf("50 images in groups of 5 are %d samples", b.samples)
	}
	groups := augment.NewIdeal(c.LabelSeed, set.Train.Labels(), 5)
	seen := map[int]bool{}
	for epoch := range 60 {
		b.epoch = uint64(epoch)
		image, key, label := b.draw(2)
		seen[image] = true
		if groups.Base(image) != b.bases[2] || label != b.assigned[b.bases[2]] ||
			set.Train.Label(image) != set.Train.Label(b.bases[2]) {
			t.Errorf("image %d of class %d with label %d stands for %d", image, set.Train.Label(image), label, b.bases[2])
		}
		if key.Image != uint64(image) {
			t.Errorf("image %d is augmented as image %d", image, key.Image)
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d images stand for one sample, want 5", len(seen))
	}
}
