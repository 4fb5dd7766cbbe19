package probe

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/store"
)

// printed is a split with a fingerprint, that of its name.
type printed struct {
	Split
	name string
}

func (p printed) Fingerprint() string { return p.name }

const storedImages = 900

// printedData is of enough images for several chunks, a third of the training images not
// the model's.
func printedData() Data {
	d := testData()
	all := synthetic(storedImages, 3)
	d.Train, d.Rest, d.Assigned = printed{part{all, 0, 600}, "a"}, printed{part{all, 600, 300}, "b"}, nil
	d.Test = printed{synthetic(45, 3), "t"}
	return d
}

func storedOptions(s *store.Store) Options {
	return Options{Layers: []string{"all"}, K: []int{3}, Batch: 16, Draws: 2, Store: s, Augment: mirror, Views: 2,
		Images: 20, AugmentName: "mirror"}
}

func storeIn(t *testing.T, dir string, o store.Options) *store.Store {
	o.Note = func(text string) { t.Error(text) }
	return store.New(dir, o)
}

// want is the result without a store.
func want(t *testing.T, d Data, change func(o *Options)) string {
	o := storedOptions(nil)
	if change != nil {
		change(&o)
	}
	return encode(t, run(t, residual(t), d, o))
}

// A network sees an image once, whatever is measured of it afterwards, and the numbers
// are bit-identical to those without a store.
// Every stage tells how far it is, to its end: networks on images, pixels, and neighbours at
// each layer.
func TestStages(t *testing.T) {
	o := storedOptions(nil)
	defer o.Workers.Close()
	done, total := map[string]int{}, map[string]int{}
	o.Progress = func(stage string, d, n int) { done[stage], total[stage] = d, n }
	p := run(t, residual(t), printedData(), o)
	want := []string{"raw pixels, neighbours", "trained network, training images", "trained network, test images"}
	for _, l := range p.Layers[1:] {
		want = append(want, "trained network, neighbours at "+l.Name)
	}
	for _, stage := range want {
		if total[stage] == 0 || done[stage] != total[stage] {
			t.Errorf("stage %q ends at %d of %d", stage, done[stage], total[stage])
		}
	}
}

func TestStoredFeatures(t *testing.T) {
	dir, d := t.TempDir(), printedData()
	const rows = 3*(storedImages+45) + 2*40 // three networks, of which two see views
	for _, c := range []struct {
		name   string
		change func(o *Options)
		least  int // rows that go through a network
		most   int
	}{
		{"all", nil, rows, rows},
		{"again", nil, 0, 0},
		{"metric", func(o *Options) { o.Metric, o.K, o.Metrics = knn.Euclidean, []int{1, 7}, []string{"rankme"} }, 0, 0},
		{"layers", func(o *Options) { o.Layers = []string{"blocks"} }, 0, 0},
		{"wide input", func(o *Options) { o.MaxMemory = 150000 }, 0, 0}, // which is left out
		{"threads", func(o *Options) { o.Workers = parallel.New(3) }, 0, 0},
		{"held-out", func(o *Options) { o.Bank = []string{HeldOut} }, 0, 0},
		{"train", func(o *Options) { o.Bank = []string{TrainImages} }, 1, 3 * 255}, // the chunk in which they end
		{"pooling", func(o *Options) { o.Pooling = Max }, rows, rows},
		{"seed", func(o *Options) { o.Seed = 1 }, 2*(storedImages+45) + 2*40, 2*(storedImages+45) + 2*40},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := storeIn(t, dir, store.Options{})
			o := storedOptions(s)
			if c.change != nil {
				c.change(&o)
			}
			if got := encode(t, run(t, residual(t), d, o)); got != want(t, d, c.change) {
				t.Error("with the store the result is another")
			}
			if _, n := s.Rows(); n < c.least || n > c.most {
				t.Errorf("%d rows went through a network, want %d to %d", n, c.least, c.most)
			}
			o.Workers.Close()
		})
	}
}

// What the store is not worth, or has no fingerprint, is not stored.
func TestNotStored(t *testing.T) {
	d := printedData()
	s := storeIn(t, t.TempDir(), store.Options{Least: 1 << 50})
	run(t, residual(t), d, storedOptions(s))
	if found, computed := s.Rows(); found+computed != 0 {
		t.Error("work below the least is stored")
	}
	s.Least, d.Rest = 0, testData().Train
	run(t, residual(t), d, storedOptions(s))
	if found, computed := s.Rows(); found+computed != 0 {
		t.Error("images without a fingerprint are stored")
	}
}

// A store without room leaves features in memory.
func TestStoreWithoutRoom(t *testing.T) {
	notes := 0
	s := store.New(t.TempDir(), store.Options{Limit: 1000, Note: func(string) { notes++ }})
	d := printedData()
	if got := encode(t, run(t, residual(t), d, storedOptions(s))); got != want(t, d, nil) || notes == 0 {
		t.Errorf("another result, or %d notes", notes)
	}
}

// stopping is a split that cancels after some images.
type stopping struct {
	printed
	left *atomic.Int64
	stop func()
}

func (s stopping) Float32(dst []float32, i int) {
	if s.left.Add(-1) == 0 {
		s.stop()
	}
	s.printed.Float32(dst, i)
}

// An analysis that was interrupted goes on where it was.
func TestInterruptedAnalysis(t *testing.T) {
	s := storeIn(t, t.TempDir(), store.Options{})
	d := printedData()
	total := 0
	for after := int64(1500); ; after += 400 {
		ctx, stop := context.WithCancel(t.Context())
		left := new(atomic.Int64)
		left.Store(after)
		again := d
		again.Train = stopping{d.Train.(printed), left, stop}
		p, err := Run(ctx, residual(t), again, storedOptions(s))
		stop()
		if err == nil {
			if got := encode(t, p); got != want(t, d, nil) {
				t.Error("after interruptions the result is another")
			}
			break
		}
		if total++; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if _, n := s.Rows(); total == 0 || n != 3*(storedImages+45)+2*40 {
		t.Errorf("%d interruptions, %d rows through a network; want each once", total, n)
	}
}

// Shares in any order, some at once, make what one machine makes.
func TestShares(t *testing.T) {
	dir, d := t.TempDir(), printedData()
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			s := storeIn(t, dir, store.Options{})
			if err := Fill(t.Context(), residual(t), d, storedOptions(s), store.Share{Index: i, Of: 3}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := storeIn(t, dir, store.Options{})
	if got := encode(t, run(t, residual(t), d, storedOptions(s))); got != want(t, d, nil) {
		t.Error("the result is another")
	}
	if _, n := s.Rows(); n != 0 {
		t.Errorf("%d rows were left for the last", n)
	}
	d.Train = d.Train.(printed).Split
	if err := Fill(t.Context(), residual(t), d, storedOptions(s), store.Share{}); err == nil {
		t.Error("a share of what is not stored is no error")
	}
}

// Rounded features are said to be, and are the same from the network and from the store.
func TestRoundedFeatures(t *testing.T) {
	dir, d := t.TempDir(), printedData()
	var results [2]string
	for i := range results {
		p := run(t, residual(t), d, storedOptions(storeIn(t, dir, store.Options{Type: store.Float16})))
		if p.Settings.Features != "float16" {
			t.Errorf("settings say %q", p.Settings.Features)
		}
		results[i] = encode(t, p)
	}
	if results[0] != results[1] {
		t.Error("results differ")
	}
	s := store.New(t.TempDir(), store.Options{Type: store.Float16, Limit: 10, Note: func(string) {}})
	if _, err := Run(t.Context(), residual(t), d, storedOptions(s)); err == nil {
		t.Error("features that cannot be rounded by storing them are no error")
	}
}
