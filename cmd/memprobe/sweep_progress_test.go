package main

import (
	"strings"
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
	p := newCellsProgress(&b, false, []outcome{{Name: "a", Epochs: 3, State: string(sweep.Skipped)}, {Name: "b", Epochs: 5}, {Name: "c", Epochs: 4}})
	p.bar.last = p.bar.last.Add(-time.Minute)
	cellProgress{p, "b"}.step(train.Progress{Epoch: 3, Epochs: 5})
	if want := "epochs of all cells 5/12\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
