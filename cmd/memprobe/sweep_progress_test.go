package main

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"memprobe/train"
	"memprobe/train/sweep"
)

// Cells share the threads evenly; there are never more at a time than cells.
func TestSweepDivides(t *testing.T) {
	for _, c := range []struct{ jobs, threads, cells, wantJobs, wantThreads int }{
		{0, 2, 9, 2, 1},
		{0, 2, 1, 1, 2},
		{0, 1, 9, 1, 1},
		{0, 4, 3, 2, 2},
		{1, 2, 9, 1, 2},
		{3, 2, 9, 3, 1},
		{2, 7, 9, 2, 3},
	} {
		o := sweepOptions{jobs: c.jobs, threads: c.threads, cells: make([]sweep.Cell, c.cells)}
		if o.divide(); o.jobs != c.wantJobs || o.share != c.wantThreads {
			t.Errorf("%+v: %d jobs of %d threads", c, o.jobs, o.share)
		}
	}
}

// Cells of many epochs begin first where several run at a time, and else as in the plan.
func TestLongestFirst(t *testing.T) {
	for jobs, want := range map[int][]int{1: {3, 9, 3, 9}, 2: {9, 9, 3, 3}} {
		o := sweepOptions{jobs: jobs}
		for _, n := range []int{3, 9, 3, 9} {
			o.cells = append(o.cells, sweep.Cell{Config: train.Config{Epochs: n}})
		}
		var got []int
		for _, c := range o.longestFirst() {
			got = append(got, c.Config.Epochs)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d jobs: cells of %v epochs, want %v", jobs, got, want)
		}
	}
}

// The cells that are left have the threads of those that are done.
func TestSharedThreads(t *testing.T) {
	for _, c := range []struct{ all, each, most int }{{2, 1, 2}, {8, 4, 8}, {64, 1, 4}, {2, 2, 2}} {
		s := sharedThreads{all: c.all, each: c.each}
		a, b := s.begin(), s.begin()
		if a.Threads() != c.most || b.Threads() != c.most {
			t.Errorf("%+v: pools of %d and %d threads, want %d", c, a.Threads(), b.Threads(), c.most)
		}
		used := func() int {
			var mu sync.Mutex
			seen := map[int]bool{}
			for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && len(seen) < c.most; {
				b.For(64, func(worker, _ int) {
					mu.Lock()
					seen[worker] = true
					mu.Unlock()
					runtime.Gosched()
				})
			}
			return len(seen)
		}
		if n, want := used(), min(c.most, max(c.each, c.all/2)); n != want {
			t.Errorf("%+v: a cell beside another has %d threads, want %d", c, n, want)
		}
		s.end(a)
		if n := used(); n != c.most {
			t.Errorf("%+v: a cell alone has %d threads, want %d", c, n, c.most)
		}
		s.end(b)
	}
}

// The time of a sweep is that of the job that is the last to end.
func TestMakespan(t *testing.T) {
	for _, c := range []struct {
		times []float64
		jobs  int
		want  float64
	}{
		{nil, 2, 0},
		{[]float64{3, 1, 2}, 1, 6},
		{[]float64{3, 1, 2}, 2, 3},
		{[]float64{1, 1, 5}, 2, 6},
		{[]float64{1, 2}, 5, 2},
	} {
		if got := makespan(c.times, c.jobs); got != c.want {
			t.Errorf("%v, %d at a time: %v, want %v", c.times, c.jobs, got, c.want)
		}
	}
}

// Cells that run at a time are shown as one count of epochs, what is finished included.
func TestCellsProgress(t *testing.T) {
	var b strings.Builder
	p := newCellsProgress(&b, false, []outcome{{Name: "a", Epochs: 3, State: string(sweep.Skipped)},
		{Name: "b", Epochs: 5}, {Name: "c", Epochs: 4}})
	p.bar.last = p.bar.last.Add(-time.Minute)
	cellProgress{p, "b"}.step(train.Progress{Epoch: 3, Epochs: 5})
	if want := "epochs of all cells 5/12\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
